"""Cut a page of JSON into its items; each keeps the peer's own bytes. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_DECODER = json.JSONDecoder()
_BLANK = " \t\r\n"


@dataclass(frozen=True)
class JsonPage:
    """items: the texts of the list's elements; rest: the page's other members, decoded."""

    items: tuple[bytes, ...]
    rest: dict[str, Any]


def cut(content: bytes, member: str) -> JsonPage:
    """Cut the list `member` of the JSON object `content`.

    Raises: ValueError when it is no JSON object with such a list.
    """
    text = content.decode("utf-8-sig")
    items: tuple[bytes, ...] | None = None
    rest: dict[str, Any] = {}
    try:
        for name, at in _members(text):
            if name == member:
                items = tuple(text[start:end].encode() for start, end in _elements(text, at))
            else:
                rest[name], _ = _DECODER.raw_decode(text, at)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if items is None:
        raise ValueError(f"the page has no list {member}")
    return JsonPage(items, rest)


def _members(text: str) -> Iterator[tuple[str, int]]:
    """Name of each member of the outermost object, and where its value begins."""
    at = _after(text, 0, "{")
    while _look(text, at) != "}":
        name, at = _DECODER.raw_decode(text, _skip(text, at))
        if not isinstance(name, str):
            raise ValueError("a member's name is not a string")  # noqa: TRY004 - bad JSON
        at = _skip(text, _after(text, at, ":"))
        yield name, at
        at = _more(text, _DECODER.raw_decode(text, at)[1], "}")
    if text[_after(text, at, "}") :].strip(_BLANK):
        raise ValueError("something follows the page")


def _elements(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Start and end of each element of the list that begins at `at`."""
    at = _after(text, at, "[")
    while _look(text, at) != "]":
        start = _skip(text, at)
        end = _DECODER.raw_decode(text, start)[1]
        yield start, end
        at = _more(text, end, "]")


def _more(text: str, at: int, closing: str) -> int:
    """Behind the comma, or at the closing bracket."""
    if _look(text, at) == closing:
        return at
    at = _after(text, at, ",")
    if _look(text, at) == closing:
        raise ValueError(f"nothing between comma and {closing}")
    return at


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] in tuple(_BLANK):
        at += 1
    return at


def _look(text: str, at: int) -> str:
    at = _skip(text, at)
    return text[at : at + 1]


def _after(text: str, at: int, wanted: str) -> int:
    """Behind the character `wanted`, which must come next."""
    at = _skip(text, at)
    if text[at : at + 1] != wanted:
        raise ValueError(f"{wanted} expected at character {at}")
    return at + 1
