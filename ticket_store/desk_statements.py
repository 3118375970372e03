"""The desk's statements, compiled once: one a table and a group."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    String,
    bindparam,
    case,
    exists,
    false,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    update,
)

from schemas.ids import SEQUENCE_BITS
from schemas.ticket import Registration
from ticket_store.delivery_statements import UNSETTLED, words
from ticket_store.metadata import BigKey
from ticket_store.models import (
    deliveries,
    events,
    inbox,
    outbox,
    registrations,
    source_numbers,
    supplements,
    tickets,
)
from ticket_store.rows import history_range
from ticket_store.statements import Lookup, Statement, numbered


def _heads(places: Sequence[int]) -> Select[Any]:
    wanted = tickets.c.ticket_id.in_(numbered(places))
    return (
        select(tickets.c.ticket_id, tickets.c.unproposed_since, tickets.c.detail)
        .where(wanted)
        .order_by(tickets.c.ticket_id)  # one order of locking for everybody
        .with_for_update()
    )


def _inbox(places: Sequence[int]) -> Select[Any]:
    keys = [bindparam(f"k{n}", type_=inbox.c.command_id.type) for n in places]
    return select(inbox).where(inbox.c.command_id.in_(keys))


def _numbers(places: Sequence[int]) -> Select[Any]:
    pairs = [
        tuple_(bindparam(f"k{n}_0", type_=String), bindparam(f"k{n}_1", type_=String))
        for n in places
    ]
    key = tuple_(source_numbers.c.peer, source_numbers.c.source_ticket_no)
    matches: list[ColumnElement[bool]] = [key == pair for pair in pairs]
    return select(source_numbers).where(or_(false(), *matches))


class DeskStatements:
    """What the desk reads and writes, for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.inbox = Lookup(dialect, _inbox)
        self.heads = Lookup(dialect, _heads)
        self.numbers = Lookup(dialect, _numbers, width=2)
        self.history = Statement(
            select(events)
            .where(events.c.event_id.between(bindparam("first"), bindparam("last")))
            .order_by(events.c.event_id),
            dialect,
        )
        self._latest_registration = Statement(
            select(registrations.c.body)
            .where(registrations.c.event_id.between(bindparam("first"), bindparam("last")))
            .order_by(registrations.c.event_id.desc())
            .limit(literal_column("1")),
            dialect,
        )
        self.add_heads = Statement(insert(tickets), dialect, tickets.c.keys())
        self.change_heads = Statement(
            update(tickets)
            .where(tickets.c.ticket_id == bindparam("new_ticket_id"))
            .values(
                {
                    column: bindparam(f"new_{column.name}", type_=column.type)
                    for column in tickets.c
                    if column.name != "ticket_id"
                }
            ),
            dialect,
            together=True,
        )
        self.add_events = Statement(insert(events), dialect, events.c.keys())
        self.add_registrations = Statement(insert(registrations), dialect, registrations.c.keys())
        self.add_supplements = Statement(insert(supplements), dialect, supplements.c.keys())
        self.add_numbers = Statement(insert(source_numbers), dialect, source_numbers.c.keys())
        self.add_inbox = Statement(insert(inbox), dialect, inbox.c.keys())
        self.add_outbox = Statement(insert(outbox), dialect, ["event_id"])
        self._add_deliveries = Statement(_owing(), dialect)

    def latest_registration(self, connection: Connection, ticket_id: int) -> Registration | None:
        first, last = history_range(ticket_id)
        rows = self._latest_registration.rows(connection, first=first, last=last)
        return Registration.model_validate_json(rows[0].body) if rows else None

    def add_deliveries(
        self, connection: Connection, owed: Sequence[tuple[int, str]], now: int
    ) -> None:
        """Rows for what is owed, oldest first; each waits for those before it in its lane."""
        self._add_deliveries.run_many(
            connection,
            [
                {
                    "new_event": event,
                    "new_destination": destination,
                    "new_now": now,
                    "lane_first": event >> SEQUENCE_BITS << SEQUENCE_BITS,
                    "lane_last": event,
                    "lane_destination": destination,
                }
                for event, destination in owed
            ],
        )


def _owing() -> Any:
    """INSERT ... SELECT: it is a row's turn only when nothing of its lane is unsettled."""
    lane = deliveries.alias("lane")
    waits = exists(
        select(literal_column("1"))
        .where(
            lane.c.event_id.between(bindparam("lane_first"), bindparam("lane_last")),
            lane.c.destination == bindparam("lane_destination"),
            lane.c.state.in_(words(*UNSETTLED)),
        )
        .correlate(None)
    )
    return insert(deliveries).from_select(
        ["event_id", "destination", "state", "in_doubt", "attempts", "replays", "next_try_at"],
        select(
            bindparam("new_event", type_=BigKey),
            bindparam("new_destination", type_=String),
            literal_column("'pending'"),
            literal(False),
            literal_column("0"),
            literal_column("0"),
            case((waits, null()), else_=bindparam("new_now", type_=BigInteger)),
        ),
    )
