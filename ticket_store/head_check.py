"""Rebuilds every head from its events and compares it with the one that is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, bindparam, literal_column, select

from schemas.errors import HubError
from schemas.ids import SEQUENCE_BITS
from schemas.ticket import Ticket
from ticket_store.engine import Database
from ticket_store.history import head_at
from ticket_store.models import audit, events, tickets
from ticket_store.rows import head_row, history_range, read_event, read_head
from ticket_store.statements import Statement

_PAGE = 32  # heads with all their events that are in memory together: at most 33,000 events
_TRIES = 20  # a ticket that somebody works on is read again


@dataclass(frozen=True)
class WrongHead:
    """row_no: the audit row of the ticket's last command that made events, if there is one."""

    detail: str
    row_no: int | None = None


class HeadCheck:
    """Every ticket has the head that its events lead to, and every history has its ticket."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = database.dialect
        compared = select(
            tickets.c.ticket_id, tickets.c.version, tickets.c.state, tickets.c.updated_at,
            tickets.c.detail,
        )  # fmt: skip
        self._page = Statement(
            compared.where(tickets.c.ticket_id > bindparam("after"))
            .order_by(tickets.c.ticket_id)
            .limit(_PAGE),
            dialect,
        )
        self._head = Statement(compared.where(tickets.c.ticket_id == bindparam("only")), dialect)
        self._events = Statement(
            select(events)
            .where(events.c.event_id.between(bindparam("first"), bindparam("last")))
            .order_by(events.c.event_id),
            dialect,
        )
        self._last_row = (
            select(audit.c.row_no)
            .where(audit.c.events_digest.is_not(None))
            .order_by(audit.c.row_no.desc())
            .limit(1)
        )

    async def first_wrong(self) -> WrongHead | None:
        after = -1
        while True:
            page = await self._database.read(lambda one, after=after: self._check_page(one, after))  # type: ignore[misc]  # a lambda's default
            if isinstance(page, WrongHead):
                return page
            if page is None:
                return await self._database.read(self._headless)
            after = page

    def _check_page(self, connection: Connection, after: int) -> int | WrongHead | None:
        """The last ticket of the page, what is wrong in it, or None: there are no more."""
        heads = self._page.rows(connection, after=after)
        if not heads:
            return None
        first, last = heads[0].ticket_id << SEQUENCE_BITS, history_range(heads[-1].ticket_id)[1]
        rows = self._events.rows(connection, first=first, last=last)
        histories = {
            ticket_id: list(of_ticket)
            for ticket_id, of_ticket in groupby(rows, lambda row: row.event_id >> SEQUENCE_BITS)
        }
        for head in heads:
            wrong = difference(head, histories.get(head.ticket_id, ()))
            if wrong is not None:
                wrong = self._again(connection, head.ticket_id)
            if wrong is not None:
                return self._named(connection, head.ticket_id, wrong)
        return int(heads[-1].ticket_id)

    def _again(self, connection: Connection, ticket_id: int) -> str | None:
        """What differs when head and events are surely of one moment: the head did not move."""
        wrong = None
        first, last = history_range(ticket_id)
        for _ in range(_TRIES):
            before = self._head.rows(connection, only=ticket_id)
            rows = self._events.rows(connection, first=first, last=last)
            wrong = difference(before[0], rows) if before else None
            if wrong is None or before == self._head.rows(connection, only=ticket_id):
                return wrong
        return wrong

    def _headless(self, connection: Connection) -> WrongHead | None:
        """A history whose ticket is missing; found by its first event."""
        opening = (
            select(events.c.event_id)
            .select_from(
                events.outerjoin(tickets, tickets.c.ticket_id == _ticket_of(events.c.event_id))
            )
            .where(_sequence_of(events.c.event_id) == 1, tickets.c.ticket_id.is_(None))
            .limit(1)
        )
        found = connection.execute(opening).scalar()
        if found is None:
            return None
        return self._named(connection, found >> SEQUENCE_BITS, "the head is missing")

    def _named(self, connection: Connection, ticket_id: int, wrong: str) -> WrongHead:
        last = self._last_row.where(audit.c.subject == str(ticket_id))
        return WrongHead(f"ticket {ticket_id}: {wrong}", connection.execute(last).scalar())


def _ticket_of(event_id: Any) -> Any:
    # as text: PostgreSQL shifts a bigint by an integer only
    return event_id.op(">>")(literal_column(str(SEQUENCE_BITS)))


def _sequence_of(event_id: Any) -> Any:
    return event_id % (1 << SEQUENCE_BITS)


def difference(stored: Row[Any], history: Sequence[Row[Any]]) -> str | None:
    """How the stored head differs from the one that `history` leads to; None: not at all."""
    try:
        rebuilt = head_at([read_event(row) for row in history])
    except (ValueError, HubError):
        return "its events lead to no head"
    if rebuilt is None:
        return "it has no events"
    expected = head_row(rebuilt, None)
    for column in ("version", "state", "updated_at"):
        if getattr(stored, column) != expected[column]:
            return f"{column} is not what its events say"
    if stored.detail == expected["detail"]:
        return None
    return _in_detail(stored.detail, rebuilt)


def _in_detail(detail: str, rebuilt: Ticket) -> str | None:
    """The fields of the head that differ; a head written in another order is the same head."""
    try:
        kept: Mapping[str, Any] = dict(read_head(detail))
    except ValueError:
        return "detail is no head"
    names = [name for name, value in dict(rebuilt).items() if kept[name] != value]
    return f"{', '.join(names)} is not what its events say" if names else None
