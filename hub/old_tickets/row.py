"""One ticket of an older system as a row of JSON Lines: what may stand in it. docs/import.md."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from schemas.commands import DepartmentCode, Text
from schemas.matter import Frozen, MatterKind, Urgency
from schemas.parties import AccusedParty, Citizen
from schemas.ticket import DispatchForm, Source, State
from schemas.visible_text import VISIBLE, VISIBLE_LINE
from schemas.working_calendar import HUB_ZONE


def _in_utc(given: datetime) -> datetime:
    """A time without a zone is the city's own."""
    try:
        return (given if given.tzinfo else given.replace(tzinfo=HUB_ZONE)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the calendar") from error


Time = Annotated[datetime, AfterValidator(_in_utc)]
Number = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80), VISIBLE_LINE
]

# codes stand in a list with spaces between them
Department = Annotated[DepartmentCode, StringConstraints(pattern=r"^[^\s\x00-\x1f]+$")]


class Addition(Frozen):
    """What the citizen added later."""

    at: Time
    text: Text


class OldTicket(Frozen):
    """A row. Only number, text, received_at and state must be there.

    number:      unique in the older system; what makes a repeated import harmless.
    peer:        the settings entry of the peer that the ticket came from, with that peer's own
                 number; for tickets that are still open and whose peer waits for the answer.
    departments: codes of those who handled it, the lead first.
    state:       at the end; the way there is made from it and from the times that are known.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    number: Number
    state: State
    received_at: Time
    text: Annotated[str, Field(min_length=1, max_length=20_000), VISIBLE]
    title: Annotated[str | None, Field(min_length=1, max_length=200), VISIBLE_LINE] = None
    source: Source = Source.COUNTER
    peer: str | None = None
    peer_ticket_no: Number | None = None
    kind: MatterKind = MatterKind.COMPLAINT
    urgency: Urgency = Urgency.NORMAL
    category_code: Annotated[str | None, Field(max_length=64), VISIBLE_LINE] = None
    area_code: str | None = Field(default=None, pattern=r"^\d{6}$")
    place: Annotated[str | None, Field(max_length=200), VISIBLE_LINE] = None
    citizen: Citizen | None = None
    accused: AccusedParty | None = None
    superior_assigned: bool = False
    departments: Annotated[tuple[Department, ...], Field(max_length=20)] = ()
    form: DispatchForm | None = None
    accepted_at: Time | None = None
    dispatched_at: Time | None = None
    acknowledged_at: Time | None = None
    completed_at: Time | None = None
    reviewed_at: Time | None = None
    answered_at: Time | None = None
    followed_up_at: Time | None = None
    rated_at: Time | None = None
    closed_at: Time | None = None
    archived_at: Time | None = None
    declined_at: Time | None = None
    withdrawn_at: Time | None = None
    supplements: Annotated[tuple[Addition, ...], Field(max_length=100)] = ()
    result: Text | None = None
    reply: Text | None = None
    satisfied: bool | None = None
    resolved: bool | None = None
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    reason: Text | None = None


class RowRefused(Exception):
    """A row cannot become a ticket. Its text holds no personal data.

    code: for programs; remedy: what the engineer does about it.
    """

    def __init__(self, detail: str, remedy: str, code: str) -> None:
        super().__init__(detail)
        self.detail, self.remedy, self.code = detail, remedy, code
