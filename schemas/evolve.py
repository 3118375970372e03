"""What an event makes of the ticket's head. Pure, and the only way a head ever changes."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from schemas import events as ev
from schemas.errors import HubError
from schemas.ticket import (
    OPEN_ASSIGNMENT,
    PRINCIPAL,
    Assignment,
    AssignmentState,
    Reminder,
    Review,
    ReviewKind,
    ReviewState,
    State,
    Ticket,
)

Change = dict[str, Any]  # the fields of Ticket that an event sets


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
        "assignments": _released(assignments),
        "reviews": tuple(
            _decided(r, ReviewState.CANCELLED, at) if r.state is ReviewState.OPEN else r
            for r in reviews
        ),
        "resume_to": None,
    }


def _released(assignments: tuple[Assignment, ...]) -> tuple[Assignment, ...]:
    return tuple(
        a.model_copy(update={"state": AssignmentState.RELEASED})
        if a.state in OPEN_ASSIGNMENT
        else a
        for a in assignments
    )


def _decided(review: Review, state: ReviewState, at: datetime) -> Review:
    return review.model_copy(update={"state": state, "decided_at": at})


def _decide_review(
    ticket: Ticket, review_no: int | None, state: ReviewState, at: datetime
) -> tuple[Review, ...]:
    return tuple(_decided(r, state, at) if r.review_no == review_no else r for r in ticket.reviews)


def _cancel(reviews: tuple[Review, ...], at: datetime, *kinds: ReviewKind) -> tuple[Review, ...]:
    return tuple(
        _decided(r, ReviewState.CANCELLED, at)
        if r.state is ReviewState.OPEN and r.kind in kinds
        else r
        for r in reviews
    )


def _set(ticket: Ticket, department: str, **fields: Any) -> tuple[Assignment, ...]:
    """The assignments with the department's share of this round changed."""
    return tuple(
        a.model_copy(update=fields) if a.round == ticket.round and a.department == department else a
        for a in ticket.assignments
    )


def _amended(ticket: Ticket, event: ev.TicketAmended, sequence: int, at: datetime) -> Change:
    return event.model_dump(exclude={"kind", "state", "reason"})


def _registered(ticket: Ticket, event: ev.TicketRegistered, sequence: int, at: datetime) -> Change:
    return event.model_dump(exclude={"kind", "state"})


def _peer_update(ticket: Ticket, event: ev.PeerUpdateNoted, sequence: int, at: datetime) -> Change:
    head = event.head.model_dump() if event.head else {}
    return head | {"peer_updated_at": event.peer_updated_at}


def _declined(ticket: Ticket, event: ev.TicketDeclined, sequence: int, at: datetime) -> Change:
    return {"reviews": _decide_review(ticket, event.review_no, ReviewState.GRANTED, at)}


def _decline_asked(ticket: Ticket, event: ev.DeclineAsked, sequence: int, at: datetime) -> Change:
    review = Review(review_no=sequence, kind=ReviewKind.DECLINE, reason=event.reason, opened_at=at)
    return {"reviews": (*ticket.reviews, review)}


def _accepted(ticket: Ticket, event: ev.TicketAccepted, sequence: int, at: datetime) -> Change:
    return {"reviews": _cancel(ticket.reviews, at, ReviewKind.DECLINE)}


def _decline_refused(
    ticket: Ticket, event: ev.DeclineRefused, sequence: int, at: datetime
) -> Change:
    return {"reviews": _decide_review(ticket, event.review_no, ReviewState.REFUSED, at)}


