"""From letters (written for these tests) to proposals; bad input has a stated behaviour."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from routing.catalogue import Catalogue
from routing.choose import NO_CLUE, NO_MODEL
from routing.proposer import Proposer, build_proposer
from schemas.matter import MatterKind
from schemas.parties import AccusedParty
from tests.routing.letters import TODAY, registration, ticket

LETTERS = [
    ("楼下饭店每天半夜烧烤油烟很大，还把桌椅摆到人行道上", "cgj"),
    ("我在厂里上班三年没有签劳动合同，也不交社保", "rsj"),
    ("孩子户口在这里，小学报名说学位已满，问学区怎么划分", "jyj"),
    ("小区物业公司收了物业费却不修门禁，业主委员会也不管", "zjj"),
    ("化工厂夜里偷排废水，空气刺鼻，河里的鱼都死了", "sthj"),
    ("出租车司机拒载还绕路，打表不正常", "jtj"),
    ("在超市买到过期食品，商家拒绝退款", "scjg"),
    ("异地就医的医保报销比例是多少", "ybj"),
    ("家里自来水停水两天，水压一直很低", "swjt"),
    ("整栋楼停电，变压器嗡嗡响，电表也坏了", "gdgs"),
    ("公园里的行道树断了，绿化没有人修剪", "ylj"),
    ("父亲是退伍军人，想问优待金怎么领", "tyjr"),
    ("跟团旅游，导游强制购物", "wlj"),
    ("医院的医生误诊，手术后病人更严重了", "wjw"),
    ("老人想申请低保和养老院床位", "mzj"),
]


@pytest.mark.parametrize(("text", "department"), LETTERS)
def test_plain_letters_find_their_department(
    proposer: Proposer, text: str, department: str
) -> None:
    proposal = proposer.propose(registration(text))
    assert proposal.candidates[0].department == department
    assert proposal.candidates[0].reasons[0].startswith("相关词语：")


@pytest.mark.parametrize("text", [text for text, _ in LETTERS])
def test_proposals_hold_at_least_five_by_falling_probability(
    proposer: Proposer, catalogue: Catalogue, text: str
) -> None:
    proposal = proposer.propose(registration(text))
    shares = [candidate.probability for candidate in proposal.candidates]
    assert len(shares) >= 5
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1.001
    assert all(catalogue.knows(candidate.department) for candidate in proposal.candidates)
    assert not proposal.dispatch
    assert proposal.abstained_because == NO_MODEL


def test_every_keyword_alone_speaks_for_its_department(catalogue: Catalogue) -> None:
    _, everything = build_proposer(lambda: TODAY, keep=None)
    everything.warm_up().join()
    for department in catalogue.departments():
        area = department.areas[0] if department.areas else None
        for word in (word for group in department.keywords.values() for word in group):
            proposal = everything.propose(
                registration(word, "题", kind=MatterKind.INQUIRY, area=area)
            )
            own = next(c for c in proposal.candidates if c.department == department.code)
            assert any(word in reason for reason in own.reasons), (department.code, word)


def test_the_same_letter_gets_the_same_proposal(proposer: Proposer) -> None:
    letter = registration("物业费、停车位和垃圾，工资、学校、医院", area="320508")
    first = proposer.propose(letter)
    _, another = build_proposer(lambda: TODAY)
    assert another.propose(letter) == first
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(proposer.propose, [letter] * 20)) == {first}


@pytest.mark.parametrize(
    "text", ["", " ", "啊", "?", "\x00\x07\u200b", "😀😀😀", "สวัสดี Здравствуйте", "1" * 300]
)
def test_a_text_without_a_clue_abstains_and_says_so(proposer: Proposer, text: str) -> None:
    # a registration refuses the empty text; other ways in may not
    letter = registration("x", "-")
    empty = letter.model_copy(update={"matter": letter.matter.model_copy(update={"text": text})})
    proposal = proposer.propose(empty)
    assert proposal.abstained_because == f"{NO_MODEL}；{NO_CLUE}"
    assert len(proposal.candidates) >= 5
    assert all(candidate.reasons == () for candidate in proposal.candidates)


def test_a_very_long_text_is_read_at_its_beginning(proposer: Proposer) -> None:
    letter = registration("x")
    long = "包工头拖欠工资" + "啊" * 100_000 + "医院"
    matter = letter.matter.model_copy(update={"text": long})
    proposal = proposer.propose(letter.model_copy(update={"matter": matter}))
    assert proposal.candidates[0].department == "rsj"
    assert not any("医院" in r for c in proposal.candidates for r in c.reasons)


def test_control_characters_and_width_do_not_hide_a_word(proposer: Proposer) -> None:
    plain = proposer.propose(registration("拖欠工资，在ＫＴＶ上班"))
    odd = proposer.propose(registration("拖\u200b欠\x00工资，在KTV上班"))
    assert plain == odd


def test_mixed_scripts_are_read_where_they_can_be(proposer: Proposer) -> None:
    proposal = proposer.propose(registration("Hello, my 出租车 driver refused 打表 😡"))
    assert proposal.candidates[0].department == "jtj"


def test_no_reason_holds_personal_data_or_the_letters_own_words(proposer: Proposer) -> None:
    private = ["138" + "00001234", "苏E12345", "000101199001011234", "zhang@example.com", "张小明"]
    letter = registration(
        f"我叫{private[4]}，电话{private[0]}，身份证{private[2]}，{private[3]}，"
        f"车{private[1]}被违停，在姑苏区派出所报警，物业公司不管",
        f"{private[4]}反映违停",
        accused=AccusedParty(name="李大力的店", address="姑苏区某路1号"),
    )
    proposal = proposer.propose(letter)
    reasons = "".join(reason for each in proposal.candidates for reason in each.reasons)
    assert "派出所" in reasons
    assert not [each for each in (*private, "李大力", "某路") if each in reasons]


def test_the_area_brings_its_government_as_last_resort(proposer: Proposer) -> None:
    for letter, origin in [
        (registration("有件事不知道找谁", area="320502"), "登记属地"),
        (registration("有件事不知道找谁", place="平江街道某巷"), "事发地点"),
        (registration("在姑苏区，有件事不知道找谁"), "正文提及"),
    ]:
        first = proposer.propose(letter).candidates[0]
        assert first.department == "gusu"
        assert f"属地兜底：姑苏区（{origin}）" in first.reasons


def test_a_government_of_another_area_gets_nothing(proposer: Proposer) -> None:
    proposal = proposer.propose(registration("村委会和街道办的事", area="320508"))
    assert proposal.candidates[0].department == "gusu"
    assert "wuzhong" not in [c.department for c in proposal.candidates if c.reasons]


def test_an_unknown_area_of_the_city_is_no_clue(proposer: Proposer) -> None:
    known = proposer.propose(registration("出租车拒载"))
    assert proposer.propose(registration("出租车拒载", area="320599")) == known


def test_the_category_that_an_operator_chose_counts(proposer: Proposer) -> None:
    proposal = proposer.propose(registration("有件事", category="环境保护/环境污染/噪声"))
    assert proposal.candidates[0].department == "sthj"
    assert "诉求分类：环境保护/环境污染" in proposal.candidates[0].reasons
    head = ticket(category_code="教育文体/体育")
    assert proposer.propose(registration("有件事"), head).candidates[0].department == "tyj"


def test_a_limit_moves_a_matter_to_the_department_it_names(proposer: Proposer) -> None:
    proposal = proposer.propose(registration("快递包裹在路上坏了", kind=MatterKind.SUGGESTION))
    assert proposal.candidates[0].department == "yzj"
    proposal = proposer.propose(registration("医院说医保报销比例变了"))
    assert proposal.candidates[0].department == "ybj"
    assert any(r.startswith("职责边界：") for r in proposal.candidates[0].reasons)


def test_who_sent_the_ticket_back_is_not_first_again(proposer: Proposer) -> None:
    letter = registration("包工头拖欠工资，没有劳动合同")
    assert proposer.propose(letter, ticket()).candidates[0].department == "rsj"
    again = proposer.propose(letter, ticket("rsj"))
    assert again.candidates[0].department != "rsj"
    assert again.rule is None


def test_a_rule_shows_first_and_is_named(proposer: Proposer) -> None:
    proposal = proposer.propose(registration("包工头拖欠农民工工资"))
    assert proposal.rule == "wage-arrears"
    assert proposal.candidates[0].probability == pytest.approx(0.9)
    assert proposal.candidates[0].reasons[0].startswith("规则“拖欠工资”")


def test_a_matter_outside_the_city_says_what_to_do(proposer: Proposer) -> None:
    proposal = proposer.propose(registration("路灯坏了", area="310104"))
    assert proposal.rule == "outside-city"
    assert proposal.abstained_because is not None
    assert proposal.abstained_because.startswith("诉求属地不在本市")


class FixedModel:
    """A model that always answers the same, to see that its place works."""

    name = "fixed 0000"

    def probabilities(self, text: str) -> Sequence[tuple[str, float]]:
        return [("gaj", 0.97), ("cgj", 0.03)] if "违停" in text else [("cgj", 0.5)]

    def threshold(self, department: str) -> float | None:
        return {"gaj": 0.95}.get(department)


def test_a_model_may_dispatch_only_where_it_is_switched_on() -> None:
    letter = registration("门口违停")
    _, on = build_proposer(lambda: TODAY, classifier=FixedModel(), machine_dispatch=True)
    _, off = build_proposer(lambda: TODAY, classifier=FixedModel())
    assert on.propose(letter).dispatch
    assert on.propose(letter).candidates[0].department == "gaj"
    assert not off.propose(letter).dispatch
    assert not on.propose(registration("路灯")).dispatch


def test_another_citys_departments_come_without_our_rules(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text(
        '[[department]]\ncode = "one"\nname = "甲局"\nduties = ["工资支付"]\n'
        'keywords.5 = ["拖欠工资"]\n[[department]]\ncode = "two"\nname = "乙局"\nduties = ["树"]\n',
        encoding="utf-8",
    )
    _, proposer = build_proposer(lambda: TODAY, catalogue_file=file)
    proposal = proposer.propose(registration("拖欠工资"))
    assert [c.department for c in proposal.candidates] == ["one", "two"]
    assert proposal.rule is None


def test_a_department_is_no_longer_proposed_from_the_day_it_is_abolished(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text(
        '[[department]]\ncode = "old"\nname = "甲局"\nduties = ["工资"]\nkeywords.5 = ["工资"]\n'
        'abolished_on = 2027-01-01\nsuccessor = "new"\n'
        '[[department]]\ncode = "new"\nname = "乙局"\nduties = ["人事"]\n',
        encoding="utf-8",
    )
    day = [date(2026, 12, 31)]
    _, proposer = build_proposer(lambda: day[0], catalogue_file=file)
    assert proposer.propose(registration("工资")).candidates[0].department == "old"
    day[0] = date(2027, 1, 1)
    assert [c.department for c in proposer.propose(registration("工资")).candidates] == ["new"]


def test_another_citys_areas_say_what_lies_outside(tmp_path: Path) -> None:
    departments, areas = tmp_path / "departments.toml", tmp_path / "areas.toml"
    departments.write_text(
        '[[department]]\ncode = "one"\nname = "甲局"\nduties = ["路灯"]\nareas = ["340122"]\n',
        encoding="utf-8",
    )
    areas.write_text(
        'city = { code = "340100", name = "合肥市" }\n[[area]]\ncode = "340122"\nname = "肥东县"\n',
        encoding="utf-8",
    )
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[rule]]\ncode = "away"\nname = "属地不在本市"\nareas = ["outside"]\nreason = "请核实"\n',
        encoding="utf-8",
    )
    _, proposer = build_proposer(
        lambda: TODAY, catalogue_file=departments, areas_file=areas, rules_file=rules
    )
    assert proposer.propose(registration("路灯", area="340122")).rule is None
    assert proposer.propose(registration("路灯", area="320508")).rule == "away"
