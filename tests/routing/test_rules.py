"""Hard rules: each condition, the built-in rules, and what makes a rule file wrong."""

from pathlib import Path

import pytest

from routing.catalogue import Catalogue
from routing.catalogue_file import CatalogueWrong
from routing.clues import Clues, read_clues
from routing.rules import HardRules, Rule, load_rules
from schemas.matter import MatterKind, Urgency
from schemas.parties import AccusedParty
from tests.routing.letters import TODAY, registration, ticket

LOCAL, ELSEWHERE, SHARED = "91320594MA00000002", "91310100MA00000004", "91320500MA0000000W"


def clues_of(catalogue: Catalogue, text: str, title: str = "反映一件事", **more: object) -> Clues:
    return read_clues(registration(text, title, **more), None, catalogue.areas, TODAY)  # type: ignore[arg-type]  # keywords of registration


def firm(uscc: str, address: str | None = None) -> AccusedParty:
    return AccusedParty(name="某公司", uscc=uscc, address=address)


@pytest.mark.parametrize(
    ("text", "more", "rule", "department"),
    [
        ("楼下燃气泄漏味道很大", {}, "gas-leak", "rqgs"),
        ("包工头拖欠农民工工资", {}, "wage-arrears", "rsj"),
        ("学校拖欠老师工资", {}, None, None),
        ("怎样投诉欠薪", {"kind": MatterKind.INQUIRY}, None, None),
        ("门口小店卖假烟", {}, "tobacco", "ycj"),
        ("住房公积金怎么办", {"kind": MatterKind.INQUIRY}, "provident-fund", "gjj"),
        ("楼道飞线充电", {}, "fire-lane", "xfzd"),
        ("快递驿站不送上门", {}, "express", "yzj"),
        ("快递公司不给工资", {}, None, None),
        ("路灯坏了", {"area": "310100"}, "outside-city", None),
        ("路灯坏了", {"area": "320000"}, None, None),
        ("买到假冒伪劣", {"accused": firm(LOCAL)}, "consumer-local", "scjg"),
        ("买到假冒伪劣", {"accused": firm(SHARED)}, "consumer-local", "scjg"),
        ("买到假冒伪劣", {"accused": firm(ELSEWHERE)}, "consumer-elsewhere", None),
        ("买到假冒伪劣", {"accused": firm("broken")}, None, None),
        ("账目不公开", {"title": "村委会账目", "area": "320584"}, "grass-roots", "wujiang"),
        ("账目不公开", {"title": "村委会账目", "place": "胜浦街道"}, "grass-roots", "yuanqu"),
        ("账目不公开，在吴中区", {"title": "村委会账目"}, None, None),
        ("账目不公开", {"title": "村委会账目", "area": "320500"}, None, None),
    ],
)
def test_built_in_rules(
    catalogue: Catalogue,
    text: str,
    more: dict[str, object],
    rule: str | None,
    department: str | None,
) -> None:
    ruling = load_rules(catalogue).decide(clues_of(catalogue, text, **more))  # type: ignore[arg-type]  # keywords of registration
    assert (ruling.rule.code if ruling else None) == rule
    assert (ruling.department if ruling else None) == department


def test_no_built_in_rule_lets_a_machine_dispatch(catalogue: Catalogue) -> None:
    assert not any(rule.dispatch for rule in load_rules(catalogue).rules)


def test_reasons_name_the_words_and_where_the_area_is_known_from(catalogue: Catalogue) -> None:
    rules = load_rules(catalogue)
    ruling = rules.decide(clues_of(catalogue, "账目", "村委会的事", place="胜浦街道某村"))
    assert ruling is not None
    assert "命中词语：村委会" in ruling.reasons
    assert "属地：苏州工业园区（事发地点）" in ruling.reasons
    ruling = rules.decide(clues_of(catalogue, "虚假宣传", accused=firm(LOCAL)))
    assert ruling is not None
    assert "被诉方登记地：苏州工业园区（统一社会信用代码）" in ruling.reasons


