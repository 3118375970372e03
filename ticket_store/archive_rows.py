"""What an archive holds of its tickets, as rows of the store, and what leaves the store afterwards.

Heads, events, bodies and the audit stay. What leaves: the bytes of messages that were understood,
and deliveries that arrived; both only where the store still has what the archive has.
"""

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Connection,
    Dialect,
    LargeBinary,
    Row,
    Table,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)

from schemas.ids import SEQUENCE_BITS
from schemas.ticket import ENDED
from ticket_store.archive_files import Line
from ticket_store.inbound_rows import MessageOutcome
from ticket_store.metadata import BigKey, microseconds
from ticket_store.models import (
    audit,
    audit_head,
    deliveries,
    events,
    inbound,
    registrations,
    supplements,
    tickets,
)
from ticket_store.months import Month
from ticket_store.statements import Statement

TABLES = ("tickets", "events", "registrations", "supplements", "deliveries", "inbound", "audit")
_BY_EVENT = (events, registrations, supplements, deliveries)
_SUBJECTS = 400  # asked for at once
_DELIVERED = "delivered"


def subject_of(month: Month) -> str:
    """Of the audit rows that say that a month was archived."""
    return f"archive:{month}"


class ArchiveRows:
    def __init__(self, dialect: Dialect) -> None:
        self._head = Statement(
            select(tickets).where(tickets.c.ticket_id == bindparam("key", type_=BigKey)), dialect
        )
        self._by_event = {
            table.name: Statement(
                select(table)
                .where(
                    table.c.event_id.between(
                        bindparam("first", type_=BigKey), bindparam("last", type_=BigKey)
                    )
                )
                .order_by(*table.primary_key.columns),
                dialect,
            )
            for table in _BY_EVENT
        }
        self._messages = Statement(
            select(inbound)
            .where(inbound.c.ticket_id == bindparam("key", type_=BigKey))
            .order_by(inbound.c.message_id),
            dialect,
        )
        self._empty = Statement(
            update(inbound)
            .where(
                inbound.c.message_id == bindparam("key", type_=BigKey),
                inbound.c.outcome == bindparam("old_outcome"),
                inbound.c.replays == bindparam("old_replays"),
                func.length(inbound.c.content) > 0,
            )
            .values(content=bindparam("nothing", type_=LargeBinary)),
            dialect,
        )
        self._delete = Statement(
            delete(deliveries).where(
                deliveries.c.event_id == bindparam("key", type_=BigKey),
                deliveries.c.destination == bindparam("peer_name"),
                deliveries.c.state == bindparam("old_state"),
                deliveries.c.settled_at == bindparam("old_settled_at"),
            ),
            dialect,
        )

    def of_tickets(
        self, connection: Connection, ticket_ids: Sequence[int], before: int, *, left_only: bool
    ) -> dict[str, list[Line]]:
        """All rows by table. before: microseconds. left_only: tickets that have nothing that could
        leave the store are left out."""
        found: dict[str, list[Line]] = {name: [] for name in TABLES}
        for ticket_id in ticket_ids:
            rows = self._of_ticket(connection, ticket_id)
            if left_only and not any(leaves(rows, before)):
                continue
            for name, some in rows.items():
                found[name] += some
        found["audit"] = _audit_of(connection, found)
        return found

    def _of_ticket(self, connection: Connection, ticket_id: int) -> dict[str, list[Line]]:
        rows = {"tickets": _lines(tickets, self._head.rows(connection, key=ticket_id))}
        # what came after the head was read belongs to the next head
        first = ticket_id << SEQUENCE_BITS
        last = first | max((row["version"] for row in rows["tickets"]), default=0)
        for table in _BY_EVENT:
            read = self._by_event[table.name].rows(connection, first=first, last=last)
            rows[table.name] = _lines(table, read)
        rows["inbound"] = _lines(inbound, self._messages.rows(connection, key=ticket_id))
        return rows

    def empty(self, connection: Connection, messages: Iterable[Line]) -> int:
        """Take the bytes of archived messages away; a message that was replayed since stays."""
        return sum(
            self._empty.run(
                connection, key=row["message_id"], old_outcome=row["outcome"],
                old_replays=row["replays"], nothing=b"",
            )
            for row in messages
        )  # fmt: skip

    def delete(self, connection: Connection, rows: Iterable[Line]) -> int:
        """Take archived deliveries away that arrived."""
        return sum(
            self._delete.run(
                connection, key=row["event_id"], peer_name=row["destination"],
                old_state=_DELIVERED, old_settled_at=row["settled_at"],
            )
            for row in rows
        )  # fmt: skip


def message_leaves(row: Line, before: int) -> bool:
    """A dead letter stays: a person may have it read again."""
    return bool(
        row["content"]
        and row["outcome"] not in {None, MessageOutcome.DEAD}
        and row["settled_at"] is not None
        and row["settled_at"] < before
    )


def delivery_leaves(row: Line, before: int) -> bool:
    """What is dead or was refused stays: a person may send it again."""
    return bool(
        row["state"] == _DELIVERED and row["settled_at"] is not None and row["settled_at"] < before
    )


def leaves(rows: dict[str, list[Line]], before: int) -> Iterable[bool]:
    yield from (message_leaves(row, before) for row in rows["inbound"])
    yield from (delivery_leaves(row, before) for row in rows["deliveries"])


def first_ticket(connection: Connection) -> int | None:
    found = connection.execute(select(func.min(tickets.c.ticket_id))).scalar()
    return None if found is None else int(found)


def final_tickets(connection: Connection, month: Month, before: datetime) -> list[int]:
    """Those of the month that are over, and were not touched since `before`."""
    query = (
        select(tickets.c.ticket_id)
        .where(
            tickets.c.ticket_id >= month.first_id,
            tickets.c.ticket_id < month.plus(1).first_id,
            tickets.c.state.in_(sorted(ENDED)),
            tickets.c.updated_at < before,
        )
        .order_by(tickets.c.ticket_id)
    )
    return list(connection.execute(query).scalars())


def facts_of(connection: Connection) -> dict[str, Any]:
    """The store's revision, and how far its audit chain is."""
    head = connection.execute(select(audit_head)).one()
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    return {"revision": revision, "audit": {"rows": head.rows, "digest": head.digest.hex()}}


def _audit_of(connection: Connection, found: dict[str, list[Line]]) -> list[Line]:
    """What the chain says of the tickets and of their messages."""
    subjects = [f"message:{row['message_id']}" for row in found["inbound"]]
    for row in found["tickets"]:
        subjects += [str(row["ticket_id"]), f"ticket:{row['ticket_id']}"]
    rows: list[Line] = []
    for start in range(0, len(subjects), _SUBJECTS):
        query = select(audit).where(audit.c.subject.in_(subjects[start : start + _SUBJECTS]))
        rows += _lines(audit, connection.execute(query).all())
    return sorted(rows, key=lambda row: row["row_no"])


def _lines(table: Table, rows: Sequence[Row[Any]]) -> list[Line]:
    return [
        {
            column.name: _plain(value, is_flag=isinstance(column.type, Boolean))
            for column, value in zip(table.columns, row, strict=True)
        }
        for row in rows
    ]


def _plain(value: Any, *, is_flag: bool) -> Any:
    """Bytes in base64, times in microseconds since 1970, as the store has them."""
    match value:
        case None:
            return None
        case datetime():
            return microseconds(value)
        case bytes() | memoryview():
            return base64.b64encode(value).decode("ascii")
        case _:
            return bool(value) if is_flag else value
