"""Cards 黄牌/红牌, warnings and reminders as data: when each is due. Ledgers are elsewhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from pydantic import Field

from schemas.matter import Frozen
from schemas.sla import DEFAULT_SHARE, warn_at
from schemas.working_calendar import WorkingCalendar
from schemas.working_time import Due, LimitUnit, Pause


class CardColour(StrEnum):
    YELLOW = "yellow"  # 黄牌
    RED = "red"  # 红牌


class CardReason(StrEnum):
    NEAR_EXPIRY = "near_expiry"  # 临期
    STEP_OVERDUE = "step_overdue"  # 环节超期
    TOTAL_OVERDUE = "total_overdue"  # 全程超期
    REFUSED_WITHOUT_REASON = "refused_without_reason"  # 无正当理由不受理


DEFAULT_COLOURS: Mapping[CardReason, CardColour] = MappingProxyType(
    {
        CardReason.NEAR_EXPIRY: CardColour.YELLOW,
        CardReason.STEP_OVERDUE: CardColour.YELLOW,
        CardReason.TOTAL_OVERDUE: CardColour.RED,
        CardReason.REFUSED_WITHOUT_REASON: CardColour.YELLOW,
    }
)
DEFAULT_POINTS: Mapping[CardColour, float] = MappingProxyType(  # ours [assumed]
    {CardColour.YELLOW: 1.0, CardColour.RED: 3.0}
)


class CardPolicy(Frozen):
    """What is carded and when reminders go out; all of it is the hub owner's to change.

    warn_share:         part of the time that may be used before the warning fires.
    warn_hours_before:  hours left when it fires (opening hours, or wall clock), instead of a share.
    reminder_days:      a day limit is reminded of at the opening of this many working days after
                        its last day; an hour limit at its deadline, which would be too late later.
    criticism_days:     more than so many working days over, once reminded: criticism notice 通报.
    colours:            reason -> colour; a reason that is missing is not carded.
    points:             taken off by a card of this colour.
    """

    warn_share: float = Field(default=DEFAULT_SHARE, gt=0, lt=1)
    warn_hours_before: int | None = Field(default=None, ge=1)
    reminder_days: int = Field(default=1, ge=1)
    criticism_days: int = Field(default=5, ge=0)
    colours: dict[CardReason, CardColour] = Field(default_factory=lambda: dict(DEFAULT_COLOURS))
    points: dict[CardColour, float] = Field(default_factory=lambda: dict(DEFAULT_POINTS))

    def warning_at(
        self, start: datetime, due: Due, calendar: WorkingCalendar, pauses: Iterable[Pause] = ()
    ) -> datetime:
        """When the warning fires and, if near expiry is carded, the yellow card with it."""
        return warn_at(
            start,
            due,
            calendar,
            self.warn_share,
            hours_before=self.warn_hours_before,
            pauses=pauses,
        )

    def reminder_at(self, due: Due, calendar: WorkingCalendar) -> datetime:
        """When the hub reminds 催办 by itself of what is still not done."""
        if due.unit is not LimitUnit.WORKING_DAYS:
            return due.due_at
        return calendar.opening(calendar.next_working_day(due.due_on, self.reminder_days))

    def criticism_at(self, due: Due, reminded_at: datetime, calendar: WorkingCalendar) -> datetime:
        """When the criticism notice falls due: over by more than `criticism_days`, and reminded.

        The days are counted from the deadline, not from the reminder; a reminder that came later
        than that is given a working day of its own first.
        """
        day = calendar.next_working_day(due.due_on, self.criticism_days + 1)
        reminded_on = calendar.local_day(reminded_at)
        if day <= reminded_on:
            day = calendar.next_working_day(reminded_on)
        return calendar.opening(day)

    def card(self, reason: CardReason) -> "Verdict | None":
        colour = self.colours.get(reason)
        if colour is None:
            return None
        return Verdict(colour, reason, self.points.get(colour, 0.0))


@dataclass(frozen=True)
class Verdict:
    """A card that is called for; the ledger sees to it that it is given once."""

    colour: CardColour
    reason: CardReason
    points: float
