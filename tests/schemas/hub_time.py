"""What the tests of working time share: the seeded calendar, and times in the hub's zone."""

from datetime import datetime
from functools import cache

from schemas.working_calendar import HUB_ZONE, WorkingCalendar
from schemas.working_time import Pause
from ticket_store.calendar_seed import seed_years


@cache
def calendar() -> WorkingCalendar:
    return WorkingCalendar.of(seed_years())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HUB_ZONE)


def pause(suspended: str, resumed: str) -> Pause:
    return Pause(suspended_at=at(suspended), resumed_at=at(resumed))
