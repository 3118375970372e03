"""What the changes of a head share: how shares are released and reviews decided."""

from datetime import datetime
from typing import Any

from schemas.ticket import (
    OPEN_ASSIGNMENT,
    Assignment,
    AssignmentState,
    Review,
    ReviewKind,
    ReviewState,
    Ticket,
)

Change = dict[str, Any]  # the fields of Ticket that an event sets


def released(assignments: tuple[Assignment, ...]) -> tuple[Assignment, ...]:
    return tuple(
        a.model_copy(update={"state": AssignmentState.RELEASED})
        if a.state in OPEN_ASSIGNMENT
        else a
        for a in assignments
    )


def decided(review: Review, state: ReviewState, at: datetime) -> Review:
    return review.model_copy(update={"state": state, "decided_at": at})


def decide_review(
    ticket: Ticket, review_no: int | None, state: ReviewState, at: datetime
) -> tuple[Review, ...]:
    return tuple(decided(r, state, at) if r.review_no == review_no else r for r in ticket.reviews)


def cancel(reviews: tuple[Review, ...], at: datetime, *kinds: ReviewKind) -> tuple[Review, ...]:
    return tuple(
        decided(r, ReviewState.CANCELLED, at)
        if r.state is ReviewState.OPEN and r.kind in kinds
        else r
        for r in reviews
    )


def with_share(ticket: Ticket, department: str, **fields: Any) -> tuple[Assignment, ...]:
    """The assignments with the department's share of this round changed."""
    return tuple(
        a.model_copy(update=fields) if a.round == ticket.round and a.department == department else a
        for a in ticket.assignments
    )
