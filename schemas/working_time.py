"""Limits and deadlines: when a limit that starts here ends, with pauses and extensions.

A day limit counts from the next working day and ends with the last second of its last day; an hour
limit counts at once. docs/time-limits.md gives the rules with examples.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from schemas.matter import Frozen
from schemas.working_calendar import (
    MICROSECONDS,
    CalendarEnds,
    WorkingCalendar,
    require_aware,
)

HOUR = 3600 * MICROSECONDS
_MICROSECOND = timedelta(microseconds=1)


class LimitUnit(StrEnum):
    WORKING_DAYS = "working_days"  # 工作日
    WORKING_HOURS = "working_hours"  # 工作时: opening hours only
    HOURS = "hours"  # 小时: wall clock, nights and holidays too

    @property
    def text(self) -> str:
        return _UNIT_TEXTS[self]


_UNIT_TEXTS = {
    LimitUnit.WORKING_DAYS: "个工作日",
    LimitUnit.WORKING_HOURS: "个工作小时",
    LimitUnit.HOURS: "小时",
}


class Limit(Frozen):
    """How long something may take, as it stands in a row of the table."""

    unit: LimitUnit
    amount: int = Field(ge=1, le=100_000)

    @classmethod
    def working_days(cls, amount: int) -> Self:
        return cls(unit=LimitUnit.WORKING_DAYS, amount=amount)

    @classmethod
    def working_hours(cls, amount: int) -> Self:
        return cls(unit=LimitUnit.WORKING_HOURS, amount=amount)

    @classmethod
    def hours(cls, amount: int) -> Self:
        return cls(unit=LimitUnit.HOURS, amount=amount)

    @property
    def text(self) -> str:
        return f"{self.amount} {self.unit.text}"


class Pause(Frozen):
    """A clock suspended 挂起 and resumed 解挂. While it is still suspended there is no deadline."""

    suspended_at: AwareDatetime
    resumed_at: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.resumed_at < self.suspended_at:
            raise ValueError(f"resumed at {self.resumed_at}, before it was suspended")
        return self


class Due(Frozen):
    """A deadline. In time is up to and including the second `due_at`, in the hub's zone."""

    start: AwareDatetime
    due_on: date
    due_at: AwareDatetime
    provisional: bool
    unit: LimitUnit

    def is_over(self, now: datetime) -> bool:
        """Whether the time is up; seconds are whole, so 23:59:59.9 is still in time."""
        return require_aware(now).replace(microsecond=0) > self.due_at


@dataclass(frozen=True)
class Count:
    """A deadline with the arithmetic that led to it.

    working_days:    days of the limit and its extensions that are counted in days.
    closed_days:     weekends and holidays passed over between start and due_on, both ends' day
                     of the count included; 0 for wall-clock limits.
    paused_days:     working days added for pauses (day limits).
    paused_seconds:  time added for pauses (hour limits): opening or wall-clock time, as the unit.
    """

    due: Due
    working_days: int
    closed_days: int
    paused_days: int
    paused_seconds: float


def due(start: datetime, limit: Limit, calendar: WorkingCalendar) -> Due:
    """Return the deadline of `limit` begun at `start`.

    start:   aware, in any zone; the day it falls on is the hub's.
    Raises:  ValueError for a naive start; CalendarEnds past the year 9999.
    """
    return count(start, limit, calendar).due


def due_with_pauses(
    start: datetime,
    limit: Limit,
    pauses: Iterable[Pause],
    calendar: WorkingCalendar,
    *,
    extensions: Sequence[Limit] = (),
) -> Due:
    """Return the deadline of `limit`, prolonged by `pauses` and by granted `extensions` 延期."""
    return count(start, limit, calendar, pauses, extensions).due


