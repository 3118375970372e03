"""The store for commands that need nothing but it: they work beside broken peers and catalogues."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from hub.calendar import hours_of, seeded
from hub.keys import secret_key
from hub.settings import Settings
from schemas.errors import StoreBusy
from schemas.ids import TicketIds
from schemas.rules import Rules
from schemas.working_calendar import WorkingCalendar
from ticket_store.migrations import StoreNotUsable, migrate, pending
from ticket_store.reading import ReadingSettings
from ticket_store.store import Store, open_store


def utc_now() -> datetime:
    """The clock of a hub in service; everything below gets it by argument."""
    return datetime.now(UTC)


@asynccontextmanager
async def stored(settings: Settings, *, migrating: bool = False) -> AsyncIterator[Store]:
    """The settings' store while the block runs.

    migrating: make it, or bring it up to date, first.
    Raises: StoreNotMigrated, StoreNotUsable, StoreBusy, OSError.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    if migrating:
        await migrate(settings.database)
    store = await open_store(
        settings.database,
        rules=Rules(),
        owes=lambda _ticket, _recorded: (),
        ids=TicketIds(lambda: int(utc_now().timestamp() * 1000), settings.node),
        now=utc_now,
        reading=ReadingSettings(
            uploads=settings.home / "uploads",
            personal_key=secret_key(settings.home),
            hours=hours_of(settings.clocks),
        ),
    )
    try:
        yield store
    finally:
        await store.close()


async def stored_calendar(settings: Settings) -> WorkingCalendar:
    """The calendar of the settings' store; the built-in years where there is none to read."""
    if not settings.home.is_dir():
        return seeded(settings.clocks)
    try:
        if await pending(settings.database):
            return seeded(settings.clocks)
    except (StoreBusy, StoreNotUsable):
        return seeded(settings.clocks)
    async with stored(settings) as store:
        return store.calendars.calendar()
