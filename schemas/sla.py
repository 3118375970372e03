"""Which limit applies to which step: rows, the strictest match, and the arithmetic that is kept."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field

from schemas.matter import Frozen
from schemas.working_calendar import WorkingCalendar
from schemas.working_time import (
    HOUR,
    Due,
    Limit,
    LimitUnit,
    Pause,
    count,
    due,
    united,
)

DEFAULT_SHARE = 0.8


class Step(StrEnum):
    """What is clocked. Each starts and stops by events only (docs/time-limits.md, "Steps")."""

    ACCEPT = "accept"  # 受理: registered -> accepted or declined
    DISPATCH = "dispatch"  # 派单: accepted -> dispatched
    ACKNOWLEDGE = "acknowledge"  # 签收: dispatched -> acknowledged
    SEND_BACK = "send_back"  # 退单: until when a department may send back
    HANDLE = "handle"  # 承办: dispatched -> completed by the department
    REVIEW = "review"  # 结案审核: completed -> reviewed; also a send-back that is asked for
    EXTENSION_REVIEW = "extension_review"  # 延期审核: asked -> granted or refused
    REPLY = "reply"  # 答复: review passed -> replied
    FOLLOW_UP = "follow_up"  # 回访: replied -> called
    RATING = "rating"  # 评价: until when the citizen may rate
    TOTAL = "total"  # 全程: received -> replied

    @property
    def text(self) -> str:
        return STEP_TEXTS[self]


STEP_TEXTS = {
    Step.ACCEPT: "受理",
    Step.DISPATCH: "派单",
    Step.ACKNOWLEDGE: "签收",
    Step.SEND_BACK: "退单",
    Step.HANDLE: "承办",
    Step.REVIEW: "结案审核",
    Step.EXTENSION_REVIEW: "延期审核",
    Step.REPLY: "答复",
    Step.FOLLOW_UP: "回访",
    Step.RATING: "评价",
    Step.TOTAL: "全程",
}


class Facts(Frozen):
    """What a rule may ask about a ticket; None is not known, and meets no rule that asks.

    category_code:  levels from the top, joined by "/": 商贸旅游/市场监管/商品质量.
    source:         the connector's name, such as provincial.
    """

    matter_kind: str | None = None
    urgency: str | None = None
    category_code: str | None = None
    source: str | None = None


class LimitRule(Frozen):
    """A row of the table of limits. A condition that is None asks nothing.

    category_code:   meets itself and everything below it.
    source_of_rule:  where the number is written, for people.
    assumed:         ours, not taken from a published rule: to be confirmed by the hub's owner.
    """

    rule_id: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$")
    step: Step
    limit: Limit
    matter_kind: str | None = None
    urgency: str | None = None
    category_code: str | None = None
    source: str | None = None
    source_of_rule: str = Field(min_length=1, max_length=500)
    assumed: bool

    def meets(self, step: Step, facts: Facts) -> bool:
        return (
            self.step is step
            and self.matter_kind in {None, facts.matter_kind}
            and self.urgency in {None, facts.urgency}
            and self.source in {None, facts.source}
            and self._meets_category(facts.category_code)
        )

    @property
    def conditions(self) -> int:
        asked = (self.matter_kind, self.urgency, self.category_code, self.source)
        return sum(one is not None for one in asked)

    def _meets_category(self, code: str | None) -> bool:
        if self.category_code is None:
            return True
        return code is not None and f"{code}/".startswith(f"{self.category_code}/")


class Arithmetic(Frozen):
    """How a deadline came about, complete enough to count it again; cards keep it.

    due_at, due_on:    the deadline, and its day, in the hub's zone.
    working_days, closed_days, paused_days, paused_seconds: see schemas.working_time.Count.
    calendar_versions: year -> version of its notice; 0 is a year without one. Empty for limits in
                       wall-clock hours, which look at no calendar.
    passed_over:       rules that matched too and end no earlier.
    """

    rule_id: str
    source_of_rule: str
    assumed: bool
    step: Step
    start: AwareDatetime
    limit: Limit
    pauses: tuple[Pause, ...] = ()
    extensions: tuple[Limit, ...] = ()
    working_days: int
    closed_days: int
    paused_days: int
    paused_seconds: float
    due_on: date
    due_at: AwareDatetime
    provisional: bool
    calendar_versions: dict[int, int]
    passed_over: tuple[str, ...] = ()

    def as_texts(self) -> dict[str, str]:
        """Flat texts, as events carry them; what is not a text by itself is JSON."""
        return {
            name: value if name in _PLAIN else json.dumps(value, ensure_ascii=False)
            for name, value in self.model_dump(mode="json").items()
        }

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Self:
        """The reverse of `as_texts`; raises ValueError (pydantic's, json's) for anything else."""
        return cls.model_validate(
            {name: text if name in _PLAIN else json.loads(text) for name, text in texts.items()}
        )


_PLAIN = frozenset({"rule_id", "source_of_rule", "step", "start", "due_on", "due_at"})


@dataclass(frozen=True)
class ChosenLimit:
    """The rule that applies, its deadline, and why."""

    rule: LimitRule
    due: Due
    arithmetic: Arithmetic


def matching(step: Step, facts: Facts, rules: Iterable[LimitRule]) -> Iterator[LimitRule]:
    return (rule for rule in rules if rule.meets(step, facts))


def limit_for(
    step: Step,
    facts: Facts,
    rules: Iterable[LimitRule],
    start: datetime,
    calendar: WorkingCalendar,
    *,
    pauses: Sequence[Pause] = (),
    extensions: Sequence[Limit] = (),
) -> ChosenLimit | None:
    """Return the strictest rule for `step` begun at `start`, or None if the step has no limit.

    Strictest is the one that ends first when nothing pauses or extends it, so that a pause never
    changes the rule; of equals the one with more conditions, then by rule_id.
    """
    ranked = list(matching(step, facts, rules))
    if len(ranked) > 1:
        ranked.sort(
            key=lambda rule: (
                due(start, rule.limit, calendar).due_at,
                -rule.conditions,
                rule.rule_id,
            )
        )
    if not ranked:
        return None
    first, *others = ranked
    return reckon(
        first,
        start,
        calendar,
        pauses=pauses,
        extensions=extensions,
        passed_over=[rule.rule_id for rule in others],
    )


def reckon(
    rule: LimitRule,
    start: datetime,
    calendar: WorkingCalendar,
    *,
    pauses: Sequence[Pause] = (),
    extensions: Sequence[Limit] = (),
    passed_over: Sequence[str] = (),
) -> ChosenLimit:
    """Count one rule's deadline: for a clock that keeps the rule it started with."""
    counted = count(start, rule.limit, calendar, pauses, extensions)
    deadline = counted.due
    only_clock = all(one.unit is LimitUnit.HOURS for one in (rule.limit, *extensions))
    arithmetic = Arithmetic(
        rule_id=rule.rule_id,
        source_of_rule=rule.source_of_rule,
        assumed=rule.assumed,
        step=rule.step,
        start=deadline.start,
        limit=rule.limit,
        pauses=tuple(pauses),
        extensions=tuple(extensions),
        working_days=counted.working_days,
        closed_days=counted.closed_days,
        paused_days=counted.paused_days,
        paused_seconds=counted.paused_seconds,
        due_on=deadline.due_on,
        due_at=deadline.due_at,
        provisional=deadline.provisional,
        calendar_versions={}
        if only_clock
        else calendar.versions(deadline.start.date(), deadline.due_on),
        passed_over=tuple(passed_over),
    )
    return ChosenLimit(rule, deadline, arithmetic)


