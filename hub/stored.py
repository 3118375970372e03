"""The store for commands that need nothing but it: they work beside broken peers and catalogues."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from hub.calendar import hours_of, seeded
from hub.keys import secret_key
from hub.settings import Settings
from schemas.errors import HubError, StoreBusy
from schemas.ids import TicketIds
from schemas.rules import Rules
from schemas.working_calendar import WorkingCalendar
from ticket_store.migrations import StoreNotUsable, migrate, pending
from ticket_store.reading import ReadingSettings
from ticket_store.store import Store, open_store

_SQLITE = "sqlite+aiosqlite:///"
_FIRST = "0001"  # the migration that only a database without any table lacks


class NoStore(HubError):
    """There is no store where the settings say. A second one beside it would hide the first."""


def utc_now() -> datetime:
    """The clock of a hub in service; everything below gets it by argument."""
    return datetime.now(UTC)


async def require_store(settings: Settings) -> None:
    """Return when there is a store to work on; changes and makes nothing.

    Raises: NoStore, StoreNotUsable, StoreBusy.
    """
    home = settings.home.absolute()
    if not settings.home.is_dir():
        raise NoStore(f"no folder {home}")
    file = _file_of(settings.database)
    if file is not None and not file.exists():
        raise NoStore(f"no {file.name} in {file.parent.absolute()}")
    if _FIRST in await pending(settings.database):
        raise NoStore(f"no tables in {file.absolute() if file else 'the database'}")


def _file_of(database: str) -> Path | None:
    """The store's own file; None on a server."""
    named = database.removeprefix(_SQLITE).partition("?")[0]
    return Path(named) if database.startswith(_SQLITE) else None


@asynccontextmanager
async def stored(settings: Settings, *, migrating: bool = False) -> AsyncIterator[Store]:
    """The settings' store while the block runs.

    migrating: make it, or bring it up to date, first.
    Raises: NoStore, StoreNotMigrated, StoreNotUsable, StoreBusy, OSError.
    """
    if migrating:
        settings.home.mkdir(parents=True, exist_ok=True)
        await migrate(settings.database)
    else:
        await require_store(settings)
    store = await open_store(
        settings.database,
        rules=Rules(),
        owes=lambda _ticket, _recorded: (),
        ids=TicketIds(lambda: int(utc_now().timestamp() * 1000), settings.node or 0),
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
    try:
        await require_store(settings)
        if await pending(settings.database):
            return seeded(settings.clocks)
    except (NoStore, StoreBusy, StoreNotUsable):
        return seeded(settings.clocks)
    async with stored(settings) as store:
        return store.calendars.calendar()
