"""A registration from JSON: defaults, what only the source can know, the checks of the forms."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from console.api.problems import fields_wrong
from console.say_fields import Wrong, wrong_fields
from schemas.parties import AccusedParty, uscc_is_valid
from schemas.ticket import Registration, Source

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)  # clocks that differ, not fortune telling
# of a draft: what came with the call and is not typed again
FROM_SOURCE = ("source", "peer", "source_ticket_no", "call_no", "superior_assigned", "received_at")


def registration_from(
    given: object, now: datetime, draft: Registration | None = None
) -> Registration:
    """Raises: Problem 422, by place in the body."""
    if not isinstance(given, Mapping):
        raise fields_wrong(Wrong("registration", "应为 JSON 对象"))
    values: dict[str, Any] = {"source": Source.COUNTER, "received_at": now, **given}
    if draft is not None:
        values |= {name: getattr(draft, name) for name in FROM_SOURCE}
    try:
        registration = Registration.model_validate(values)
    except ValidationError as error:
        raise fields_wrong(*wrong_fields(error, "registration")) from error
    if wrong := tuple(_unfit(registration, now, draft)):
        raise fields_wrong(*wrong)
    return registration


def _unfit(
    registration: Registration, now: datetime, draft: Registration | None
) -> Iterator[Wrong]:
    if draft is None:
        if registration.peer is not None:
            yield Wrong("registration.peer", "只有对接平台自己送来的工单才有此项")
        if not _EARLIEST <= registration.received_at <= now + _AHEAD:
            yield Wrong("registration.received_at", "时间超出范围")
    for name in ("title", "text"):
        if not getattr(registration.matter, name).strip():
            yield Wrong(f"registration.matter.{name}", "不能为空")
    if registration.citizen is not None and not registration.citizen.name.strip():
        yield Wrong("registration.citizen.name", "不能为空")
    if registration.accused is not None:
        yield from wrong_party(registration.accused, "registration.accused")


def wrong_party(accused: AccusedParty, place: str) -> Iterator[Wrong]:
    if not accused.name.strip():
        yield Wrong(f"{place}.name", "不能为空")
    if accused.uscc is not None and not uscc_is_valid(accused.uscc):
        yield Wrong(f"{place}.uscc", "统一社会信用代码校验不通过")
