"""The store as the rest of the hub gets it: one object with its books, opened by a URL."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from schemas.ids import TicketIds
from schemas.rules import Rules
from ticket_store.audit import AuditBook, AuditChain
from ticket_store.desk import Desk, Owes
from ticket_store.engine import Engines, connect
from ticket_store.tickets import TicketReader
from ticket_store.writer import Writer

T = TypeVar("T")


class StoreDatabase:
    """What the derived books get (database.Database): their writes join the writer's groups."""

    def __init__(self, engines: Engines, writer: Writer) -> None:
        self._engines, self._writer = engines, writer

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._engines.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self._writer.run(lambda unit: work(unit.connection))


class Store:
    """Everything that is kept, and the one desk at which tickets change."""

    def __init__(
        self,
        engines: Engines,
        *,
        rules: Rules,
        owes: Owes,
        ids: TicketIds,
        now: Callable[[], datetime],
    ) -> None:
        self.engines, self.ids, self.now = engines, ids, now
        self.writer = Writer(engines, AuditChain(engines.dialect, now).close_unit)
        self.database = StoreDatabase(engines, self.writer)
        self.desk = Desk(engines, self.writer, rules=rules, owes=owes, now=now)
        self.tickets = TicketReader(engines)
        self.audit = AuditBook(engines, self.writer)

    async def close(self) -> None:
        """Finish what is waiting to be written, then let go of the database."""
        await self.writer.close()
        await self.engines.close()


async def open_store(
    url: str, *, rules: Rules, owes: Owes, ids: TicketIds, now: Callable[[], datetime]
) -> Store:
    """Open a store whose tables are up to date (migrations.migrate sees to that).

    url:     sqlite+aiosqlite:///file or postgresql+asyncpg://...
    owes:    the destinations owed an event, given the head after it; called within transactions,
             so it must be quick and pure.
    """
    return Store(connect(url), rules=rules, owes=owes, ids=ids, now=now)
