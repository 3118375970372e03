"""wind(sheet, recorded, policy) -> sheet: which clocks an event starts, pauses, resumes and stops.

What should run is read off the ticket as it stands after the event, so a clock starts when its work
becomes due and stops when that work is done. Nothing else touches it: a comment, a supplement or an
update of the peer never restarts a clock, whatever it does to `updated_at`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas import events as ev
from schemas.clock_needs import facts_of, wanted
from schemas.clock_running import (
    ClockPolicy,
    Need,
    extended,
    fired,
    need_of,
    paused,
    rechosen,
    recounted,
    rests_on_old_calendar,
    resumed,
    started,
    stopped,
)
from schemas.clocks import Clock, ClockState, Level
from schemas.evolve import evolve
from schemas.matter import Frozen
from schemas.sla import Step
from schemas.ticket import ENDED, ReminderKind, State, Ticket
from schemas.working_time import Limit


class Sheet(Frozen):
    """What winding must remember of a ticket; the value of the stream table.

    clocks: all the ticket ever had, those that are stopped too.
    """

    ticket: Ticket
    clocks: tuple[Clock, ...] = ()

    @property
    def version(self) -> int:
        return self.ticket.version

    @property
    def ended(self) -> bool:
        """Nothing can start any more but by an event that reads the history again."""
        return self.ticket.state in ENDED


def wind(sheet: Sheet | None, recorded: ev.Recorded, policy: ClockPolicy) -> Sheet:
    """The sheet after `recorded`; an event that it has seen changes nothing.

    Raises: HistoryBroken when an event before this one is missing: rebuild from the history.
    """
    if sheet is not None and recorded.sequence <= sheet.version:
        return sheet
    before = sheet.ticket if sheet else None
    ticket = evolve(before, recorded.event, recorded.sequence, recorded.ticket_id, recorded.at)
    clocks = [
        _up_to_date(clock, before, ticket, recorded, policy) if clock.is_open else clock
        for clock in (sheet.clocks if sheet else ())
    ]
    clocks = _marked(clocks, recorded, policy)
    return Sheet(
        ticket=ticket, clocks=tuple(_started_and_stopped(clocks, ticket, recorded, policy))
    )


def rebuild(history: Iterable[ev.Recorded], policy: ClockPolicy) -> Sheet | None:
    """The sheet from the whole history; None without events."""
    sheet: Sheet | None = None
    for recorded in history:
        sheet = wind(sheet, recorded, policy)
    return sheet


@dataclass(frozen=True)
class MovedClock:
    """A clock before and after a calendar notice was imported."""

    before: Clock
    after: Clock

    @property
    def moves(self) -> bool:
        """False when only the provisional flag or the calendar's version has changed."""
        return self.before.due_at != self.after.due_at


def rewind(clocks: Sequence[Clock], policy: ClockPolicy) -> list[MovedClock]:
    """The open clocks that read differently on today's calendar; each keeps its rule."""
    pairs = (
        MovedClock(clock, recounted(clock, policy))
        for clock in clocks
        if clock.is_open and rests_on_old_calendar(clock, policy.calendar)
    )
    return [pair for pair in pairs if pair.before != pair.after]


def _up_to_date(
    clock: Clock, before: Ticket | None, after: Ticket, recorded: ev.Recorded, policy: ClockPolicy
) -> Clock:
    """An open clock on today's calendar and by the row that fits the facts after the event."""
    if rests_on_old_calendar(clock, policy.calendar):
        clock = recounted(clock, policy)
    if before is None or facts_of(before) == facts_of(after):
        return clock
    return rechosen(clock, facts_of(after), policy) or stopped(clock, recorded.at)


def _marked(clocks: list[Clock], recorded: ev.Recorded, policy: ClockPolicy) -> list[Clock]:
    """What the event says of clocks that go on."""
    match recorded.event:
        case ev.TicketSuspended():
            return [paused(c, recorded.at) if c.is_open else c for c in clocks]
        case ev.TicketResumed():
            return [
                resumed(c, recorded.at, policy) if c.state is ClockState.PAUSED else c
                for c in clocks
            ]
        case ev.ExtensionGranted(department=department, working_days=days):
            return [
                extended(c, days, policy) if c.is_open and _prolongs(c, department) else c
                for c in clocks
            ]
        case ev.WarningFired(clock=clock_id, level=level):
            return [
                fired(c, Level(level)) if c.is_open and c.clock_id == clock_id else c
                for c in clocks
            ]
        case ev.ReminderSent(reminder=ReminderKind.SYSTEM):
            # one reminder speaks for every clock of the ticket that was due for one
            return [
                fired(c, Level.REMINDER)
                if c.is_open and c.remind_at is not None and c.remind_at <= recorded.at
                else c
                for c in clocks
            ]
    return clocks


def _prolongs(clock: Clock, department: str) -> bool:
    return clock.step is Step.TOTAL or (
        clock.step is Step.HANDLE and clock.department == department
    )


def _started_and_stopped(
    clocks: list[Clock], ticket: Ticket, recorded: ev.Recorded, policy: ClockPolicy
) -> Iterable[Clock]:
    needs = dict.fromkeys(wanted(ticket))
    running: set[Need] = set()
    for clock in clocks:
        if not clock.is_open:
            yield clock
        elif need_of(clock) in needs:
            running.add(need_of(clock))
            yield clock
        else:
            yield stopped(clock, recorded.at)
    for need in needs:
        if need not in running:
            fresh = started(
                need, ticket.ticket_id, recorded.sequence, _start(need, clocks, ticket, recorded),
                facts_of(ticket), policy, _ordered(need, recorded.event),
            )  # fmt: skip
            if fresh is not None:
                yield paused(fresh, recorded.at) if ticket.state is State.SUSPENDED else fresh


def _start(need: Need, clocks: Sequence[Clock], ticket: Ticket, recorded: ev.Recorded) -> datetime:
    """The citizen's whole way began when the matter was received, wherever that was; after a
    rework it begins anew. A peer whose clock is ahead gives no time away."""
    first = need.step is Step.TOTAL and all(clock.step is not Step.TOTAL for clock in clocks)
    return min(ticket.received_at, recorded.at) if first else recorded.at


def _ordered(need: Need, event: ev.Event) -> Limit | None:
    if need.step is Step.HANDLE and isinstance(event, ev.TicketDispatched):
        days = event.handle_working_days
        return Limit.working_days(days) if days else None
    return None
