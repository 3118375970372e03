"""What can be asked of the list of tickets, and what it answers. Cursors are opaque to callers."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.errors import HubError
from schemas.ids import ticket_no
from schemas.matter import Frozen, MatterKind, Urgency
from schemas.ticket import Source, State
from schemas.visible_text import VISIBLE_LINE
from ticket_store.marks import Mark
from ticket_store.to_dos import ToDo

COUNT_CAP = 10_000  # beyond it a count says "more than"
LARGEST_PAGE = 500


class CursorRefused(HubError):
    """A cursor that we did not give out, or of another order. Begin at the first page again."""


class Order(StrEnum):
    NEWEST = "newest"
    DUE = "due"  # the nearest deadline first; see TicketQuery


class TicketQuery(Frozen):
    """All conditions hold together; an empty one asks nothing.

    text:           words in the matter, ticket numbers, a phone number or a citizen's whole name.
    phone:          the citizen's phone, however it is written.
    department:     holds or ever held a share.
    category_code:  this category and all below it.
    created_from, created_before: when the ticket came into the hub; the end is not included.
    overdue, near:  a running clock is past its deadline; past its warning and not yet overdue.
    order:          by DUE only tickets with a running clock are listed, unless a to-do is asked
                    for: then those without one come last. A deadline may move between two pages;
                    NEWEST never skips or repeats.
    """

    states: frozenset[State] = frozenset()
    matter_kinds: frozenset[MatterKind] = frozenset()
    sources: frozenset[Source] = frozenset()
    urgencies: frozenset[Urgency] = frozenset()
    area_codes: frozenset[str] = frozenset()
    peer: str | None = None
    source_ticket_no: str | None = None
    department: str | None = None
    category_code: str | None = None
    created_from: AwareDatetime | None = None
    created_before: AwareDatetime | None = None
    overdue: bool = False
    near: bool = False
    to_do: ToDo | None = None
    mark: Mark | None = None
    phone: Annotated[str | None, Field(max_length=40), VISIBLE_LINE] = None
    text: Annotated[str, Field(max_length=200), VISIBLE_LINE] = ""
    order: Order = Order.NEWEST

    @property
    def asks_text(self) -> bool:
        return bool(self.text.strip())


@dataclass(frozen=True)
class TicketRow:
    """A line of a list.

    departments: codes; cards: colours, gravest first; due_at, warn_at: None while no clock runs.
    """

    ticket_id: int
    version: int
    state: State
    matter_kind: MatterKind
    urgency: Urgency
    source: Source
    peer: str | None
    source_ticket_no: str | None
    category_code: str | None
    area_code: str | None
    title: str
    departments: tuple[str, ...]
    cards: tuple[str, ...]
    received_at: datetime
    updated_at: datetime
    due_at: datetime | None
    warn_at: datetime | None

    @property
    def ticket_no(self) -> str:
        return ticket_no(self.ticket_id)


@dataclass(frozen=True)
class Found:
    """A page. cursor: hand it back for the next page; None on the last."""

    rows: tuple[TicketRow, ...]
    cursor: str | None


@dataclass(frozen=True)
class Count:
    """capped: there are more than `number`, which is then COUNT_CAP."""

    number: int
    capped: bool = False

    def __str__(self) -> str:
        return f"{self.number}+" if self.capped else str(self.number)


@dataclass(frozen=True)
class ToDoCount:
    to_do: ToDo
    count: int
    overdue: int


@dataclass(frozen=True)
class Position:
    """Where a page ended. due: microseconds, in DUE order only."""

    ticket_id: int
    due: int | None = None

    def as_cursor(self) -> str:
        text = f"n:{self.ticket_id}" if self.due is None else f"d:{self.due}:{self.ticket_id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_LONGEST_CURSOR = 80
_PARTS = {Order.NEWEST: ("n", 2), Order.DUE: ("d", 3)}
_LARGEST = (1 << 63) - 1


def position_of(cursor: str, order: Order) -> Position:
    """Raises: CursorRefused."""
    refused = CursorRefused("the cursor is not one of this list")
    if len(cursor) > _LONGEST_CURSOR or not cursor.isascii():
        raise refused
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        parts = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").split(":")
        numbers = [int(part) for part in parts[1:]]
    except (ValueError, binascii.Error) as error:
        raise refused from error
    mark, length = _PARTS[order]
    if parts[0] != mark or len(parts) != length or not all(0 <= n <= _LARGEST for n in numbers):
        raise refused
    return Position(numbers[-1], numbers[0] if order is Order.DUE else None)
