"""Nobody hands in a title that cannot be seen, or that reads backwards."""

import sys
import unicodedata

import pytest
from pydantic import ValidationError

from schemas.lifecycle import Action
from schemas.matter import Matter
from schemas.visible_text import INVISIBLE, visible, visible_line
from tests.schemas import cases


def test_control_and_format_characters_are_those_of_unicode() -> None:
    kept = {"\t", "\n", "\r", "\u200d"}
    for number in range(sys.maxunicode + 1):
        one = chr(number)
        expected = unicodedata.category(one) in {"Cc", "Cf"} and one not in kept
        assert (INVISIBLE.fullmatch(one) is not None) == expected, hex(number)


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
