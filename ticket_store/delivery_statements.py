"""The statements of the delivery book, compiled once.

A lane is one ticket's deliveries to one destination. At most one row of a lane has a time to be
tried at; that is what makes "in order, one in flight" hold however many processes send.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Row,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)

from schemas.ids import SEQUENCE_BITS
from ticket_store.metadata import BigKey
from ticket_store.models import deliveries, events, holds, registrations, tickets
from ticket_store.rows import history_range
from ticket_store.statements import Statement

UNSETTLED = ("pending", "uncertain", "held")  # what the later ones of a lane wait for
_SEQUENCES = (1 << SEQUENCE_BITS) - 1
_row = deliveries.c


def words(*values: str) -> list[ColumnElement[Any]]:
    """Constants written out: partial indexes are used only if the query says the very same."""
    return [literal_column(f"'{value}'") for value in values]


class DeliveryStatements:
    def __init__(self, dialect: Dialect) -> None:
        here = _row.event_id == bindparam("key", type_=BigKey)
        this = here & (_row.destination == bindparam("peer_name"))
        self.due = Statement(_due(), dialect)
        self.tried = Statement(
            update(deliveries)
            .where(this)
            .values(
                state=literal_column("'uncertain'"),
                in_doubt=true(),
                attempts=_row.attempts + 1,
                holder=bindparam("new_holder"),
                next_try_at=bindparam("lease_ends"),
                first_tried_at=func.coalesce(_row.first_tried_at, bindparam("tried_now")),
            ),
            dialect,
        )
        outcome = {
            "state": bindparam("new_state"),
            "in_doubt": bindparam("new_in_doubt"),
            "next_try_at": bindparam("new_next_try_at"),
            "holder": null(),
            "settled_at": bindparam("new_settled_at"),
            "peer_code": bindparam("new_peer_code"),
            "peer_answer": bindparam("new_peer_answer"),
            "detail": bindparam("new_detail"),
        }
        self.settle_try = Statement(  # only the try that is under way may say how it ended
            update(deliveries)
            .where(
                this,
                _row.state == literal_column("'uncertain'"),
                _row.attempts == bindparam("try_no"),
                _row.replays == bindparam("replay_no"),
            )
            .values(outcome),
            dialect,
        )
        self.settle_delivered = Statement(  # that it arrived is true, whoever says so and when
            update(deliveries)
            .where(this, _row.state != literal_column("'delivered'"))
            .values(outcome),
            dialect,
        )
        self.give_turn = Statement(_give_turn(), dialect)
        self.lock_ticket = Statement(
            select(tickets.c.ticket_id)
            .where(tickets.c.ticket_id == bindparam("key", type_=BigKey))
            .with_for_update(),
            dialect,
        )
        self.hold = Statement(
            select(holds).where(holds.c.destination == bindparam("peer_name")), dialect
        )
        self.all_holds = Statement(select(holds).order_by(holds.c.destination), dialect)
        self.add_hold = Statement(insert(holds), dialect, holds.c.keys())
        self.remove_hold = Statement(
            delete(holds).where(holds.c.destination == bindparam("peer_name")), dialect
        )
        self.release = Statement(
            update(deliveries)
            .where(
                _row.state == literal_column("'held'"), _row.destination == bindparam("peer_name")
            )
            .values(state=_open_again(), next_try_at=bindparam("release_now")),
            dialect,
        )
        self.replay = Statement(
            update(deliveries)
            .where(this, _row.state.in_(words("dead", "refused")))
            .values(
                state=_open_again(), attempts=0, replays=_row.replays + 1, next_try_at=null(),
                settled_at=null(),
            ),
            dialect,
        )  # fmt: skip
        self.bury = Statement(  # without another try; in doubt it stays
            update(deliveries)
            .where(this)
            .values(
                state=literal_column("'dead'"), next_try_at=null(), holder=null(),
                settled_at=bindparam("settled_now"), detail=bindparam("new_detail"),
            ),
            dialect,
        )  # fmt: skip
        self.believe = Statement(  # a person found out that it had arrived
            update(deliveries)
            .where(this, _row.state == literal_column("'dead'"))
            .values(
                state=literal_column("'delivered'"), in_doubt=false(),
                settled_at=bindparam("settled_now"), detail=bindparam("new_detail"),
            ),
            dialect,
        )  # fmt: skip
        self.hasten = Statement(
            update(deliveries)
            .where(
                _row.destination == bindparam("peer_name"),
                _row.next_try_at > bindparam("not_yet"),
                _row.holder.is_(None),
            )
            .values(next_try_at=bindparam("hasten_now")),
            dialect,
        )
        self.shorten_leases = Statement(
            update(deliveries)
            .where(
                _row.destination == bindparam("peer_name"),
                _row.next_try_at > bindparam("lease_ends"),
                _row.holder.is_not(None),
            )
            .values(next_try_at=bindparam("lease_ends_1")),
            dialect,
        )
        self.recover = Statement(
            update(deliveries)
            .where(_row.next_try_at.is_not(None), _row.holder == bindparam("lost_holder"))
            .values(next_try_at=bindparam("recover_now"), holder=null()),
            dialect,
        )
        self.next_due = Statement(
            select(_row.next_try_at)
            .where(
                _row.destination == bindparam("peer_name"),
                _row.next_try_at.is_not(None),
            )
            .order_by(_row.next_try_at)
            .limit(literal_column("1")),
            dialect,
        )
        self.of_ticket = Statement(
            select(deliveries)
            .where(_row.event_id.between(bindparam("first"), bindparam("last")))
            .order_by(_row.event_id, _row.destination),
            dialect,
        )

    def promote(self, connection: Connection, event_id: int, destination: str, now: int) -> None:
        """Give the oldest unsettled row of the lane its turn, if none has it."""
        ticket_id = event_id >> SEQUENCE_BITS
        # where writers run side by side: nobody may add to the lane while it is looked at
        self.lock_ticket.rows(connection, key=ticket_id)
        first, last = history_range(ticket_id)
        self.give_turn.run(
            connection,
            turn_now=now, peer_name=destination, peer_name_1=destination, peer_name_2=destination,
            lane_first=first, lane_last=last, lane_first_1=first, lane_last_1=last,
        )  # fmt: skip

    def lane_of(self, connection: Connection, ticket_id: int) -> Sequence[Row[Any]]:
        first, last = history_range(ticket_id)
        return self.of_ticket.rows(connection, first=first, last=last)


def _due() -> Any:
    """What may be tried now, with all that the delivery is built from, as of its event."""
    body = (
        select(registrations.c.body)
        .where(
            registrations.c.event_id <= _row.event_id,
            registrations.c.event_id >= _row.event_id - _row.event_id.op("&")(_SEQUENCES),
        )
        .order_by(registrations.c.event_id.desc())
        .limit(literal_column("1"))
        .correlate(deliveries)
        .scalar_subquery()
    )
    return (
        select(
            _row.event_id, _row.destination, _row.attempts, _row.in_doubt, _row.replays,
            _row.first_tried_at, events.c.at, events.c.command_id, events.c.actor, events.c.kind,
            events.c.body, body.label("registration"),
        )
        .join(events, events.c.event_id == _row.event_id)
        .where(
            _row.destination == bindparam("peer_name"), _row.next_try_at <= bindparam("due_by")
        )
        .order_by(_row.next_try_at, _row.event_id)
        .limit(bindparam("most"))
        .with_for_update(of=deliveries, skip_locked=True)
    )  # fmt: skip


def _open_again() -> ColumnElement[Any]:
    pending, uncertain = words("pending", "uncertain")
    return case((_row.in_doubt == true(), uncertain), else_=pending)


def _give_turn() -> Any:
    lane, other = deliveries.alias("lane"), deliveries.alias("other")
    oldest = (
        select(func.min(lane.c.event_id))
        .where(
            lane.c.event_id.between(
                bindparam("lane_first", type_=BigInteger), bindparam("lane_last", type_=BigInteger)
            ),
            lane.c.destination == bindparam("peer_name_1"),
            lane.c.state.in_(words(*UNSETTLED)),
        )
        .scalar_subquery()
    )
    taken = exists(
        select(literal_column("1")).where(
            other.c.event_id.between(
                bindparam("lane_first_1", type_=BigInteger),
                bindparam("lane_last_1", type_=BigInteger),
            ),
            other.c.destination == bindparam("peer_name_2"),
            or_(
                other.c.next_try_at.is_not(None),
                other.c.state == literal_column("'held'"),
            ),
        )
    )
    return (
        update(deliveries)
        .where(
            _row.destination == bindparam("peer_name"),
            _row.event_id == oldest,
            _row.next_try_at.is_(None),
            ~taken,
        )
        .values(next_try_at=bindparam("turn_now"))
    )
