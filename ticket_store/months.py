"""Months (UTC) as ranges of ticket ids: ids rise with time, so a month needs no column."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from schemas.ids import created_at, first_id_at

_MONTHS_OF_A_YEAR = 12


@dataclass(frozen=True, order=True)
class Month:
    year: int
    number: int  # 1 to 12

    @classmethod
    def of(cls, instant: datetime) -> Self:
        """instant: aware."""
        there = instant.astimezone(UTC)
        return cls(there.year, there.month)

    @classmethod
    def of_ticket(cls, ticket_id: int) -> Self:
        return cls.of(created_at(ticket_id))

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Of YYYY-MM. Raises: ValueError."""
        day = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        return cls(day.year, day.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def label(self) -> str:
        """Four digits, yymm, as names of tables end."""
        return f"{self.year % 100:02d}{self.number:02d}"

    @property
    def begins_at(self) -> datetime:
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def first_id(self) -> int:
        """The smallest ticket id of the month; of the month after it: the end, not included."""
        return first_id_at(self.begins_at)

    def plus(self, months: int) -> Self:
        whole = self.year * _MONTHS_OF_A_YEAR + self.number - 1 + months
        return type(self)(whole // _MONTHS_OF_A_YEAR, whole % _MONTHS_OF_A_YEAR + 1)

    def to(self, last: Self) -> Iterator[Self]:
        """This month and those after it up to `last`, oldest first."""
        one = self
        while one <= last:
            yield one
            one = one.plus(1)
