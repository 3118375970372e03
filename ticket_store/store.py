"""The store as the rest of the hub gets it: one object with its books, opened by a URL."""

from collections.abc import Callable
from datetime import datetime

from schemas.ids import TicketIds
from schemas.rules import Rules
from ticket_store.audit import AuditBook, AuditChain
from ticket_store.desk import Desk, Owes
from ticket_store.engine import Database, connect
from ticket_store.tickets import TicketReader
from ticket_store.writer import Writer


class Store:
    """Everything that is kept, and the one desk at which tickets change."""

    def __init__(
        self,
        database: Database,
        *,
        rules: Rules,
        owes: Owes,
        ids: TicketIds,
        now: Callable[[], datetime],
    ) -> None:
        self.database, self.ids, self.now = database, ids, now
        self.writer = Writer(database, AuditChain(database.dialect, now).close_unit)
        self.desk = Desk(database, self.writer, rules=rules, owes=owes, now=now)
        self.tickets = TicketReader(database)
        self.audit = AuditBook(database, self.writer)

    async def close(self) -> None:
        """Finish what is waiting to be written, then let go of the database."""
        await self.writer.close()
        await self.database.close()


async def open_store(
    url: str, *, rules: Rules, owes: Owes, ids: TicketIds, now: Callable[[], datetime]
) -> Store:
    """Open a store whose tables are up to date (migrations.migrate sees to that).

    url:     sqlite+aiosqlite:///file or postgresql+asyncpg://...
    owes:    the destinations owed an event, given the head after it; called within transactions,
             so it must be quick and pure.
    """
    return Store(connect(url), rules=rules, owes=owes, ids=ids, now=now)