@pytest.mark.parametrize(
    ("condition", "fits", "does_not"),
    [
        ({"all": ("一", "二")}, Clues("", "一二", *_KU), Clues("", "一", *_KU))
        for _KU in [(MatterKind.COMPLAINT, Urgency.NORMAL)]
    ]
    + [
        (
            {"urgencies": (Urgency.CRITICAL,)},
            Clues("", "", MatterKind.HELP, Urgency.CRITICAL),
            Clues("", "", MatterKind.HELP, Urgency.NORMAL),
        ),
        (
            {"categories": ("城乡建设",)},
            Clues("", "", MatterKind.HELP, Urgency.NORMAL, "城乡建设/工程质量"),
            Clues("", "", MatterKind.HELP, Urgency.NORMAL, "城乡建设二"),
        ),
    ],
)
def test_conditions(
    catalogue: Catalogue, condition: dict[str, object], fits: Clues, does_not: Clues
) -> None:
    rule = Rule.model_validate(
        {"code": "r", "name": "试", "department": "gaj", "reason": "因", **condition}
    )
    rules = HardRules((rule,), catalogue)
    assert rules.decide(fits) is not None
    assert rules.decide(does_not) is None


def test_the_first_rule_that_fits_decides(catalogue: Catalogue) -> None:
    first = Rule(code="one", name="一", any=("灯",), department="cgj", reason="因")
    second = first.model_copy(update={"code": "two", "department": "gaj"})
    ruling = HardRules((first, second), catalogue).decide(clues_of(catalogue, "路灯"))
    assert ruling is not None
    assert ruling.rule.code == "one"


def test_the_next_rule_is_asked_when_a_department_sent_the_ticket_back(
    catalogue: Catalogue,
) -> None:
    first = Rule(code="one", name="一", any=("灯",), department="cgj", reason="因")
    second = first.model_copy(update={"code": "two", "department": "gaj"})
    back = read_clues(registration("路灯"), ticket("cgj"), catalogue.areas, TODAY)
    ruling = HardRules((first, second), catalogue).decide(back)
    assert ruling is not None
    assert ruling.rule.code == "two"


def test_a_rule_for_an_abolished_department_means_its_successor(catalogue: Catalogue) -> None:
    rule = Rule(code="old", name="旧", any=("出版",), department="wgxj", reason="因")
    ruling = HardRules((rule,), catalogue).decide(clues_of(catalogue, "出版物"))
    assert ruling is not None
    assert ruling.department == "wlj"


def test_accused_area_sends_to_the_government_of_the_registration(catalogue: Catalogue) -> None:
    rule = Rule(
        code="reg", name="登记地", accused_areas=("320571",), department="accused_area", reason="因"
    )
    rules = HardRules((rule,), catalogue)
    ruling = rules.decide(clues_of(catalogue, "某事", accused=firm(LOCAL)))
    assert ruling is not None
    assert ruling.department == "yuanqu"
    assert rules.decide(clues_of(catalogue, "某事", accused=firm(SHARED))) is None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('any = ["x"]\ndepartment = "nobody"', r"rule r: department: no department nobody"),
        ('none = ["x"]\ndepartment = "gaj"', r"rule r: any: the rule would fit every matter"),
        ('any = ["x"]\ndispatch = true', r"rule r: dispatch: there is no department"),
        ('categories = ["无"]', r"rule r: categories: no category 无"),
        ('areas = ["320599"]', r"rule r: areas: no area 320599"),
        ('accused_areas = ["320599"]', r"rule r: accused_areas: no area 320599"),
        ('kinds = ["complain"]', r"rule r: kinds\.0: "),
        ('areas = ["somewhere"]', r"rule r: areas\.0"),
        ('any = ["x"]\n[[rule]]\ncode = "r"\nname = "a"\nany = ["y"]\nreason = "b"', r"twice"),
    ],
)
def test_a_wrong_rule_is_refused(
    catalogue: Catalogue, entry: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(f'[[rule]]\ncode = "r"\nname = "试"\nreason = "因"\n{entry}', encoding="utf-8")
    with pytest.raises(CatalogueWrong, match=message):
        load_rules(catalogue, file)
