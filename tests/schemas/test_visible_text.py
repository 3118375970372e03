"""Nobody hands in a title that cannot be seen, or that reads backwards."""

import sys
import unicodedata

import pytest
from pydantic import ValidationError

from schemas.commands import COMMANDS
from schemas.lifecycle import Action
from schemas.matter import Matter
from schemas.parties import AccusedParty, Citizen
from schemas.visible_text import INVISIBLE, visible, visible_line
from tests.schemas import cases

TYPED = {"text", "note", "reason", "result", "reply"}


def test_control_and_format_characters_are_those_of_unicode() -> None:
    kept = {"\t", "\n", "\r", "\u200d"}
    for number in range(sys.maxunicode + 1):
        one = chr(number)
        expected = unicodedata.category(one) in {"Cc", "Cf"} and one not in kept
        assert (INVISIBLE.fullmatch(one) is not None) == expected, hex(number)


CHINESE = (
    "尊敬的领导：\r\n　　我是阿依古丽·买买提，住“东园新村”３幢２０１室——"
    "电梯（２０２６年第３次）又停了！\n"
    "\t䶮先生、𠮷野、㵘、葛\U000e0100城、ｶﾀｶﾅ、ＡＢＣ①②③㎡℃￥…；《民法典》第二百七十八条。"
    "བོད་ཡིག ئۇيغۇرچە ᠮᠣᠩᠭᠣᠯ 한국어 👨\u200d👩\u200d👧 ❤\ufe0f 🇨🇳"
)


def test_what_people_write_stays_as_it_is() -> None:
    assert visible(CHINESE) == CHINESE
    assert visible_line("阿依古丽·买买提") == "阿依古丽·买买提"
    assert Matter(title="路灯", text=CHINESE, place="东园新村３幢　２０１").text == CHINESE


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("路灯\u200b不亮", "路灯不亮"),
        ("\u202e路灯", "路灯"),
        ("第一行\n\t第二行\r\n", "第一行\n\t第二行\r\n"),
        ("\U0001f468\u200d\U0001f469 家", "\U0001f468\u200d\U0001f469 家"),
        ("\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525"),
        ("路\u200d灯", "路灯"),
        ("\u200b \u3164\ufe0f\n", ""),
        ("\u200d", ""),
        ("a\x07b", "ab"),
        (" plain ", " plain "),
        ("  ", ""),
    ],
)
def test_what_is_left(given: str, seen: str) -> None:
    assert visible(given) == seen


def test_a_title_is_one_line() -> None:
    assert visible_line("路灯\r\n不亮") == "路灯 不亮"
    assert visible_line(5) == 5, "what is no text is refused by its type"


def test_matters_and_commands_refuse_what_cannot_be_seen() -> None:
    for changes in ({"title": "\u200b"}, {"text": "\u202e\n"}, {"title": "\u3000"}):
        with pytest.raises(ValidationError, match="at least 1 character"):
            Matter.model_validate({"title": "路灯", "text": "不亮"} | changes)
    assert Matter(title="路\u200b灯\n", text="不\u200b亮\n").text == "不亮\n"
    with pytest.raises(ValidationError, match="at least 1 character"):
        cases.command(Action.REMIND, cases.OPERATOR, text="\u200b\u2060")


WRAPPED = "\u202a{}\u202c\u200b"  # as numbers and names come from chats and address books


def test_every_text_of_a_command_follows_the_rule() -> None:
    """Whatever a form or a body brings: the models are the same."""
    seen = set()
    for action, kind in COMMANDS.items():
        for name in TYPED & set(kind.model_fields):
            command = cases.command(
                action, cases.OPERATOR, **{name: WRAPPED.format("请\u200b核实")}
            )
            assert getattr(command, name) == "请核实", (action, name)
            seen.add(name)
    assert seen == TYPED


def test_parties_and_places_follow_the_rule() -> None:
    citizen = Citizen(
        name=WRAPPED.format("张\u2060三"), phone=WRAPPED.format("0512-65000000"),
        id_no=WRAPPED.format("32050119"),
    )  # fmt: skip
    assert (citizen.name, citizen.phone, citizen.id_no) == ("张三", "0512-65000000", "32050119")
    accused = AccusedParty(
        name=WRAPPED.format("健身馆"), uscc=WRAPPED.format("91"), address="观前街\n8号"
    )
    assert (accused.name, accused.uscc, accused.address) == ("健身馆", "91", "观前街 8号")
    assert Matter(title="路灯", text="不亮", place=WRAPPED.format("北园路")).place == "北园路"
    with pytest.raises(ValidationError, match="at least 1 character"):
        Citizen(name="\u200b\u2800")


def test_what_is_printable_holds_nothing_invisible() -> None:
    """`visible` leaves such texts alone."""
    printable = "".join(one for one in map(chr, range(sys.maxunicode + 1)) if one.isprintable())
    assert not INVISIBLE.search(printable)
    assert "\u200d" not in printable
