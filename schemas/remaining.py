"""How much time is left until a deadline, or how far it is over, in the limit's own measure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.working_calendar import MICROSECONDS, WorkingCalendar
from schemas.working_time import HOUR, Due, LimitUnit

_MINUTE = 60 * MICROSECONDS


@dataclass(frozen=True)
class Remaining:
    """Time left, or over.

    seconds:  opening time for day and working-hour limits, wall-clock time for hour limits;
              never negative, `over` tells the side.
    days, hours, minutes: the same, split; a day is a full working day. Wall-clock limits have no
              days: 24 hours are not a working day.
    """

    unit: LimitUnit
    over: bool
    seconds: float
    days: int
    hours: int
    minutes: int


def remaining(now: datetime, due: Due, calendar: WorkingCalendar) -> Remaining:
    """Return what is left of `due` at `now`; 0 at the deadline itself."""
    over = due.is_over(now)
    if due.unit is LimitUnit.HOURS:
        left = (due.due_at - now) // timedelta(microseconds=1)
    else:
        left = calendar.working_microseconds(now, due.due_at)
    left = max(0, -left if over else left)
    days, rest = 0, left
    if due.unit is not LimitUnit.HOURS:
        days, rest = divmod(left, int(calendar.day_seconds * MICROSECONDS))
    hours, rest = divmod(rest, HOUR)
    return Remaining(due.unit, over, left / MICROSECONDS, days, hours, rest // _MINUTE)


def remaining_text(left: Remaining) -> str:
    """Say it in two words at most: 余 2 天 3 时, 余 3 时 20 分, 今日到期, 超 1 天, 已超期."""
    parts = [(left.days, "天"), (left.hours, "时"), (left.minutes, "分")]
    while parts and parts[0][0] == 0:
        del parts[0]
    if not parts:  # less than a minute, or an evening or holiday with no opening time in between
        if left.unit is LimitUnit.WORKING_DAYS:
            return "已超期" if left.over else "今日到期"
        return "超不足 1 分" if left.over else "余不足 1 分"
    words = [f"{amount} {word}" for amount, word in parts[:2] if amount]
    return " ".join(["超" if left.over else "余", *words])


def working_days_over(now: datetime, due: Due, calendar: WorkingCalendar) -> int:
    """Working days begun since the day of the deadline; 0 while in time."""
    if not due.is_over(now):
        return 0
    return calendar.working_days_between(due.due_on, calendar.local_day(now))
