"""The working calendar: which days and hours count, over all years, as sorted tables."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, date, datetime, time, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Self
from zoneinfo import ZoneInfo

from schemas.calendar_year import CalendarYear, year_without_notice
from schemas.errors import HubError

HUB_ZONE = ZoneInfo("Asia/Shanghai")  # no summer time since 1991
MICROSECONDS = 1_000_000  # a second; whole microseconds keep sums exact
DAY_ENDS = time(23, 59, 59)


class CalendarEnds(HubError):
    """The count would go past the year 9999. Ask for a shorter limit or an earlier start."""


def require_aware(moment: datetime) -> datetime:
    """Return `moment`; raise ValueError for a time without a zone, which could mean anything."""
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no zone: say which one it is in, as in +08:00")
    return moment


def _microseconds(moment: time) -> int:
    seconds = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return seconds * MICROSECONDS + moment.microsecond


@dataclass(frozen=True, eq=False)
class WorkingCalendar:
    """Years by number, opening hours, and the zone whose midnight ends a day.

    A year that is not in the table is not an error: it is provisional, with weekends off.
    lunch: the part of the opening hours that does not count; none unless configured, because
           hotline desks and service halls are staffed through noon [assumed].
    """

    years: Mapping[int, CalendarYear]
    opens: time = time(9)
    closes: time = time(17)
    lunch: tuple[time, time] | None = None
    zone: ZoneInfo = HUB_ZONE
    _spans: tuple[tuple[int, int], ...] = field(init=False, repr=False)
    _tables: dict[int, tuple[int, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for number, year in self.years.items():
            if number != year.year:
                raise ValueError(f"the calendar has the year {year.year} under {number}")
        edges = [self.opens, *(self.lunch or ()), self.closes]
        if any(edge.tzinfo for edge in edges) or self.closes > DAY_ENDS:
            raise ValueError("opening hours are plain times of one day, up to 23:59:59")
        if any(early >= late for early, late in pairwise(edges)):
            raise ValueError("opening hours must run opens < lunch < closes")
        at = [_microseconds(edge) for edge in edges]
        object.__setattr__(self, "_spans", tuple(zip(at[::2], at[1::2], strict=True)))
        object.__setattr__(self, "years", MappingProxyType(dict(self.years)))

    def __reduce__(self) -> tuple[object, ...]:
        """A calendar goes to another process as what it was made of."""
        made_of = (dict(self.years), self.opens, self.closes, self.lunch, self.zone)
        return type(self), made_of

    @classmethod
    def of(cls, years: Iterable[CalendarYear]) -> Self:
        """Build from rows in any order; of several versions of a year the highest stands."""
        newest: dict[int, CalendarYear] = {}
        for year in years:
            if year.year not in newest or newest[year.year].version < year.version:
                newest[year.year] = year
        return cls(newest)

    def with_year(self, year: CalendarYear) -> "WorkingCalendar":
        """The same calendar after `year` was imported."""
        years = {**self.years, year.year: year}
        return WorkingCalendar(years, self.opens, self.closes, self.lunch, self.zone)

    @property
    def day_seconds(self) -> float:
        """Length of a full working day."""
        return self._day_length / MICROSECONDS

    @property
    def _day_length(self) -> int:
        return sum(closes - opens for opens, closes in self._spans)

    def year(self, number: int) -> CalendarYear:
        return self.years.get(number) or year_without_notice(number)

    def provisional_between(self, first: date, last: date) -> bool:
        """Whether any day from `first` to `last`, both included, lies in a provisional year."""
        return any(self.year(n).provisional for n in range(first.year, last.year + 1))

    def is_working_day(self, day: date) -> bool:
        return self.year(day.year).is_working_day(day)

    def working_days_in(self, year: int) -> int:
        return len(self._table(year))

    def next_working_day(self, after: date, count: int = 1) -> date:
        """The `count`-th working day later than `after`; raises CalendarEnds past the year 9999."""
        if count < 1:
            raise ValueError(f"count is {count}: the day after is 1")
        year, table = after.year, self._table(after.year)
        at = bisect_right(table, after.toordinal()) + count - 1
        while at >= len(table):
            if year == MAXYEAR:
                raise CalendarEnds(f"{count} working days after {after} go past the year {MAXYEAR}")
            at -= len(table)
            year += 1
            table = self._table(year)
        return date.fromordinal(table[at])

    def working_days_between(self, after: date, through: date) -> int:
        """Working days later than `after`, up to and including `through`; 0 if none."""
        if through <= after:
            return 0
        years = range(after.year, through.year + 1)
        whole = sum(len(self._table(year)) for year in years[:-1])
        before = bisect_right(self._table(after.year), after.toordinal())
        return whole + bisect_right(self._table(through.year), through.toordinal()) - before

    def open_spans(self, after: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the opening spans from `after` on, the first one cut to what is left of it."""
        local = require_aware(after).astimezone(self.zone)
        day, since = local.date(), _microseconds(local.time())
        if not self.is_working_day(day):
            day, since = self.next_working_day(day), 0
        while True:
            for opens, closes in self._spans:
                if since < closes:
                    yield self._instant(day, max(opens, since)), self._instant(day, closes)
            day, since = self.next_working_day(day), 0

    def working_seconds_between(self, start: datetime, end: datetime) -> float:
        """Opening time from `start` to `end`; negative when `end` is the earlier one."""
        return self.working_microseconds(start, end) / MICROSECONDS

    def working_microseconds(self, start: datetime, end: datetime) -> int:
        if require_aware(end) < require_aware(start):
            return -self.working_microseconds(end, start)
        first, last = start.astimezone(self.zone), end.astimezone(self.zone)
        days = self.working_days_between(first.date(), last.date())
        if self.is_working_day(last.date()):
            days -= 1  # its own part is added by _used
        if self.is_working_day(first.date()):
            days += 1
        return days * self._day_length + self._used(last) - self._used(first)

    def after_working_microseconds(self, start: datetime, amount: int) -> datetime:
        """The first instant by which `amount` > 0 of opening time has passed since `start`."""
        local = require_aware(start).astimezone(self.zone)
        day = local.date()
        if self.is_working_day(day):
            used = self._used(local)
            if used + amount <= self._day_length:
                return self._instant(day, self._clock_time(used + amount))
            amount -= self._day_length - used
        days, rest = divmod(amount - 1, self._day_length)  # a full day ends at its closing time
        return self._instant(self.next_working_day(day, days + 1), self._clock_time(rest + 1))

    def end_of_day(self, day: date) -> datetime:
        """The last second of `day` in the hub's zone: in time is up to and including it."""
        return datetime.combine(day, DAY_ENDS, tzinfo=self.zone)

    def opening(self, day: date) -> datetime:
        return datetime.combine(day, self.opens, tzinfo=self.zone)

    def local_day(self, moment: datetime) -> date:
        """The day of `moment` on the hub's wall calendar."""
        return require_aware(moment).astimezone(self.zone).date()

    def versions(self, first: date, last: date) -> dict[int, int]:
        """Which version of each year a count over `first` to `last` relied on."""
        return {n: self.year(n).version for n in range(first.year, last.year + 1)}

    def _table(self, year: int) -> tuple[int, ...]:
        table = self._tables.get(year)
        if table is None:  # two threads may both build it: the same value either way
            table = self._tables[year] = self.year(year).working_days()
        return table

    def _used(self, local: datetime) -> int:
        """Opening time of `local`'s day that has passed by then; 0 on a closed day."""
        if not self.is_working_day(local.date()):
            return 0
        now = _microseconds(local.time())
        return sum(max(0, min(now, closes) - opens) for opens, closes in self._spans)

    def _clock_time(self, used: int) -> int:
        """Microseconds after midnight by which `used` of a day's opening time has passed."""
        for opens, closes in self._spans:
            if used <= closes - opens:
                break
            used -= closes - opens
        return opens + used

    def _instant(self, day: date, microseconds: int) -> datetime:
        midnight = datetime.combine(day, time.min)
        return (midnight + timedelta(microseconds=microseconds)).replace(tzinfo=self.zone)
