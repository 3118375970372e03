"""One clock at a time: start, pause, resume, prolong, mark, stop, count again. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from schemas.card_policy import CardPolicy
from schemas.clocks import Clock, ClockState, Level
from schemas.sla import Arithmetic, ChosenLimit, Facts, LimitRule, Step, limit_for, reckon
from schemas.working_calendar import WorkingCalendar
from schemas.working_time import Limit, Pause

_SECOND = timedelta(seconds=1)
_ALL_LEVELS = frozenset(Level)
# The window for a send-back obliges nobody; the end of the rating time only closes the ticket.
_LEVELS = {Step.SEND_BACK: frozenset[Level](), Step.RATING: frozenset({Level.OVER})}


@dataclass(frozen=True)
class ClockPolicy:
    """What deadlines depend on: the table of limits, the calendar, cards and reminders."""

    rules: tuple[LimitRule, ...]
    calendar: WorkingCalendar
    cards: CardPolicy = field(default_factory=CardPolicy)


@dataclass(frozen=True)
class Need:
    """A clock that should run: step, whose, and the round or review it belongs to."""

    step: Step
    department: str | None = None
    about: int = 0


def need_of(clock: Clock) -> Need:
    return Need(clock.step, clock.department, clock.about)


def started(
    need: Need,
    ticket_id: int,
    sequence: int,
    at: datetime,
    facts: Facts,
    policy: ClockPolicy,
    ordered: Limit | None = None,
) -> Clock | None:
    """A clock that starts with event `sequence` at `at`; None when no limit applies."""
    chosen = _chosen(need.step, facts, at, policy, ordered)
    if chosen is None:
        return None
    whose = f".{need.department}" if need.department else ""
    timing = _timing(chosen, policy)
    return _with_next(
        Clock(
            clock_id=f"{need.step}.{sequence}{whose}",
            ticket_id=ticket_id,
            step=need.step,
            department=need.department,
            about=need.about,
            ordered=ordered,
            started_at=at,
            **timing,
        )
    )


def stopped(clock: Clock, at: datetime) -> Clock:
    return _changed(clock, state=ClockState.STOPPED, stopped_at=at, paused_at=None)


def paused(clock: Clock, at: datetime) -> Clock:
    return _changed(clock, state=ClockState.PAUSED, paused_at=at)


def resumed(clock: Clock, at: datetime, policy: ClockPolicy) -> Clock:
    """Runs on; its deadline is counted anew with the pause in it."""
    since = clock.paused_at or at
    pause = Pause(suspended_at=since, resumed_at=max(since, at))
    going = clock.model_copy(update={"state": ClockState.RUNNING, "paused_at": None})
    return _recounted(going, policy, pauses=(*clock.pauses, pause))


def extended(clock: Clock, working_days: int, policy: ClockPolicy) -> Clock:
    """A granted extension counts on from the deadline; near and over may fire for the new one."""
    days = clock.extension_working_days + working_days
    fresh = {"fired": (), "episode": clock.episode + 1, "extension_working_days": days}
    return _recounted(clock.model_copy(update=fresh), policy)


def fired(clock: Clock, level: Level) -> Clock:
    """Marked as the ticket's events say; what is over is near no more."""
    marks = {*clock.fired, level, *([Level.NEAR] if level is Level.OVER else [])}
    return _changed(clock, fired=tuple(sorted(marks)))


def rechosen(clock: Clock, facts: Facts, policy: ClockPolicy) -> Clock | None:
    """Other facts, perhaps another row of the table; the start stays. None: no limit any more."""
    chosen = _chosen(
        clock.step, facts, clock.started_at, policy, clock.ordered,
        pauses=clock.pauses, extensions=_extensions(clock),
    )  # fmt: skip
    return _changed(clock, **_timing(chosen, policy)) if chosen else None


def recounted(clock: Clock, policy: ClockPolicy) -> Clock:
    """The same rule on today's calendar."""
    return _recounted(clock, policy)


def rests_on_old_calendar(clock: Clock, calendar: WorkingCalendar) -> bool:
    versions = _versions(clock.arithmetic["calendar_versions"])
    return any(calendar.year(year).version != number for year, number in versions)


