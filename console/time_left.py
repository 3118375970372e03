"""Remaining working time of a clock as the pages show it: words first, colour second."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.clocks import Clock, ClockState
from schemas.remaining import remaining, remaining_text
from schemas.sla import Arithmetic, Step
from schemas.working_calendar import WorkingCalendar
from schemas.working_time import Due, LimitUnit

Tone = Literal["", "warn", "over"]


@dataclass(frozen=True)
class TimeLeft:
    """One clock, said. `arithmetic` is None for a clock whose arithmetic is not kept."""

    clock: Clock
    text: str
    tone: Tone
    arithmetic: Arithmetic | None

    @property
    def step(self) -> str:
        return self.clock.step.text


def time_left(clock: Clock, now: datetime, calendar: WorkingCalendar) -> TimeLeft:
    arithmetic = _arithmetic(clock)
    unit = arithmetic.limit.unit if arithmetic else LimitUnit.WORKING_DAYS
    due = Due(
        start=clock.started_at,
        due_on=calendar.local_day(clock.due_at),
        due_at=clock.due_at.astimezone(calendar.zone),
        provisional=clock.provisional,
        unit=unit,
    )
    if clock.state is ClockState.STOPPED:
        return TimeLeft(clock, "已停止", "", arithmetic)
    if clock.state is ClockState.PAUSED:
        return TimeLeft(clock, "挂起中，不计时", "", arithmetic)
    if not clock.obliges:
        said = "已截止" if due.is_over(now) else remaining_text(remaining(now, due, calendar))
        return TimeLeft(clock, said, "", arithmetic)
    tone: Tone = "over" if due.is_over(now) else "warn" if now >= clock.warn_at else ""
    return TimeLeft(clock, remaining_text(remaining(now, due, calendar)), tone, arithmetic)


def _arithmetic(clock: Clock) -> Arithmetic | None:
    try:
        return Arithmetic.from_texts(clock.arithmetic) if clock.arithmetic else None
    except ValueError:  # kept by an older version of the hub: the deadline itself still stands
        return None


def most_urgent(clocks: Iterable[Clock]) -> Clock | None:
    """The clock that a list shows: the open one that ends first, steps before the whole way."""
    running = [clock for clock in clocks if clock.is_open and clock.obliges]
    return min(running, key=lambda clock: (clock.due_at, clock.step is Step.TOTAL), default=None)
