"""The list's parameters -> what the store is asked. A parameter nobody knows is an error."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any

from multidict import MultiMapping
from pydantic import ValidationError

from console.api.bodies import has_unprintable
from console.api.operations import Parameter
from console.api.problems import fields_wrong
from console.say_fields import Wrong, wrong_fields
from schemas.matter import MatterKind, Urgency
from schemas.ticket import Source, State
from schemas.working_calendar import HUB_ZONE
from ticket_store.marks import Mark
from ticket_store.ticket_query import Order, TicketQuery

DEFAULT_LIMIT, MOST_LIMIT = 50, 100
_LONGEST = 200
_MOST_VALUES = 50


def _one_of(kind: Any) -> dict[str, Any]:
    return {"type": "string", "enum": [value.value for value in kind]}


_TIME = "RFC 3339 with a zone, or a date (that day in the hub's zone)"
PARAMETERS = (
    Parameter("state", "any of these states", _one_of(State), many=True),
    Parameter("kind", "any of these kinds of matter", _one_of(MatterKind), many=True),
    Parameter("source", "any of these channels", _one_of(Source), many=True),
    Parameter("urgency", "any of these", _one_of(Urgency), many=True),
    Parameter("area", "any of these administrative division codes", many=True),
    Parameter("peer", "settings entry of the peer that sent it"),
    Parameter("department", "holds or ever held a share"),
    Parameter("mark", "reminded without an answer, mediated, dissatisfied ...", _one_of(Mark)),
    Parameter("from", f"came into the hub at or after: {_TIME}"),
    Parameter("to", f"came into the hub before: {_TIME}; a date is included"),
    Parameter("text", "words, a ticket number, a phone number or a citizen's whole name"),
    Parameter("phone", "the citizen's phone, however it is written"),
    Parameter("order", "newest first, or nearest deadline first", _one_of(Order)),
    Parameter(
        "limit", "rows of a page",
        {"type": "integer", "minimum": 1, "maximum": MOST_LIMIT, "default": DEFAULT_LIMIT},
    ),
    Parameter("cursor", "where the page before ended"),
)  # fmt: skip
_KNOWN = {parameter.name: parameter for parameter in PARAMETERS}
_LISTS: Mapping[str, str] = MappingProxyType(
    {"state": "states", "kind": "matter_kinds", "source": "sources", "urgency": "urgencies",
     "area": "area_codes"}
)  # fmt: skip
_ASKED_AS = {target: name for name, target in _LISTS.items()}


def query_of(given: MultiMapping[str]) -> tuple[TicketQuery, int, str | None]:
    """(query, limit, cursor). Raises: Problem 422."""
    if wrong := tuple(_unfit(given)):
        raise fields_wrong(*wrong)
    asked: dict[str, Any] = {}
    for name, target in _LISTS.items():
        if values := given.getall(name, []):
            asked[target] = frozenset(values)
    for name in ("peer", "department", "mark", "phone", "text", "order"):
        if value := given.get(name):
            asked[name] = value
    if begins := given.get("from"):
        asked["created_from"] = _instant("from", begins, timedelta())
    if ends := given.get("to"):
        asked["created_before"] = _instant("to", ends, timedelta(days=1))
    try:
        query = TicketQuery.model_validate(asked)
    except ValidationError as error:
        raise fields_wrong(
            *(
                Wrong(_ASKED_AS.get(first := wrong.field.partition(".")[0], first), wrong.message)
                for wrong in wrong_fields(error)
            )
        ) from error
    return query, _limit(given.get("limit")), given.get("cursor") or None


def _unfit(given: MultiMapping[str]) -> list[Wrong]:
    wrong: list[Wrong] = []
    for name in dict.fromkeys(given):
        values, known = given.getall(name), _KNOWN.get(name)
        if known is None:
            wrong.append(Wrong(name[:_LONGEST], "没有这个参数"))
        elif len(values) > (_MOST_VALUES if known.many else 1):
            wrong.append(Wrong(name, "给出的次数太多"))
        elif any(len(value) > _LONGEST or has_unprintable(value) for value in values):
            wrong.append(Wrong(name, f"最多 {_LONGEST} 个字符，且不含控制字符"))
    return wrong


def _instant(name: str, text: str, of_a_day: timedelta) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _moment(name, text)
    try:
        return datetime.combine(day, time(), tzinfo=HUB_ZONE) + of_a_day
    except OverflowError:
        raise fields_wrong(Wrong(name, "时间超出范围")) from None


def _moment(name: str, text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that was not escaped
    except ValueError:
        raise fields_wrong(Wrong(name, "时间格式不对")) from None
    if instant.tzinfo is None:
        raise fields_wrong(Wrong(name, "时间须带时区，如 2026-11-25T10:00:00+08:00"))
    return instant


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) <= len(str(MOST_LIMIT)):
        limit = int(text)
        if 1 <= limit <= MOST_LIMIT:
            return limit
    raise fields_wrong(Wrong("limit", f"应为 1 至 {MOST_LIMIT} 的整数"))
