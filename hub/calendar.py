"""The working calendar in force, and the import of a year's notice."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from hub.limits import limits_of
from hub.settings import Settings
from hub.settings_sections import Clocks
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
    """Put a year into force and count every open clock again that rests on its older version.

    Raises: LimitsWrong, before anything is changed.
    """
    limits = limits_of(settings.clocks.limits_file)
    stored = await calendars.import_year(year, by)
    changes = await recount(clocks, clock_policy(settings, limits, calendars.calendar()))
    return ImportReport(
        stored.year,
        stored.version,
        tuple(_moved(change) for change in changes if change.moves),
        sum(not change.moves for change in changes),
    )


async def recount(clocks: ClockBook, policy: ClockPolicy) -> list[MovedClock]:
    """Count every open clock of the store again that rests on an older calendar than `policy`'s.

    A ticket that a worker winds meanwhile is left to that worker, which does the same.
    """
    changed: list[MovedClock] = []
    after = 0
    while batch := await clocks.open_tickets(after, _BATCH):
        held = await clocks.of([ticket_id for ticket_id, _ in batch])
        for ticket_id, version in batch:
            changes = rewind(held[ticket_id], policy)
            if not changes:
                continue
            fresh = {change.after.clock_id: change.after for change in changes}
            now_held = [fresh.get(one.clock_id, one) for one in held[ticket_id]]
            if await clocks.save(ticket_id, version, now_held):
                changed += changes
        after = batch[-1][0]
    return changed


async def keep_fresh(
    calendars: CalendarBook,
    clocks: ClockBook,
    policy: Callable[[], ClockPolicy],
    every_seconds: float,
) -> None:
    """Notice years that another process imported, for ever.

    What this worker wound on the older calendar meanwhile is counted again, and so is, once,
    what a worker before it may have left behind.
    """
    counted: Mapping[int, CalendarYear] | None = None
    while True:
        await asyncio.sleep(every_seconds)
        try:
            years = (await calendars.load()).years
            if years == counted:
                continue
            changes = await recount(clocks, policy())
        except StoreBusy as busy:
            log.warning("calendar not read", reason=str(busy))
            continue
        counted = years
        if changes:
            log.info("deadlines counted again", clocks=len(changes))


def clock_policy(
    settings: Settings, limits: tuple[LimitRule, ...], calendar: WorkingCalendar
) -> ClockPolicy:
    """What deadlines depend on, from settings, limits and calendar."""
    return ClockPolicy(
        rules=limits,
        calendar=calendar,
        cards=CardPolicy(warn_share=settings.clocks.warn_share),
    )


def _moved(change: MovedClock) -> MovedDeadline:
    clock = change.after
    return MovedDeadline(ticket_no(clock.ticket_id), clock.step, change.before.due_at, clock.due_at)
