"""What is owed to peers: who tries when, how each try ended, what waits for a person."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from schemas.ids import event_id, split_event_id
from schemas.outbound import DeliveryState, Outbound, Receipt
from ticket_store.delivery_rows import (
    DeliveryStatus,
    DepartmentName,
    Hold,
    OwedDelivery,
    count,
    next_try,
    rebuilt,
    status,
)
from ticket_store.delivery_statements import DeliveryStatements, words
from ticket_store.digests import compact
from ticket_store.engine import Database
from ticket_store.metadata import instant_of, microseconds
from ticket_store.models import deliveries
from ticket_store.rows import storable
from ticket_store.writer import AuditEntry, Unit, Writer

__all__ = ["DeliveryBook", "DeliveryStatus", "Hold", "OwedDelivery"]
_MOST_DETAIL = 2_000  # characters


class DeliveryBook:
    """The rows are made by the desk; here they are tried and settled."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        now: Callable[[], datetime],
        department_name: DepartmentName,
    ) -> None:
        """department_name: the Chinese name of a department code, for peers that want it."""
        self._database, self._writer, self._now = database, writer, now
        self._department_name = department_name
        self._sql = DeliveryStatements(database.dialect)

    async def take(
        self,
        destination: str,
        now: datetime,
        holder: str,
        lease_seconds: float,
        limit: int,
        most_attempts: int,
    ) -> list[OwedDelivery]:
        """Count a try of what is due to `destination`, then hand it out, longest due first.

        holder, lease_seconds: until then nobody else takes it; afterwards it is in doubt.
        most_attempts: what has been tried that often is dead instead, also if every try killed us.
        """
        lease = microseconds(now + timedelta(seconds=lease_seconds))

        def errand(unit: Unit) -> list[OwedDelivery]:
            if self._sql.hold.rows(unit.connection, peer_name=destination):
                return []
            taken = []
            for row in self._sql.due.rows(
                unit.connection, peer_name=destination, due_by=microseconds(now), most=limit
            ):
                if row.attempts >= most_attempts:
                    self._bury(unit.connection, row, f"tried {row.attempts} times", now)
                    continue
                try:
                    outbound = rebuilt(row, self._department_name)
                except ValueError as error:  # one altered row must not stop the rest
                    self._bury(unit.connection, row, f"unreadable: {type(error).__name__}", now)
                    continue
                self._sql.tried.run(
                    unit.connection, key=row.event_id, peer_name=destination, new_holder=holder,
                    lease_ends=lease, tried_now=microseconds(now),
                )  # fmt: skip
                taken.append(next_try(row, outbound, now))
            return taken

        return await self._writer.run(errand)

    async def settle(
        self,
        owed: OwedDelivery,
        state: DeliveryState,
        *,
        receipt: Receipt | None = None,
        next_try_at: datetime | None = None,
        detail: str = "",
        in_doubt: bool = False,
    ) -> bool:
        """Note how a try ended; False when the row has moved on without it, and stays as it is.

        next_try_at: of PENDING and UNCERTAIN.
        in_doubt: of DEAD and HELD: it may have arrived; when taken up again, ask first.
        A row that is HELD holds its whole destination, until `release_held`.
        """
        event, destination = _key(owed.outbound)
        waits = state in (DeliveryState.PENDING, DeliveryState.UNCERTAIN)
        if waits != (next_try_at is not None):
            raise ValueError(f"{state} with next try at {next_try_at}")
        now = microseconds(self._now())
        final = state in (DeliveryState.DELIVERED, DeliveryState.REFUSED, DeliveryState.DEAD)
        values = {
            "key": event,
            "peer_name": destination,
            "new_state": state.value,
            "new_in_doubt": in_doubt or state is DeliveryState.UNCERTAIN,
            "new_next_try_at": None if next_try_at is None else microseconds(next_try_at),
            "new_settled_at": now if final else None,
            "new_peer_code": storable(receipt.peer_code)[:64] if receipt else None,
            "new_peer_answer": storable(receipt.peer_answer)[:_MOST_DETAIL] if receipt else None,
            "new_detail": storable(detail)[:_MOST_DETAIL],
            "try_no": owed.attempts,
            "replay_no": owed.replays,
        }

        def errand(unit: Unit) -> bool:
            delivered = state is DeliveryState.DELIVERED
            sql = self._sql.settle_delivered if delivered else self._sql.settle_try
            if not sql.run(unit.connection, **values):
                return False
            if final:
                self._sql.promote(unit.connection, event, destination, now)
            if state is DeliveryState.HELD:
                self._hold(unit, destination, detail, now)
            return True

        return await self._writer.run(errand)

    async def release_held(self, destination: str, by: str) -> int:
        """Send to `destination` again; returns how many rows were held themselves.

        by: who says that the credentials are mended (audited).
        """
        now = microseconds(self._now())

        def errand(unit: Unit) -> int:
            if not self._sql.remove_hold.run(unit.connection, peer_name=destination):
                return 0
            unit.audit.append(AuditEntry(by, "release_held", f"destination:{destination}", "{}"))
            return self._sql.release.run(unit.connection, peer_name=destination, release_now=now)

        return await self._writer.run(errand)

    async def replay(self, ticket_id: int, sequence: int, destination: str, by: str) -> bool:
        """Owe a dead or refused delivery anew, its tries counted from none; False if it is neither.

        It waits while another of its lane is under way. If it may have arrived, the peer is asked
        first. by: who chose so (audited).
        """
        event, now = event_id(ticket_id, sequence), microseconds(self._now())

        def errand(unit: Unit) -> bool:
            if not self._sql.replay.run(unit.connection, key=event, peer_name=destination):
                return False
            self._sql.promote(unit.connection, event, destination, now)
            unit.audit.append(_chosen(by, "replay_delivery", event, destination))
            return True

        return await self._writer.run(errand)

    async def mark_delivered(
        self, ticket_id: int, sequence: int, destination: str, by: str, detail: str
    ) -> bool:
        """A person has found out that a dead delivery had arrived; False if it is not dead."""
        event, now = event_id(ticket_id, sequence), microseconds(self._now())

        def errand(unit: Unit) -> bool:
            if not self._sql.believe.run(
                unit.connection, key=event, peer_name=destination, settled_now=now,
                new_detail=storable(detail)[:_MOST_DETAIL],
            ):  # fmt: skip
                return False
            unit.audit.append(_chosen(by, "mark_delivered", event, destination))
            return True

        return await self._writer.run(errand)

    async def hasten(self, destination: str, now: datetime) -> int:
        """The peer is back: try at once what waits for a later time; returns how many."""
        at = microseconds(now)
        return await self._writer.run(
            lambda unit: self._sql.hasten.run(
                unit.connection, peer_name=destination, not_yet=at, hasten_now=at
            )
        )

    async def bring_near(
        self, destination: str, now: datetime, longest: timedelta, lease_seconds: float
    ) -> int:
        """After a clock that was set back: nothing waits for longer than it can have meant to.

        longest: what waits for longer is tried at once. lease_seconds: a lease that lasts longer
        ends then and not before, since its holder may be at it. Returns how many were far off.
        """
        at, lease = microseconds(now), microseconds(now + timedelta(seconds=lease_seconds))

        def errand(unit: Unit) -> int:
            leases = self._sql.shorten_leases.run(
                unit.connection, peer_name=destination, lease_ends=lease, lease_ends_1=lease
            )
            return leases + self._sql.hasten.run(
                unit.connection, peer_name=destination, not_yet=microseconds(now + longest),
                hasten_now=at,
            )  # fmt: skip

        return await self._writer.run(errand)

    async def recover(self, holder: str, now: datetime) -> int:
        """Give up the leases of `holder`'s earlier life; returns how many tries are in doubt.

        Only for a holder that is known to be alone, such as the worker of a single machine.
        """
        return await self._writer.run(
            lambda unit: self._sql.recover.run(
                unit.connection, lost_holder=holder, recover_now=microseconds(now)
            )
        )

    async def next_due(self, destination: str) -> datetime | None:
        """When the next row is due, or the next lease ends; None when nothing waits."""
        rows = await self._database.read(
            lambda one: self._sql.next_due.rows(one, peer_name=destination)
        )
        return instant_of(rows[0].next_try_at) if rows else None

    async def holds(self) -> list[Hold]:
        rows = await self._database.read(self._sql.all_holds.rows)
        return [Hold(row.destination, instant_of(row.since), row.detail) for row in rows]

    async def of_ticket(self, ticket_id: int) -> list[DeliveryStatus]:
        """All that was or is owed because of a ticket, oldest event first."""
        rows = await self._database.read(lambda one: self._sql.lane_of(one, ticket_id))
        return [status(row) for row in rows]

    async def dead(
        self, limit: int = 100, state: DeliveryState = DeliveryState.DEAD
    ) -> list[DeliveryStatus]:
        """What waits for a person, newest event first. state: DEAD, REFUSED or HELD."""
        row = deliveries.c
        query = (
            select(*(column.label(column.name) for column in row))
            .where(row.state == words(state.value)[0], row.state != words("delivered")[0])
            .order_by(row.event_id.desc())
            .limit(limit)
        )
        rows = await self._database.read(lambda one: one.execute(query).all())
        return [status(found) for found in rows]

    async def counts(self) -> dict[str, dict[DeliveryState, int]]:
        """Rows by destination and state. Reads the whole book: for summaries, not for metrics."""
        return await self._database.read(lambda one: count(one, undelivered_only=False))

    async def owed_counts(self) -> dict[str, dict[DeliveryState, int]]:
        """The same without what was delivered; as quick as there is little left."""
        return await self._database.read(lambda one: count(one, undelivered_only=True))

    async def holders(self) -> set[str]:
        """Who is trying a delivery now."""
        row = deliveries.c
        held = select(row.holder).where(row.holder.is_not(None), row.state != "delivered")
        rows = await self._database.read(lambda one: one.execute(held.distinct()).scalars().all())
        return set(rows)

    def _bury(self, connection: Connection, row: Row[Any], why: str, now: datetime) -> None:
        at = microseconds(now)
        self._sql.bury.run(
            connection, key=row.event_id, peer_name=row.destination, settled_now=at,
            new_detail=why,
        )  # fmt: skip
        self._sql.promote(connection, row.event_id, row.destination, at)

    def _hold(self, unit: Unit, destination: str, detail: str, now: int) -> None:
        if not self._sql.hold.rows(unit.connection, peer_name=destination):
            self._sql.add_hold.run(
                unit.connection,
                destination=destination,
                since=now,
                detail=storable(detail)[:_MOST_DETAIL],
            )


def _key(outbound: Outbound) -> tuple[int, str]:
    return event_id(outbound.ticket_id, outbound.sequence), outbound.destination


def _chosen(by: str, action: str, event: int, destination: str) -> AuditEntry:
    ticket_id, sequence = split_event_id(event)
    facts = compact({"sequence": sequence, "destination": destination})
    return AuditEntry(by, action, str(ticket_id), facts)
