"""decide(ticket, command, rules) -> events. Pure: no clock, no network, no store."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from schemas import commands as cmd
from schemas import events as ev
from schemas.decide_handling import HANDLING
from schemas.decide_parts import Facts, keeping
from schemas.decide_reviews import REVIEWS
from schemas.errors import (
    NotEntitled,
    RuleBroken,
    TransitionRefused,
    UnknownTicket,
    VersionConflict,
)
from schemas.evolve import evolve
from schemas.ids import LAST_SEQUENCE
from schemas.lifecycle import Action, step
from schemas.parties import Role
from schemas.rules import Rules
from schemas.ticket import Registration, ReviewKind, Source, State, Ticket

# Kept free in every ticket, so that the acts that end it always fit.
_ROOM_FOR_ENDING = 40
_ENDING = frozenset(
    {Action.CLOSE, Action.CLOSE_UNRATED, Action.WITHDRAW, Action.ARCHIVE, Action.FOLLOW_UP, Action.RATE,
     Action.PASS_CLOSURE, Action.REPLY, Action.COMPLETE, Action.ACKNOWLEDGE}
)  # fmt: skip


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
    if room < 3 or (room < _ROOM_FOR_ENDING and command.action not in _ENDING):
        raise RuleBroken("the ticket holds no more events; close it", code="ticket_full")


def _head(registration: Registration, peer_updated_at: datetime | None) -> dict[str, Any]:
    matter = registration.matter
    return {
        "source": registration.source,
        "peer": registration.peer,
        "source_ticket_no": registration.source_ticket_no,
        "superior_assigned": registration.superior_assigned,
        "title": matter.title,
        "matter_kind": matter.kind,
        "urgency": matter.urgency,
        "category_code": matter.category_code,
        "area_code": matter.area_code,
        "has_citizen": registration.citizen is not None,
        "handling_mode": registration.handling_mode,
        "received_at": registration.received_at,
        "peer_updated_at": peer_updated_at,
    }


def _save_draft(facts: Facts[cmd.SaveDraft]) -> tuple[ev.Event, ...]:
    command = facts.command
    return (
        ev.DraftSaved(state=State.DRAFT, **_head(command.registration, command.peer_updated_at)),
    )


def _register(facts: Facts[cmd.RegisterTicket]) -> tuple[ev.Event, ...]:
    command = facts.command
    registered = ev.TicketRegistered(
        state=State.RECEIVED, **_head(command.registration, command.peer_updated_at)
    )
    if not command.accept:
        return (registered,)
    if not command.actor.has(Role.OPERATOR):
        raise NotEntitled("only an operator accepts while registering", action=command.action)
    return (registered, ev.TicketAccepted(state=State.ACCEPTED))


def _discard(facts: Facts[cmd.DiscardDraft]) -> tuple[ev.Event, ...]:
    return (ev.DraftDiscarded(state=State.DISCARDED, reason=facts.command.reason),)


def _accept(facts: Facts[cmd.AcceptTicket]) -> tuple[ev.Event, ...]:
    return (ev.TicketAccepted(state=State.ACCEPTED, note=facts.command.note),)


def _decline(facts: Facts[cmd.DeclineTicket]) -> tuple[ev.Event, ...]:
    if facts.ticket.superior_assigned:
        raise RuleBroken(
            "a superior-assigned ticket needs a decline review", code="decline_needs_review"
        )
    return (ev.TicketDeclined(state=State.DECLINED, reason=facts.command.reason),)


def _ask_decline(facts: Facts[cmd.AskDecline]) -> tuple[ev.Event, ...]:
    if not facts.ticket.superior_assigned:
        raise RuleBroken(
            "only a superior-assigned ticket needs a review", code="decline_needs_no_review"
        )
    if any(r.kind is ReviewKind.DECLINE for r in facts.ticket.open_reviews):
        raise RuleBroken("a decline review is open already", code="review_open")
    return (ev.DeclineAsked(state=State.RECEIVED, reason=facts.command.reason),)


def _grant_decline(facts: Facts[cmd.GrantDecline]) -> tuple[ev.Event, ...]:
    review = facts.open_review(ReviewKind.DECLINE)
    return (
        ev.TicketDeclined(state=State.DECLINED, reason=review.reason, review_no=review.review_no),
    )


def _refuse_decline(facts: Facts[cmd.RefuseDecline]) -> tuple[ev.Event, ...]:
    review = facts.open_review(ReviewKind.DECLINE)
    return (
        ev.DeclineRefused(
            state=State.ACCEPTED, review_no=review.review_no, reason=facts.command.reason
        ),
    )


def _amend(facts: Facts[cmd.AmendTicket]) -> tuple[ev.Event, ...]:
    ticket, command = facts.ticket, facts.command
    matter = command.matter
    head: dict[str, Any] = {name: getattr(ticket, name) for name in ev.HeadFields.model_fields}
    if matter is not None:
        head |= {
            "title": matter.title, "matter_kind": matter.kind, "urgency": matter.urgency,
            "category_code": matter.category_code, "area_code": matter.area_code,
        }  # fmt: skip
    elif command.citizen is None and command.accused is None:
        return ()
    head["has_citizen"] = ticket.has_citizen or command.citizen is not None
    return (ev.TicketAmended(state=ticket.state, reason=command.reason, **head),)


def _supplement(facts: Facts[cmd.SupplementMatter]) -> tuple[ev.Event, ...]:
    count = len(facts.command.attachments)
    return (ev.MatterSupplemented(state=facts.ticket.state, attachments=count),)


def _note_peer_update(facts: Facts[cmd.NotePeerUpdate]) -> tuple[ev.Event, ...]:
    ticket, command = facts.ticket, facts.command
    if ticket.peer_updated_at is not None and command.peer_updated_at <= ticket.peer_updated_at:
        raise TransitionRefused(
            "an equally new or newer update of the source is known", code="peer_update_stale"
        )
    head = None
    if command.registration is not None:
        head = ev.HeadFields(**_head(command.registration, command.peer_updated_at))
    return (
        ev.PeerUpdateNoted(
            state=ticket.state, peer_updated_at=command.peer_updated_at,
            peer_state=command.peer_state, head=head,
        ),
    )  # fmt: skip


def _answer_directly(facts: Facts[cmd.AnswerDirectly]) -> tuple[ev.Event, ...]:
    return (ev.DirectlyAnswered(state=State.AWAITING_FOLLOW_UP, text=facts.command.text),)


def _propose(facts: Facts[cmd.Propose]) -> tuple[ev.Event, ...]:
    return (ev.ProposalMade(state=facts.ticket.state, proposal=facts.command.proposal),)


def _return_to_intake(facts: Facts[cmd.ReturnToIntake]) -> tuple[ev.Event, ...]:
    return (ev.ReturnedToIntake(state=State.RECEIVED, reason=facts.command.reason),)


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
    return (keeping(ev.CardIssued, facts, "clock", "color", "department", "arithmetic"),)


def _note_refusal(facts: Facts[cmd.NoteRefusal]) -> tuple[ev.Event, ...]:
    return (keeping(ev.PeerRefused, facts, "destination", "peer_code", "detail"),)


_DECIDE: Mapping[Action, Callable[[Facts[Any]], tuple[ev.Event, ...]]] = {
    Action.SAVE_DRAFT: _save_draft,
    Action.REGISTER: _register,
    Action.DISCARD: _discard,
    Action.ACCEPT: _accept,
    Action.DECLINE: _decline,
    Action.ASK_DECLINE: _ask_decline,
    Action.GRANT_DECLINE: _grant_decline,
    Action.REFUSE_DECLINE: _refuse_decline,
    Action.AMEND: _amend,
    Action.SUPPLEMENT: _supplement,
    Action.NOTE_PEER_UPDATE: _note_peer_update,
    Action.ANSWER_DIRECTLY: _answer_directly,
    Action.PROPOSE: _propose,
    Action.RETURN_TO_INTAKE: _return_to_intake,
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
    **HANDLING,
    **REVIEWS,
}
