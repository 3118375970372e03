"""What events of dispatch, handling and review make of the head."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from schemas import events as ev
from schemas.evolve_parts import Change, cancel, decide_review, decided, released, with_share
from schemas.ticket import (
    PRINCIPAL,
    Assignment,
    AssignmentState,
    Review,
    ReviewKind,
    ReviewState,
    State,
    Ticket,
)


def _dispatched(ticket: Ticket, event: ev.TicketDispatched, sequence: int, at: datetime) -> Change:
    before, same_round = ticket.assignments, event.round == ticket.round
    if event.sent_back is not None:
        before = with_share(ticket, event.sent_back, state=AssignmentState.SENT_BACK)
    reviews = ticket.reviews
    if event.review_no is not None:
        reviews = decide_review(ticket, event.review_no, ReviewState.REDIRECTED, at)
    fresh = tuple(
        Assignment(round=event.round, department=a.department, part=a.part, dispatched_at=at)
        for a in event.assignments
    )
    return {
        "assignments": (*(before if same_round else released(before)), *fresh),
        "reviews": reviews
        if same_round
        else cancel(reviews, at, ReviewKind.SEND_BACK, ReviewKind.EXTENSION),
        "round": event.round,
        "send_backs": ticket.send_backs + (event.sent_back is not None),
        "finally_ruled": ticket.finally_ruled or event.why == "final_ruling",
    }


def _acknowledged(
    ticket: Ticket, event: ev.DepartmentAcknowledged, sequence: int, at: datetime
) -> Change:
    return {
        "assignments": with_share(
            ticket, event.department, state=AssignmentState.ACKNOWLEDGED, acknowledged_at=at
        )
    }


def _completed(
    ticket: Ticket, event: ev.DepartmentCompleted, sequence: int, at: datetime
) -> Change:
    assignments = with_share(
        ticket, event.department, state=AssignmentState.COMPLETED, completed_at=at
    )
    reviews = tuple(
        decided(r, ReviewState.CANCELLED, at)
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
    reviews = cancel(reviews, at, ReviewKind.SEND_BACK, ReviewKind.EXTENSION)
    return {"assignments": released(assignments), "reviews": (*reviews, closure)}


def _send_back_asked(
    ticket: Ticket, event: ev.SendBackAsked, sequence: int, at: datetime
) -> Change:
    held = ticket.assignment_of(event.department)
    review = Review(
        review_no=sequence, kind=ReviewKind.SEND_BACK, department=event.department,
        reason=event.reason, final=event.final, opened_at=at,
    )  # fmt: skip
    return {
        "assignments": with_share(
            ticket, event.department, state=AssignmentState.SEND_BACK_ASKED,
            before_asking=held.state if held else None,
        ),
        "reviews": (*ticket.reviews, review),
    }  # fmt: skip


def _send_back_granted(
    ticket: Ticket, event: ev.SendBackGranted, sequence: int, at: datetime
) -> Change:
    reviews = decide_review(ticket, event.review_no, ReviewState.GRANTED, at)
    assignments = with_share(ticket, event.department, state=AssignmentState.SENT_BACK)
    counted = {"send_backs": ticket.send_backs + 1}
    if event.state is State.ACCEPTED:  # nobody is left who counts: a new dispatch must name all
        reviews = cancel(reviews, at, ReviewKind.SEND_BACK, ReviewKind.EXTENSION)
        return {"assignments": released(assignments), "reviews": reviews, **counted}
    if event.state is State.COMPLETED:  # the others had completed before
        return _to_closure(assignments, reviews, event.department, sequence, at) | counted
    return {"assignments": assignments, "reviews": reviews, **counted}


def _send_back_refused(
    ticket: Ticket, event: ev.SendBackRefused, sequence: int, at: datetime
) -> Change:
    return {
        "assignments": with_share(
            ticket, event.department, state=event.back_to, before_asking=None
        ),
        "reviews": decide_review(ticket, event.review_no, ReviewState.REFUSED, at),
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
        "reviews": decide_review(ticket, event.review_no, ReviewState.GRANTED, at),
        "extensions": ticket.extensions + 1,
    }


def _extension_refused(
    ticket: Ticket, event: ev.ExtensionRefused, sequence: int, at: datetime
) -> Change:
    return {"reviews": decide_review(ticket, event.review_no, ReviewState.REFUSED, at)}


def _closure_passed(ticket: Ticket, event: ev.ClosurePassed, sequence: int, at: datetime) -> Change:
    return {"reviews": decide_review(ticket, event.review_no, ReviewState.GRANTED, at)}


def _closure_returned(
    ticket: Ticket, event: ev.ClosureReturned, sequence: int, at: datetime
) -> Change:
    return {
        "assignments": reopened(ticket),
        "reviews": decide_review(ticket, event.review_no, ReviewState.REFUSED, at),
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


def _rework(ticket: Ticket, event: ev.ReworkOrdered, sequence: int, at: datetime) -> Change:
    return {
        "assignments": reopened(ticket),
        "satisfied": event.satisfied,
        "resolved": event.resolved,
    }


HANDLING_CHANGES: Mapping[type[Any], Callable[[Ticket, Any, int, datetime], Change]] = {
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
    ev.ReworkOrdered: _rework,
}
