"""Which clocks should run for a ticket as it stands: read off state, shares and open reviews."""

from collections.abc import Iterator

from schemas.clock_running import Need
from schemas.sla import Facts, Step
from schemas.ticket import (
    OPEN_ASSIGNMENT,
    AssignmentState,
    HandlingMode,
    ReviewKind,
    State,
    Ticket,
)

# The whole way ends with the answer to the citizen; what follows has clocks of its own.
_UNANSWERED = frozenset(
    {
        State.RECEIVED,
        State.ACCEPTED,
        State.DISPATCHED,
        State.ACKNOWLEDGED,
        State.COMPLETED,
        State.AWAITING_REPLY,
    }
)
_BY_STATE = {
    State.RECEIVED: Step.ACCEPT,
    State.AWAITING_REPLY: Step.REPLY,
    State.AWAITING_FOLLOW_UP: Step.FOLLOW_UP,
    State.AWAITING_RATING: Step.RATING,
}
_HANDLING = frozenset({State.DISPATCHED, State.ACKNOWLEDGED})
# A decline review has no clock of its own: the clock for acceptance runs on until it is decided.
_REVIEWS = {
    ReviewKind.CLOSURE: Step.REVIEW,
    ReviewKind.SEND_BACK: Step.REVIEW,
    ReviewKind.EXTENSION: Step.EXTENSION_REVIEW,
}


def wanted(ticket: Ticket) -> Iterator[Need]:
    """The clocks of `ticket`; a suspended one has those of the state it returns to, paused."""
    state = ticket.state
    if state is State.SUSPENDED and ticket.resume_to is not None:
        state = ticket.resume_to
    if state in _UNANSWERED:
        yield Need(Step.TOTAL)
    if state in _BY_STATE:
        yield Need(_BY_STATE[state])
    elif state is State.ACCEPTED:
        answered_here = ticket.handling_mode is HandlingMode.ANSWER
        yield Need(Step.REPLY if answered_here else Step.DISPATCH)
    elif state in _HANDLING:
        yield from _of_departments(ticket)
    if state in _UNANSWERED:
        yield from _of_reviews(ticket)


def facts_of(ticket: Ticket) -> Facts:
    return Facts(
        matter_kind=ticket.matter_kind,
        urgency=ticket.urgency,
        category_code=ticket.category_code,
        source=ticket.source,
    )


def _of_departments(ticket: Ticket) -> Iterator[Need]:
    for share in ticket.assignments:
        if share.round != ticket.round or share.state not in OPEN_ASSIGNMENT:
            continue
        if share.state is AssignmentState.PENDING:
            yield Need(Step.ACKNOWLEDGE, share.department, share.round)
        if not ticket.finally_ruled:  # after a final ruling nobody sends back
            yield Need(Step.SEND_BACK, share.department, share.round)
        yield Need(Step.HANDLE, share.department, share.round)


def _of_reviews(ticket: Ticket) -> Iterator[Need]:
    for review in ticket.open_reviews:
        if (step := _REVIEWS.get(review.kind)) is not None:
            whose = None if review.kind is ReviewKind.CLOSURE else review.department
            yield Need(step, whose, review.review_no)