def _dispatched(ticket: Ticket, event: ev.TicketDispatched, sequence: int, at: datetime) -> Change:
    before, same_round = ticket.assignments, event.round == ticket.round
    if event.sent_back is not None:
        before = _set(ticket, event.sent_back, state=AssignmentState.SENT_BACK)
    reviews = ticket.reviews
    if event.review_no is not None:
        reviews = _decide_review(ticket, event.review_no, ReviewState.REDIRECTED, at)
    fresh = tuple(
        Assignment(round=event.round, department=a.department, part=a.part, dispatched_at=at)
        for a in event.assignments
    )
    return {
        "assignments": (*(before if same_round else _released(before)), *fresh),
        "reviews": reviews
        if same_round
        else _cancel(reviews, at, ReviewKind.SEND_BACK, ReviewKind.EXTENSION),
        "round": event.round,
        "send_backs": ticket.send_backs + (event.sent_back is not None),
        "finally_ruled": ticket.finally_ruled or event.why == "final_ruling",
    }


def _acknowledged(
    ticket: Ticket, event: ev.DepartmentAcknowledged, sequence: int, at: datetime
) -> Change:
    return {
        "assignments": _set(
            ticket, event.department, state=AssignmentState.ACKNOWLEDGED, acknowledged_at=at
        )
    }


def _completed(
    ticket: Ticket, event: ev.DepartmentCompleted, sequence: int, at: datetime
) -> Change:
    assignments = _set(ticket, event.department, state=AssignmentState.COMPLETED, completed_at=at)
    reviews = tuple(
        _decided(r, ReviewState.CANCELLED, at)
        if r.state is ReviewState.OPEN and r.department == event.department
        else r
        for r in ticket.reviews
    )
    if event.state is State.COMPLETED:
        return _to_closure(assignments, reviews, event.department, sequence, at)
    return {"assignments": assignments, "reviews": reviews}


def _to_closure(
    assignments: tuple[Assignment, ...],
    reviews: tuple[Review, ...],
    department: str,
    sequence: int,
    at: datetime,
) -> Change:
    """Assisting departments that are still at it are released; a closure review opens."""
    closure = Review(
        review_no=sequence, kind=ReviewKind.CLOSURE, department=department, opened_at=at
    )
    reviews = _cancel(reviews, at, ReviewKind.SEND_BACK, ReviewKind.EXTENSION)
    return {"assignments": _released(assignments), "reviews": (*reviews, closure)}


def _send_back_asked(
    ticket: Ticket, event: ev.SendBackAsked, sequence: int, at: datetime
) -> Change:
    held = ticket.assignment_of(event.department)
    review = Review(
        review_no=sequence, kind=ReviewKind.SEND_BACK, department=event.department,
        reason=event.reason, final=event.final, opened_at=at,
    )  # fmt: skip
    return {
        "assignments": _set(
            ticket, event.department, state=AssignmentState.SEND_BACK_ASKED,
            before_asking=held.state if held else None,
        ),
        "reviews": (*ticket.reviews, review),
    }  # fmt: skip


def _send_back_granted(
    ticket: Ticket, event: ev.SendBackGranted, sequence: int, at: datetime
) -> Change:
    reviews = _decide_review(ticket, event.review_no, ReviewState.GRANTED, at)
    assignments = _set(ticket, event.department, state=AssignmentState.SENT_BACK)
    counted = {"send_backs": ticket.send_backs + 1}
    if event.state is State.ACCEPTED:  # nobody is left who counts: a new dispatch must name all
        reviews = _cancel(reviews, at, ReviewKind.SEND_BACK, ReviewKind.EXTENSION)
        return {"assignments": _released(assignments), "reviews": reviews, **counted}
    if event.state is State.COMPLETED:  # the others had completed before
        return _to_closure(assignments, reviews, event.department, sequence, at) | counted
    return {"assignments": assignments, "reviews": reviews, **counted}


def _send_back_refused(
    ticket: Ticket, event: ev.SendBackRefused, sequence: int, at: datetime
) -> Change:
    return {
        "assignments": _set(ticket, event.department, state=event.back_to, before_asking=None),
        "reviews": _decide_review(ticket, event.review_no, ReviewState.REFUSED, at),
    }


def _extension_requested(
    ticket: Ticket, event: ev.ExtensionRequested, sequence: int, at: datetime
) -> Change:
    review = Review(
        review_no=sequence, kind=ReviewKind.EXTENSION, department=event.department,
        reason=event.reason, working_days=event.working_days, opened_at=at,
    )  # fmt: skip
    return {"reviews": (*ticket.reviews, review)}


