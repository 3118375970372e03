"""The store as the rest of the hub gets it: one object with its books, opened by a URL."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from schemas.errors import HubError
from schemas.ids import TicketIds
from schemas.rules import Rules
from ticket_store.audit import AuditBook, AuditChain
from ticket_store.deliveries import DeliveryBook
from ticket_store.delivery_rows import DepartmentName
from ticket_store.desk import Desk, Owes
from ticket_store.engine import Database, connect
from ticket_store.inbound import InboundBook
from ticket_store.leases import LeaseBook
from ticket_store.migrations import as_hub_error, missing
from ticket_store.outbox import Outbox
from ticket_store.reading import Reading, ReadingSettings, open_reading
from ticket_store.tickets import TicketReader
from ticket_store.writer import Writer


class Store:
    """Everything that is kept, and the one desk at which tickets change."""

    writer_kind: ClassVar[type[Writer]] = Writer
    desk_kind: ClassVar[type[Desk]] = Desk

    def __init__(
        self,
        database: Database,
        *,
        rules: Rules,
        owes: Owes,
        ids: TicketIds,
        now: Callable[[], datetime],
        department_name: DepartmentName = str,
    ) -> None:
        self.database, self.ids, self.now = database, ids, now
        self.writer = self.writer_kind(database, AuditChain(database.dialect, now).close_unit)
        self.desk = self.desk_kind(database, self.writer, rules=rules, owes=owes, now=now)
        self.tickets = TicketReader(database)
        self.inbound = InboundBook(database, self.writer, now)
        self.outbox = Outbox(database, self.writer)
        self.deliveries = DeliveryBook(database, self.writer, now, department_name)
        self.audit = AuditBook(database, self.writer)
        self.leases = LeaseBook(database, self.writer)

    def join(self, reading: Reading) -> None:
        """Take in the books of the reading side; `open_store` does."""
        self.search, self.clocks = reading.search, reading.clocks
        self.people, self.calendars = reading.people, reading.calendars
        self.attachments = reading.attachments

    async def close(self) -> None:
        """Finish what is waiting to be written, then let go of the database."""
        await self.writer.close()
        await self.database.close()


class StoreNotMigrated(HubError):
    """The database's tables are not those of this program. Run the migrations first."""


async def open_store(
    url: str,
    *,
    rules: Rules,
    owes: Owes,
    ids: TicketIds,
    now: Callable[[], datetime],
    department_name: DepartmentName = str,
    reading: ReadingSettings | None = None,
    kind: type[Store] = Store,
) -> Store:
    """Open a store.

    url:              sqlite+aiosqlite:///file or postgresql+asyncpg://...
    owes:             the destinations owed an event, given the head after it; called within
                      transactions, so it must be quick and pure.
    department_name:  the Chinese name of a department code, for deliveries.
    reading:          what search, people, calendar and attachments need.
    kind:             the class to build, whose writer_kind and desk_kind may be others.
    Raises: StoreNotMigrated when migrations are pending; StoreBusy when the database is away;
    StoreNotUsable when it is not a store of this program.
    """
    database = connect(url)
    try:
        lacking = await database.read(missing)
    except Exception as error:
        await database.close()
        if (known := as_hub_error(error)) is not None:
            raise known from error
        raise
    if lacking:
        await database.close()
        raise StoreNotMigrated(f"migrations are pending: {', '.join(lacking)}")
    store = kind(
        database, rules=rules, owes=owes, ids=ids, now=now, department_name=department_name
    )
    settings = reading or ReadingSettings(Path("uploads"))
    try:
        store.join(await open_reading(database, store.writer, store.desk, now, settings))
    except BaseException:
        await store.close()
        raise
    return store
