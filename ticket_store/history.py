"""A ticket's events in order, and the head that they lead to."""

from collections.abc import Sequence

from sqlalchemy import Connection

from schemas.events import Recorded
from schemas.evolve import evolve
from schemas.ids import SEQUENCE_BITS
from schemas.ticket import Ticket
from ticket_store.rows import read_event
from ticket_store.statements import Statement


def read_range(
    connection: Connection, statement: Statement, ticket_id: int, last: int
) -> list[Recorded]:
    """The events 1 to `last` of a ticket; none when `last` is 0."""
    first = ticket_id << SEQUENCE_BITS
    rows = statement.rows(connection, first=first, last=first | last)
    return [read_event(row) for row in rows]


def head_at(history: Sequence[Recorded]) -> Ticket | None:
    """The head after `history`, which begins with the ticket's first event.

    Raises: HistoryBroken when an event is missing.
    """
    ticket: Ticket | None = None
    for one in history:
        ticket = evolve(ticket, one.event, one.sequence, one.ticket_id, one.at)
    return ticket
