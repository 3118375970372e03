"""decide(ticket, command, rules) -> events. Pure: no clock, no network, no store."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from schemas import commands as cmd
from schemas import events as ev
from schemas.decide_handling import HANDLING
from schemas.decide_intake import INTAKE
from schemas.decide_parts import Facts, keeping
from schemas.decide_reviews import REVIEWS
from schemas.errors import (
    RuleBroken,
    UnknownTicket,
    VersionConflict,
)
from schemas.evolve import evolve
from schemas.ids import LAST_SEQUENCE
from schemas.lifecycle import Action, step
from schemas.rules import Rules
from schemas.ticket import ReviewKind, Source, State, Ticket

# Kept free in every ticket, so that the acts that end it always fit.
_ROOM_FOR_ENDING = 40
_ROOM_FOR_ONE_COMMAND = 3  # no command makes more events
_ENDING = frozenset(
    {
        Action.ACKNOWLEDGE,
        Action.COMPLETE,
        Action.PASS_CLOSURE,
        Action.REPLY,
        Action.FOLLOW_UP,
        Action.RATE,
        Action.CLOSE,
        Action.CLOSE_UNRATED,
        Action.WITHDRAW,
        Action.ARCHIVE,
    }
)


def decide(ticket: Ticket | None, command: cmd.Command, rules: Rules) -> tuple[ev.Event, ...]:
    """What `command` makes happen; an empty tuple when there is nothing to do.

    Raises: UnknownTicket, VersionConflict, TransitionRefused, NotEntitled, RuleBroken.
    """
    if ticket is None and command.action not in (Action.REGISTER, Action.SAVE_DRAFT):
        raise UnknownTicket(f"no ticket {command.ticket_id}", ticket_id=str(command.ticket_id))
    if command.expected_version is not None:
        version = ticket.version if ticket else 0
        if version != command.expected_version:
            raise VersionConflict(
                f"ticket is at version {version}, not {command.expected_version}",
                version=str(version),
            )
    state = ticket.state if ticket else None
    row = step(state, command.action, command.actor.roles)
    _refuse_when_full(ticket, command)
    events = _DECIDE[command.action](Facts(ticket, command, rules))
    if events:
        last = events[-1].state
        allowed = row.targets or {state}
        if command.action is Action.REGISTER:
            allowed = allowed | {State.ACCEPTED}  # registered and accepted in one act
        if last not in allowed:
            raise AssertionError(f"{command.action} from {state} led to {last}, off the table")
    return events


def apply(
    ticket: Ticket | None, events: tuple[ev.Event, ...], ticket_id: int, at: datetime
) -> Ticket:
    """The head after `events`; the ticket's time never goes back.

    Raises: ValueError when there is neither a ticket nor an event.
    """
    for event in events:
        version = ticket.version if ticket else 0
        ticket = evolve(ticket, event, version + 1, ticket_id, at)
    if ticket is None:
        raise ValueError("no ticket and no event")
    return ticket


def event_time(ticket: Ticket | None, command: cmd.Command) -> datetime:
    return max(command.at, ticket.updated_at) if ticket else command.at


def _refuse_when_full(ticket: Ticket | None, command: cmd.Command) -> None:
    room = LAST_SEQUENCE - (ticket.version if ticket else 0)
    if room < _ROOM_FOR_ONE_COMMAND or (room < _ROOM_FOR_ENDING and command.action not in _ENDING):
        raise RuleBroken("the ticket holds no more events; close it", code="ticket_full")


def _reply(facts: Facts[cmd.ReplyCitizen]) -> tuple[ev.Event, ...]:
    return (ev.CitizenReplied(state=State.AWAITING_FOLLOW_UP, text=facts.command.text),)


def _follow_up(facts: Facts[cmd.RecordFollowUp]) -> tuple[ev.Event, ...]:
    """Citizens of the portal rate there (R2.5); for all others the follow-up is the evaluation."""
    command = facts.command
    rates = facts.ticket.source is Source.WEB_PORTAL
    return (
        ev.FollowUpRecorded(
            state=State.AWAITING_RATING if rates else State.CLOSED,
            satisfied=command.satisfied, resolved=command.resolved, note=command.note,
        ),
    )  # fmt: skip


def _note_unreached(facts: Facts[cmd.NoteUnreached]) -> tuple[ev.Event, ...]:
    return (ev.CitizenUnreached(state=facts.ticket.state, note=facts.command.note),)


def _rework(facts: Facts[cmd.OrderRework]) -> tuple[ev.Event, ...]:
    """The same departments again; a directly answered ticket goes to the dispatch desk."""
    command = facts.command
    answered_here = not facts.ticket.departments
    return (
        ev.ReworkOrdered(
            state=State.ACCEPTED if answered_here else State.DISPATCHED,
            satisfied=command.satisfied, resolved=command.resolved, reason=command.reason,
        ),
    )  # fmt: skip


def _rate(facts: Facts[cmd.RateTicket]) -> tuple[ev.Event, ...]:
    return (
        ev.TicketRated(state=State.CLOSED, rating=facts.command.rating, text=facts.command.text),
    )


def _close(facts: Facts[cmd.CloseTicket]) -> tuple[ev.Event, ...]:
    closure = next((r for r in facts.ticket.open_reviews if r.kind is ReviewKind.CLOSURE), None)
    command = facts.command
    return (
        ev.TicketClosed(
            state=State.CLOSED, reason=command.reason, reply=command.reply,
            review_no=closure.review_no if closure else None,
        ),
    )  # fmt: skip


def _close_unrated(facts: Facts[cmd.CloseUnrated]) -> tuple[ev.Event, ...]:
    return (ev.TicketClosed(state=State.CLOSED, reason=facts.command.reason),)


def _suspend(facts: Facts[cmd.SuspendTicket]) -> tuple[ev.Event, ...]:
    return (ev.TicketSuspended(state=State.SUSPENDED, reason=facts.command.reason),)


def _resume(facts: Facts[cmd.ResumeTicket]) -> tuple[ev.Event, ...]:
    back_to = facts.ticket.resume_to or State.ACCEPTED
    return (ev.TicketResumed(state=back_to, note=facts.command.note),)


def _withdraw(facts: Facts[cmd.WithdrawTicket]) -> tuple[ev.Event, ...]:
    return (ev.TicketWithdrawn(state=State.WITHDRAWN, reason=facts.command.reason),)


def _merge(facts: Facts[cmd.MergeTicket]) -> tuple[ev.Event, ...]:
    command = facts.command
    if command.into == facts.ticket.ticket_id:
        raise RuleBroken("a ticket is not merged into itself", code="merge_into_itself")
    return (ev.TicketMerged(state=State.MERGED, into=command.into, reason=command.reason),)


def _archive(facts: Facts[cmd.ArchiveTicket]) -> tuple[ev.Event, ...]:
    return (ev.TicketArchived(state=State.ARCHIVED),)


def _remind(facts: Facts[cmd.SendReminder]) -> tuple[ev.Event, ...]:
    command = facts.command
    return (
        ev.ReminderSent(state=facts.ticket.state, reminder=command.reminder, text=command.text),
    )


def _answer_reminder(facts: Facts[cmd.AnswerReminder]) -> tuple[ev.Event, ...]:
    command, ticket = facts.command, facts.ticket
    reminder = next((r for r in ticket.reminders if r.reminder_no == command.reminder_no), None)
    if reminder is None:
        raise RuleBroken(f"no reminder {command.reminder_no}", code="reminder_unknown")
    if reminder.answered_at is not None:
        raise RuleBroken("the reminder is answered already", code="reminder_answered")
    if facts.acts_as_handler_only:
        facts.own_assignment()
    return (
        ev.ReminderAnswered(state=ticket.state, reminder_no=command.reminder_no, text=command.text),
    )


def _warn(facts: Facts[cmd.FireWarning]) -> tuple[ev.Event, ...]:
    return (keeping(ev.WarningFired, facts, "clock", "level", "arithmetic"),)


def _issue_card(facts: Facts[cmd.IssueCard]) -> tuple[ev.Event, ...]:
    return (keeping(ev.CardIssued, facts, "clock", "colour", "department", "arithmetic"),)


def _note_refusal(facts: Facts[cmd.NoteRefusal]) -> tuple[ev.Event, ...]:
    return (keeping(ev.PeerRefused, facts, "destination", "peer_code", "detail"),)


_DECIDE: Mapping[Action, Callable[[Facts[Any]], tuple[ev.Event, ...]]] = {
    Action.REPLY: _reply,
    Action.FOLLOW_UP: _follow_up,
    Action.NOTE_UNREACHED: _note_unreached,
    Action.REWORK: _rework,
    Action.RATE: _rate,
    Action.CLOSE: _close,
    Action.CLOSE_UNRATED: _close_unrated,
    Action.SUSPEND: _suspend,
    Action.RESUME: _resume,
    Action.WITHDRAW: _withdraw,
    Action.MERGE: _merge,
    Action.ARCHIVE: _archive,
    Action.REMIND: _remind,
    Action.ANSWER_REMINDER: _answer_reminder,
    Action.WARN: _warn,
    Action.ISSUE_CARD: _issue_card,
    Action.NOTE_REFUSAL: _note_refusal,
    **INTAKE,
    **HANDLING,
    **REVIEWS,
}
