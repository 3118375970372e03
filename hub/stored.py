"""What commands read from a store that may not be there yet."""

from hub.assembly import build
from hub.calendar import seeded
from hub.settings import Settings
from schemas.errors import StoreBusy
from schemas.working_calendar import WorkingCalendar
from ticket_store.migrations import pending


async def stored_calendar(settings: Settings) -> WorkingCalendar:
    """The calendar of the settings' store; the built-in years where there is no store yet."""
    if not settings.home.is_dir():
        return seeded(settings.clocks)
    try:
        if await pending(settings.database):
            return seeded(settings.clocks)
    except StoreBusy:
        return seeded(settings.clocks)
    hub = await build(settings)
    try:
        return hub.store.calendars.calendar()
    finally:
        await hub.close()
