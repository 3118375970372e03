"""One year of the national working-day calendar: which weekdays are off, which weekend days on."""

from datetime import MAXYEAR, date, timedelta
from functools import cache
from typing import Self

from pydantic import Field, field_serializer, model_validator

from schemas.matter import Frozen

FIRST_WEEKEND_DAY = 5  # date.weekday(): Monday is 0
NO_NOTICE = "no notice: weekends only"


class CalendarYear(Frozen):
    """A published holiday notice, or the want of one.

    version:      counts up with each correction of the same year; 0 means "nobody told us".
    provisional:  no notice has been published: only weekends are off, and every deadline that
                  looked at this year says so.
    source:       for people: the notice's number, or where the days were taken from.
    days_off:     holidays that fall on Monday to Friday (weekend days need no entry).
    days_worked:  make-up Saturdays and Sundays 调休.
    """

    year: int = Field(ge=1, le=MAXYEAR)
    version: int = Field(default=1, ge=0)
    provisional: bool = False
    source: str = Field(min_length=1, max_length=500)
    days_off: frozenset[date] = frozenset()
    days_worked: frozenset[date] = frozenset()

    @model_validator(mode="after")
    def _days_fit(self) -> Self:
        for name, days, weekend in (
            ("days_off", self.days_off, False),
            ("days_worked", self.days_worked, True),
        ):
            for day in sorted(days):
                if day.year != self.year:
                    raise ValueError(f"{name}: {day} is not a day of {self.year}")
                if (day.weekday() >= FIRST_WEEKEND_DAY) is not weekend:
                    kind = "a weekend day" if weekend else "a weekday"
                    raise ValueError(f"{name}: {day} is a {day:%A}, {kind} is wanted")
        return self

    @field_serializer("days_off", "days_worked", when_used="json")
    def _in_order(self, days: frozenset[date]) -> list[str]:
        return [day.isoformat() for day in sorted(days)]  # the same year, the same bytes

    def is_working_day(self, day: date) -> bool:
        """Whether `day`, which must lie in this year, is worked."""
        return day in self.days_worked or (
            day.weekday() < FIRST_WEEKEND_DAY and day not in self.days_off
        )

    def working_days(self) -> tuple[int, ...]:
        """The worked days in order, as proleptic ordinals (`date.toordinal`)."""
        first, last = date(self.year, 1, 1), date(self.year, 12, 31)
        return tuple(
            (first + timedelta(days=offset)).toordinal()
            for offset in range(last.toordinal() - first.toordinal() + 1)
            if self.is_working_day(first + timedelta(days=offset))
        )


@cache
def year_without_notice(year: int) -> CalendarYear:
    """The provisional year that stands in until a notice is imported."""
    return CalendarYear(year=year, version=0, provisional=True, source=NO_NOTICE)