def _extension_granted(
    ticket: Ticket, event: ev.ExtensionGranted, sequence: int, at: datetime
) -> Change:
    return {
        "reviews": _decide_review(ticket, event.review_no, ReviewState.GRANTED, at),
        "extensions": ticket.extensions + 1,
    }


def _extension_refused(
    ticket: Ticket, event: ev.ExtensionRefused, sequence: int, at: datetime
) -> Change:
    return {"reviews": _decide_review(ticket, event.review_no, ReviewState.REFUSED, at)}


def _closure_passed(ticket: Ticket, event: ev.ClosurePassed, sequence: int, at: datetime) -> Change:
    return {"reviews": _decide_review(ticket, event.review_no, ReviewState.GRANTED, at)}


def _closure_returned(
    ticket: Ticket, event: ev.ClosureReturned, sequence: int, at: datetime
) -> Change:
    return {
        "assignments": reopened(ticket),
        "reviews": _decide_review(ticket, event.review_no, ReviewState.REFUSED, at),
    }


def reopened(ticket: Ticket) -> tuple[Assignment, ...]:
    """The completed shares of this round, pending again (closure returned, rework)."""
    fresh = {"state": AssignmentState.PENDING, "acknowledged_at": None, "completed_at": None}
    again = {AssignmentState.COMPLETED} if _has_completed_principal(ticket) else set()
    return tuple(
        a.model_copy(update=fresh) if a.round == ticket.round and a.state in again else a
        for a in ticket.assignments
    )


def _has_completed_principal(ticket: Ticket) -> bool:
    return any(
        a.round == ticket.round and a.part in PRINCIPAL and a.state is AssignmentState.COMPLETED
        for a in ticket.assignments
    )


def _follow_up(ticket: Ticket, event: ev.FollowUpRecorded, sequence: int, at: datetime) -> Change:
    return {"satisfied": event.satisfied, "resolved": event.resolved}


def _rework(ticket: Ticket, event: ev.ReworkOrdered, sequence: int, at: datetime) -> Change:
    return {
        "assignments": reopened(ticket),
        "satisfied": event.satisfied,
        "resolved": event.resolved,
    }


def _rated(ticket: Ticket, event: ev.TicketRated, sequence: int, at: datetime) -> Change:
    return {"rating": event.rating}


def _closed(ticket: Ticket, event: ev.TicketClosed, sequence: int, at: datetime) -> Change:
    return {"reviews": _decide_review(ticket, event.review_no, ReviewState.GRANTED, at)}


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
    ev.TicketRegistered: _registered,
    ev.TicketAmended: _amended,
    ev.PeerUpdateNoted: _peer_update,
    ev.TicketAccepted: _accepted,
    ev.TicketDeclined: _declined,
    ev.DeclineAsked: _decline_asked,
    ev.DeclineRefused: _decline_refused,
    ev.TicketDispatched: _dispatched,
    ev.DepartmentAcknowledged: _acknowledged,
    ev.DepartmentCompleted: _completed,
    ev.SendBackAsked: _send_back_asked,
    ev.SendBackGranted: _send_back_granted,
    ev.SendBackRefused: _send_back_refused,
    ev.ExtensionRequested: _extension_requested,
    ev.ExtensionGranted: _extension_granted,
    ev.ExtensionRefused: _extension_refused,
    ev.ClosurePassed: _closure_passed,
    ev.ClosureReturned: _closure_returned,
    ev.FollowUpRecorded: _follow_up,
    ev.ReworkOrdered: _rework,
    ev.TicketRated: _rated,
    ev.TicketClosed: _closed,
    ev.TicketSuspended: _suspended,
    ev.TicketResumed: _resumed,
    ev.ReminderSent: _reminder,
    ev.ReminderAnswered: _reminder_answered,
    ev.TicketMerged: _merged,
}