def warn_at(
    start: datetime,
    due: Due,
    calendar: WorkingCalendar,
    share: float = DEFAULT_SHARE,
    *,
    hours_before: int | None = None,
    pauses: Iterable[Pause] = (),
) -> datetime:
    """Return when a warning 预警 fires: `share` of the time is used, or `hours_before` are left.

    The time is opening time; for limits in hours it is wall-clock time. Time in `pauses` was not
    used. An answer before now means: warn at once. Never before `start`, never after the deadline.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}: a part of the limit is between 0 and 1")

    def length(begin: datetime, end: datetime) -> int:
        if due.unit is LimitUnit.HOURS:
            return (end - begin) // timedelta(microseconds=1)
        return calendar.working_microseconds(begin, end)

    whole = length(start, due.due_at)
    if hours_before is None:
        stood = sum(
            length(max(suspended_at, start), resumed_at)
            for suspended_at, resumed_at in united(pauses)
            if suspended_at < due.due_at and resumed_at > start
        )
        used = max(0, whole - stood)
        left = used - int(used * share)
    else:
        left = hours_before * HOUR
    offset = whole - left
    if offset <= 0:
        return start.astimezone(calendar.zone)
    if due.unit is LimitUnit.HOURS:
        return (start + timedelta(microseconds=offset)).astimezone(calendar.zone)
    return calendar.after_working_microseconds(start, offset)
