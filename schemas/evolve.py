"""What an event makes of the ticket's head. Pure, and the only way a head ever changes."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from schemas import events as ev
from schemas.errors import HubError
from schemas.evolve_handling import HANDLING_CHANGES
from schemas.evolve_parts import Change, cancel, decide_review, decided, released
from schemas.ticket import (
    Reminder,
    Review,
    ReviewKind,
    ReviewState,
    State,
    Ticket,
)


class HistoryBroken(HubError):
    """An event that cannot follow the ones before it: the store was altered from outside."""


def evolve(
    ticket: Ticket | None, event: ev.Event, sequence: int, ticket_id: int, at: datetime
) -> Ticket:
    """The head after `event`.

    Raises: HistoryBroken when the first event does not create a ticket, or a number is missing.
    """
    if ticket is None:
        if not isinstance(event, ev.DraftSaved | ev.TicketRegistered) or sequence != 1:
            raise HistoryBroken(f"ticket {ticket_id} begins with {event.kind} number {sequence}")
        return Ticket(
            ticket_id=ticket_id, version=1, updated_at=at, **event.model_dump(exclude={"kind"})
        )
    if sequence != ticket.version + 1:
        raise HistoryBroken(
            f"ticket {ticket_id}: event {sequence} follows version {ticket.version}"
        )
    change: Change = {"version": sequence, "updated_at": at, "state": event.state}
    if (more := _CHANGES.get(type(event))) is not None:
        change |= more(ticket, event, sequence, at)
    if event.state in _LETS_GO and ticket.state not in _LETS_GO:
        change |= _let_go(ticket, change, at)
    return ticket.model_copy(update=change)


# States in which nobody works on the ticket any more: what was open is released and cancelled.
_LETS_GO = frozenset(
    {State.CLOSED, State.ARCHIVED, State.DECLINED, State.WITHDRAWN, State.MERGED, State.DISCARDED}
)


def _let_go(ticket: Ticket, change: Change, at: datetime) -> Change:
    assignments = change.get("assignments", ticket.assignments)
    reviews = change.get("reviews", ticket.reviews)
    return {
        "assignments": released(assignments),
        "reviews": tuple(
            decided(r, ReviewState.CANCELLED, at) if r.state is ReviewState.OPEN else r
            for r in reviews
        ),
        "resume_to": None,
    }


def _amended(ticket: Ticket, event: ev.TicketAmended, sequence: int, at: datetime) -> Change:
    return event.model_dump(exclude={"kind", "state", "reason"})


def _registered(ticket: Ticket, event: ev.TicketRegistered, sequence: int, at: datetime) -> Change:
    return event.model_dump(exclude={"kind", "state"})


def _peer_update(ticket: Ticket, event: ev.PeerUpdateNoted, sequence: int, at: datetime) -> Change:
    head = event.head.model_dump() if event.head else {}
    return head | {"peer_updated_at": event.peer_updated_at}


def _declined(ticket: Ticket, event: ev.TicketDeclined, sequence: int, at: datetime) -> Change:
    return {"reviews": decide_review(ticket, event.review_no, ReviewState.GRANTED, at)}


def _decline_asked(ticket: Ticket, event: ev.DeclineAsked, sequence: int, at: datetime) -> Change:
    review = Review(review_no=sequence, kind=ReviewKind.DECLINE, reason=event.reason, opened_at=at)
    return {"reviews": (*ticket.reviews, review)}


def _accepted(ticket: Ticket, event: ev.TicketAccepted, sequence: int, at: datetime) -> Change:
    return {"reviews": cancel(ticket.reviews, at, ReviewKind.DECLINE)}


def _decline_refused(
    ticket: Ticket, event: ev.DeclineRefused, sequence: int, at: datetime
) -> Change:
    return {"reviews": decide_review(ticket, event.review_no, ReviewState.REFUSED, at)}


def _follow_up(ticket: Ticket, event: ev.FollowUpRecorded, sequence: int, at: datetime) -> Change:
    return {"satisfied": event.satisfied, "resolved": event.resolved}


def _rated(ticket: Ticket, event: ev.TicketRated, sequence: int, at: datetime) -> Change:
    return {"rating": event.rating}


def _closed(ticket: Ticket, event: ev.TicketClosed, sequence: int, at: datetime) -> Change:
    return {"reviews": decide_review(ticket, event.review_no, ReviewState.GRANTED, at)}


def _suspended(ticket: Ticket, event: ev.TicketSuspended, sequence: int, at: datetime) -> Change:
    return {"resume_to": ticket.state}


def _resumed(ticket: Ticket, event: ev.TicketResumed, sequence: int, at: datetime) -> Change:
    return {"resume_to": None}


def _reminder(ticket: Ticket, event: ev.ReminderSent, sequence: int, at: datetime) -> Change:
    reminder = Reminder(reminder_no=sequence, kind=event.reminder, text=event.text, at=at)
    return {"reminders": (*ticket.reminders, reminder)}


def _reminder_answered(
    ticket: Ticket, event: ev.ReminderAnswered, sequence: int, at: datetime
) -> Change:
    return {
        "reminders": tuple(
            r.model_copy(update={"answered_at": at}) if r.reminder_no == event.reminder_no else r
            for r in ticket.reminders
        )
    }


def _merged(ticket: Ticket, event: ev.TicketMerged, sequence: int, at: datetime) -> Change:
    return {"merged_into": event.into}


# Events that are not here change nothing but state, version and time.
_CHANGES: Mapping[type[Any], Callable[[Ticket, Any, int, datetime], Change]] = {
    **HANDLING_CHANGES,
    ev.TicketRegistered: _registered,
    ev.TicketAmended: _amended,
    ev.PeerUpdateNoted: _peer_update,
    ev.TicketAccepted: _accepted,
    ev.TicketDeclined: _declined,
    ev.DeclineAsked: _decline_asked,
    ev.DeclineRefused: _decline_refused,
    ev.FollowUpRecorded: _follow_up,
    ev.TicketRated: _rated,
    ev.TicketClosed: _closed,
    ev.TicketSuspended: _suspended,
    ev.TicketResumed: _resumed,
    ev.ReminderSent: _reminder,
    ev.ReminderAnswered: _reminder_answered,
    ev.TicketMerged: _merged,
}
