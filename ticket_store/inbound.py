"""What peers sent: kept before they are told "got it", offered until it has an outcome."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from schemas.errors import HubError
from schemas.ticket import Source
from ticket_store.digests import compact
from ticket_store.engine import Database
from ticket_store.inbound_rows import (
    InboundMessage,
    KeptBody,
    KeptMessage,
    KeptPage,
    MessageOutcome,
    read_message,
    row_of,
)
from ticket_store.inbound_statements import InboundStatements
from ticket_store.metadata import microseconds
from ticket_store.models import inbound
from ticket_store.rows import storable
from ticket_store.writer import AuditEntry, Unit, Writer

__all__ = ["InboundBook", "InboundMessage", "KeptMessage", "MessageOutcome", "NumberTaken"]


class NumberTaken(HubError):
    """The reserved ticket number went to another message; nothing was kept."""


class InboundBook:
    """Bodies in, outcomes later."""

    def __init__(self, database: Database, writer: Writer, now: Callable[[], datetime]) -> None:
        self._database, self._writer, self._now = database, writer, now
        self._sql = InboundStatements(database.dialect)
        self._listeners: list[Callable[[], None]] = []

    def on_keep(self, listener: Callable[[], None]) -> None:
        """Call `listener` when fresh messages are durable, or one is to be offered again.

        A hint within this process only; the sweep (`to_offer`) finds what it missed.
        """
        self._listeners.append(listener)

    async def keep(
        self,
        peer: str,
        source: Source,
        bodies: Sequence[KeptBody],
        at: datetime,
        ticket_id: int | None = None,
        *,
        first: bool = False,
    ) -> list[KeptMessage]:
        """Keep bodies, each once per peer and message number; durable when this returns.

        ticket_id: a number reserved for the one body; a repeat answers with the first reserved.
        first:     no other message may have that number yet.
        Raises: NumberTaken, and nothing is kept.
        """
        if ticket_id is not None and len(bodies) != 1:
            raise ValueError("a ticket number is reserved for one body")
        return await self._keep(peer, source, bodies, at, ticket_id, first=first)

    async def keep_page(
        self, peer: str, source: Source, page: KeptPage, at: datetime
    ) -> list[KeptMessage]:
        """Keep a page and its cursor at once: a crash repeats the page or goes on behind it."""
        return await self._keep(peer, source, page.bodies, at, None, cursor=page.cursor)

    async def _keep(
        self,
        peer: str,
        source: Source,
        bodies: Sequence[KeptBody],
        at: datetime,
        ticket_id: int | None,
        cursor: str | None = None,
        *,
        first: bool = False,
    ) -> list[KeptMessage]:
        def errand(unit: Unit) -> list[KeptMessage]:
            if first and ticket_id is not None:
                self._refuse_taken(unit.connection, ticket_id, bodies[0].peer_message_no)
            kept = [
                self._keep_one(unit.connection, row_of(peer, source, body, at, ticket_id))
                for body in bodies
            ]
            if cursor is not None:
                self._sql.save_cursor(unit.connection, peer, cursor)
            return kept

        kept = await self._writer.run(errand)
        if any(one.fresh for one in kept):
            self._tell()
        return kept

    def _refuse_taken(self, connection: Connection, ticket_id: int, number: str) -> None:
        others = self._sql.of_ticket.rows(connection, ticket=ticket_id)
        if any(row.peer_message_no != number for row in others):
            raise NumberTaken(f"ticket number {ticket_id} is another message's")

    def _keep_one(self, connection: Connection, row: dict[str, Any]) -> KeptMessage:
        fresh = self._sql.add.run(connection, **row) == 1
        (found,) = self._sql.find.rows(
            connection, peer_name=row["peer"], number=row["peer_message_no"]
        )
        return KeptMessage(found.message_id, found.ticket_id, fresh)

    async def cursor(self, peer: str) -> str:
        """How far the peer has been read; empty before its first page."""
        rows = await self._database.read(lambda one: self._sql.cursor.rows(one, peer_name=peer))
        return str(rows[0].cursor) if rows else ""

    async def read(self, message_id: int) -> InboundMessage:
        """Raises: LookupError when there is no such message."""
        rows = await self._database.read(lambda one: self._sql.read.rows(one, key=message_id))
        if not rows:
            raise LookupError(f"no inbound message {message_id}")
        return read_message(rows[0])

    async def to_offer(self, before: datetime, limit: int) -> list[InboundMessage]:
        """Messages without an outcome that were not offered since `before`; the new ones first."""
        rows = await self._database.read(
            lambda one: self._sql.to_offer.rows(one, before=microseconds(before), most=limit)
        )
        return [read_message(row) for row in rows]

    async def offered(self, message_ids: Sequence[int], at: datetime) -> None:
        rows = [{"key": key, "offered_now": microseconds(at)} for key in message_ids]

        def errand(unit: Unit) -> None:
            self._sql.offered.run_many(unit.connection, rows)

        await self._writer.run(errand)

    async def settle(
        self,
        message_id: int,
        outcome: MessageOutcome,
        ticket_id: int | None = None,
        detail: str = "",
    ) -> bool:
        """Note what became of a message; False when it had an outcome, which then stays."""
        values = {
            "key": message_id,
            "new_outcome": outcome.value,
            "new_ticket_id": ticket_id,
            "new_detail": storable(detail),
            "new_settled_at": microseconds(self._now()),
        }
        return await self._writer.run(
            lambda unit: self._sql.settle.run(unit.connection, **values) == 1
        )

    async def replay(self, message_id: int, by: str) -> bool:
        """Take the outcome back and offer the message again; False when it has none to take back,
        or its bytes are in an archive only.

        by: who chose so (audited).
        """

        def errand(unit: Unit) -> bool:
            rows = self._sql.read.rows(unit.connection, key=message_id)
            if not rows or self._sql.replay.run(unit.connection, key=message_id) != 1:
                return False
            facts = compact({"outcome": rows[0].outcome})
            unit.audit.append(AuditEntry(by, "replay_message", f"message:{message_id}", facts))
            return True

        done = await self._writer.run(errand)
        if done:
            self._tell()
        return done

    async def dead_letters(
        self, limit: int = 50, before_id: int | None = None
    ) -> list[InboundMessage]:
        """Messages that were not understood, newest first: bytes, reason, where they came from."""
        return await self.browse(outcome=MessageOutcome.DEAD, before_id=before_id, limit=limit)

    async def browse(
        self,
        *,
        peer: str | None = None,
        outcome: MessageOutcome | None = None,
        waiting: bool = False,
        ticket_id: int | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> list[InboundMessage]:
        """What came in and what it became, newest first; `before_id` is the last one seen.

        waiting: only those without an outcome.
        """
        query = select(inbound).order_by(inbound.c.message_id.desc()).limit(limit)
        if peer is not None:
            query = query.where(inbound.c.peer == peer)
        if outcome is not None:
            query = query.where(inbound.c.outcome == outcome.value)
        if waiting:
            query = query.where(inbound.c.outcome.is_(None))
        if ticket_id is not None:
            query = query.where(inbound.c.ticket_id == ticket_id)
        if before_id is not None:
            query = query.where(inbound.c.message_id < before_id)
        rows = await self._database.read(lambda one: one.execute(query).all())
        return [read_message(row) for row in rows]

    async def tally(self) -> dict[str, int]:
        """How many messages wait for an outcome, and how many are dead letters."""

        def work(connection: Connection) -> dict[str, int]:
            count = select(func.count()).select_from(inbound)
            waiting = count.where(inbound.c.outcome.is_(None))
            dead = count.where(inbound.c.outcome == MessageOutcome.DEAD.value)
            return {
                "waiting": connection.execute(waiting).scalar_one(),
                "dead": connection.execute(dead).scalar_one(),
            }

        return await self._database.read(work)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