@lru_cache(maxsize=256)  # read at every event of every ticket, and the same few texts each time
def _versions(text: str) -> tuple[tuple[int, int], ...]:
    return tuple((int(year), number) for year, number in json.loads(text).items())


def over_at(clock: Clock) -> datetime:
    """The first instant that is late: whole seconds count, up to and including `due_at`."""
    return clock.due_at.replace(microsecond=0) + _SECOND


def due_levels(clock: Clock, now: datetime) -> tuple[Level, ...]:
    """The levels that are due at `now` and have not fired, gravest first."""
    due = [(at, level) for at, level in _pending(clock) if at <= now]
    levels = {level for _, level in due}
    if Level.OVER in levels:
        levels.discard(Level.NEAR)
    return tuple(one for one in (Level.OVER, Level.REMINDER, Level.NEAR) if one in levels)


def _pending(clock: Clock) -> list[tuple[datetime, Level]]:
    if clock.state is not ClockState.RUNNING:
        return []
    times = {Level.NEAR: clock.warn_at, Level.OVER: over_at(clock), Level.REMINDER: clock.remind_at}
    open_levels = _LEVELS.get(clock.step, _ALL_LEVELS) - set(clock.fired)
    return [(at, level) for level, at in times.items() if at is not None and level in open_levels]


def _with_next(clock: Clock) -> Clock:
    next_at = min((at for at, _ in _pending(clock)), default=None)
    return clock.model_copy(update={"next_at": next_at})


def _changed(clock: Clock, **fields: Any) -> Clock:
    return _with_next(clock.model_copy(update=fields))


def _chosen(
    step: Step,
    facts: Facts,
    start: datetime,
    policy: ClockPolicy,
    ordered: Limit | None,
    *,
    pauses: Sequence[Pause] = (),
    extensions: Sequence[Limit] = (),
) -> ChosenLimit | None:
    rules = policy.rules
    if ordered is not None:
        rules = (*rules, _order(step, ordered))
    return limit_for(
        step, facts, rules, start, policy.calendar, pauses=pauses, extensions=extensions
    )


def _order(step: Step, limit: Limit) -> LimitRule:
    return LimitRule(
        rule_id="dispatch-order", step=step, limit=limit, source_of_rule="派单时限", assumed=False
    )


def _recounted(
    clock: Clock, policy: ClockPolicy, *, pauses: tuple[Pause, ...] | None = None
) -> Clock:
    was = Arithmetic.from_texts(clock.arithmetic)
    chosen = reckon(
        _rule_of(was),
        clock.started_at,
        policy.calendar,
        pauses=clock.pauses if pauses is None else pauses,
        extensions=_extensions(clock),
        passed_over=was.passed_over,
    )
    return _changed(clock, **_timing(chosen, policy))


def _extensions(clock: Clock) -> tuple[Limit, ...]:
    days = clock.extension_working_days
    return (Limit.working_days(days),) if days else ()


def _rule_of(arithmetic: Arithmetic) -> LimitRule:
    """The row as it was when the clock started: its conditions play no part any more."""
    return LimitRule(
        rule_id=arithmetic.rule_id,
        step=arithmetic.step,
        limit=arithmetic.limit,
        source_of_rule=arithmetic.source_of_rule,
        assumed=arithmetic.assumed,
    )


def _timing(chosen: ChosenLimit, policy: ClockPolicy) -> dict[str, Any]:
    due, arithmetic = chosen.due, chosen.arithmetic
    reminded = Level.REMINDER in _LEVELS.get(arithmetic.step, _ALL_LEVELS)
    return {
        "due_at": due.due_at,
        "warn_at": policy.cards.warning_at(
            due.start, due, policy.calendar, pauses=arithmetic.pauses
        ),
        "remind_at": policy.cards.reminder_at(due, policy.calendar) if reminded else None,
        "rule_id": arithmetic.rule_id,
        "pauses": arithmetic.pauses,
        "provisional": due.provisional,
        "arithmetic": arithmetic.as_texts(),
    }