def count(
    start: datetime,
    limit: Limit,
    calendar: WorkingCalendar,
    pauses: Iterable[Pause] = (),
    extensions: Sequence[Limit] = (),
) -> Count:
    """Count `limit` from `start`; each extension counts on from the deadline before it.

    A pause that begins when the deadline has passed changes nothing: overdue stays overdue.
    """
    local = require_aware(start).astimezone(calendar.zone)
    stops = united(pauses)
    moment, days, paused = local, 0, dict.fromkeys(LimitUnit, 0)
    try:
        for leg in (limit, *extensions):
            moment, added = _end_of_leg(moment, leg, stops, calendar)
            paused[leg.unit] += added
            days += leg.amount if leg.unit is LimitUnit.WORKING_DAYS else 0
    except OverflowError as error:
        raise CalendarEnds(f"{limit.amount} {limit.unit} after {local} is no date") from error
    first, last, unit = local.date(), moment.date(), limit.unit
    looked_at_days = any(leg.unit is not LimitUnit.HOURS for leg in (limit, *extensions))
    # a day limit does not look at the day it starts on
    opened = first + timedelta(days=1) if unit is LimitUnit.WORKING_DAYS else first
    return Count(
        due=Due(
            start=local,
            due_on=last,
            due_at=moment,
            provisional=looked_at_days and calendar.provisional_between(opened, last),
            unit=unit,
        ),
        working_days=days,
        closed_days=(last - first).days - calendar.working_days_between(first, last)
        if looked_at_days
        else 0,
        paused_days=paused[LimitUnit.WORKING_DAYS],
        paused_seconds=(paused[LimitUnit.WORKING_HOURS] + paused[LimitUnit.HOURS]) / MICROSECONDS,
    )


def united(pauses: Iterable[Pause]) -> list[tuple[datetime, datetime]]:
    """Pauses in order, those that touch or overlap made one, so that no time counts twice."""
    stops: list[tuple[datetime, datetime]] = []
    for pause in sorted(pauses, key=lambda one: one.suspended_at):
        if stops and pause.suspended_at <= stops[-1][1]:
            stops[-1] = (stops[-1][0], max(stops[-1][1], pause.resumed_at))
        else:
            stops.append((pause.suspended_at, pause.resumed_at))
    return stops


def _end_of_leg(
    start: datetime,
    limit: Limit,
    stops: Sequence[tuple[datetime, datetime]],
    calendar: WorkingCalendar,
) -> tuple[datetime, int]:
    """The end of one limit and what pauses added to it: working days, or microseconds."""
    added = 0
    end = _end(start, limit, added, calendar)
    for suspended_at, resumed_at in stops:
        if suspended_at >= end:
            break
        if resumed_at > start:
            added += _paused(max(suspended_at, start), resumed_at, limit.unit, calendar)
            end = _end(start, limit, added, calendar)
    return end, added


def _end(start: datetime, limit: Limit, added: int, calendar: WorkingCalendar) -> datetime:
    match limit.unit:
        case LimitUnit.WORKING_DAYS:
            day = calendar.next_working_day(calendar.local_day(start), limit.amount + added)
            return calendar.end_of_day(day)
        case LimitUnit.WORKING_HOURS:
            return calendar.after_working_microseconds(start, limit.amount * HOUR + added)
        case LimitUnit.HOURS:
            length = timedelta(microseconds=limit.amount * HOUR + added)
            return (start.astimezone(UTC) + length).astimezone(calendar.zone)


def _paused(
    suspended_at: datetime, resumed_at: datetime, unit: LimitUnit, calendar: WorkingCalendar
) -> int:
    """What a pause adds. A day limit goes on as it starts: from the next working day."""
    match unit:
        case LimitUnit.WORKING_DAYS:
            return calendar.working_days_between(
                calendar.local_day(suspended_at), calendar.local_day(resumed_at)
            )
        case LimitUnit.WORKING_HOURS:
            return calendar.working_microseconds(suspended_at, resumed_at)
        case LimitUnit.HOURS:
            return (resumed_at - suspended_at) // _MICROSECOND
