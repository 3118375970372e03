"""The working calendar in force, and the import of a year's notice."""

import asyncio
import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from hub.limits import limits_of
from hub.settings import Clocks, Settings
from schemas.calendar_year import CalendarYear
from schemas.card_policy import CardPolicy
from schemas.clock_running import ClockPolicy
from schemas.errors import StoreBusy
from schemas.ids import ticket_no
from schemas.sla import LimitRule
from schemas.winding import MovedClock, rewind
from schemas.working_calendar import WorkingCalendar
from ticket_store.calendar_seed import seed_years
from ticket_store.calendars import CalendarBook
from ticket_store.clocks import ClockBook

log = structlog.get_logger(__name__)

_BATCH = 500  # tickets whose clocks are counted again between two looks at the store


def hours_of(clocks: Clocks) -> WorkingCalendar:
    """A calendar without years: the hub's opening hours, for the store to put years into."""
    return WorkingCalendar({}, opens=clocks.opens, closes=clocks.closes)


def seeded(clocks: Clocks) -> WorkingCalendar:
    """The calendar of a hub that has no store yet."""
    return dataclasses.replace(hours_of(clocks), years={year.year: year for year in seed_years()})


async def keep_fresh(book: CalendarBook, every_seconds: float) -> None:
    """Notice years that another process imported, for ever."""
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await book.load()
        except StoreBusy as busy:
            log.warning("calendar not read", reason=str(busy))


@dataclass(frozen=True)
class MovedDeadline:
    """A deadline of a ticket before and after an import."""

    ticket_no: str
    step: str
    before: datetime
    after: datetime


@dataclass(frozen=True)
class ImportReport:
    """confirmed: deadlines that only lost their provisional flag."""

    year: int
    version: int
    moved: tuple[MovedDeadline, ...]
    confirmed: int

    def as_json(self) -> dict[str, Any]:
        return {
            "year": self.year,
            "version": self.version,
            "moved": [
                {
                    "ticket_no": move.ticket_no,
                    "step": move.step,
                    "before": move.before.isoformat(),
                    "after": move.after.isoformat(),
                }
                for move in self.moved
            ],
            "confirmed": self.confirmed,
        }


async def import_year(
    year: CalendarYear, calendars: CalendarBook, clocks: ClockBook, settings: Settings, by: str
) -> ImportReport:
    """Put a year into force and count every open clock again that rests on its older version."""
    stored = await calendars.import_year(year, by)
    limits = limits_of(settings.clocks.limits_file)
    policy = clock_policy(settings, limits, calendars.calendar())
    moved: list[MovedDeadline] = []
    confirmed, after = 0, 0
    while batch := await clocks.open_tickets(after, _BATCH):
        held = await clocks.of([ticket_id for ticket_id, _ in batch])
        for ticket_id, version in batch:
            changes = rewind(held[ticket_id], policy)
            if not changes:
                continue
            fresh = {change.after.clock_id: change.after for change in changes}
            await clocks.save(
                ticket_id, version, [fresh.get(one.clock_id, one) for one in held[ticket_id]]
            )
            moved += [_moved(ticket_id, change) for change in changes if change.moves]
            confirmed += sum(not change.moves for change in changes)
        after = batch[-1][0]
    return ImportReport(stored.year, stored.version, tuple(moved), confirmed)


def clock_policy(
    settings: Settings, limits: tuple[LimitRule, ...], calendar: WorkingCalendar
) -> ClockPolicy:
    """What deadlines depend on, from settings, limits and calendar."""
    return ClockPolicy(
        rules=limits,
        calendar=calendar,
        cards=CardPolicy(warn_share=settings.clocks.warn_share),
    )


def _moved(ticket_id: int, change: MovedClock) -> MovedDeadline:
    return MovedDeadline(
        ticket_no(ticket_id), change.after.step, change.before.due_at, change.after.due_at
    )
