"""What waits for whom: the to-do lists a ticket is on, read off its head."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from schemas.parties import Role
from schemas.ticket import ENDED, AssignmentState, ReviewKind, State, Ticket


class ToDo(StrEnum):
    DRAFT = "draft"  # 待登记
    RECEIVED = "received"  # 待受理
    DECLINE_REVIEW = "decline_review"  # 不受理待审
    ACCEPTED = "accepted"  # 待派审
    PENDING = "pending"  # 待签收
    ACKNOWLEDGED = "acknowledged"  # 处理中
    SEND_BACK_REVIEW = "send_back_review"  # 退单待审
    FINAL_RULING = "final_ruling"  # 待终裁
    EXTENSION_REVIEW = "extension_review"  # 延期待审
    CLOSURE_REVIEW = "closure_review"  # 待结案审核
    AWAITING_REPLY = "awaiting_reply"  # 待回复
    AWAITING_FOLLOW_UP = "awaiting_follow_up"  # 待回访
    REMINDER = "reminder"  # 催办待回应
    OVERDUE = "overdue"  # counted over all tickets a scope sees, not a row of its own


HUB = ""  # the department of a to-do that is for the hub's own people

_BY_STATE: Mapping[State, ToDo] = MappingProxyType(
    {
        State.DRAFT: ToDo.DRAFT,
        State.RECEIVED: ToDo.RECEIVED,
        State.ACCEPTED: ToDo.ACCEPTED,
        State.AWAITING_REPLY: ToDo.AWAITING_REPLY,
        State.AWAITING_FOLLOW_UP: ToDo.AWAITING_FOLLOW_UP,
    }
)
_BY_REVIEW: Mapping[ReviewKind, ToDo] = MappingProxyType(
    {
        ReviewKind.DECLINE: ToDo.DECLINE_REVIEW,
        ReviewKind.SEND_BACK: ToDo.SEND_BACK_REVIEW,
        ReviewKind.EXTENSION: ToDo.EXTENSION_REVIEW,
        ReviewKind.CLOSURE: ToDo.CLOSURE_REVIEW,
    }
)
_BY_SHARE: Mapping[AssignmentState, ToDo] = MappingProxyType(
    {
        AssignmentState.PENDING: ToDo.PENDING,
        AssignmentState.ACKNOWLEDGED: ToDo.ACKNOWLEDGED,
    }
)
DEPARTMENTS_ONLY = frozenset(_BY_SHARE.values())
_HANDLING = frozenset({State.DISPATCHED, State.ACKNOWLEDGED})

TO_DOS_OF_ROLE: Mapping[Role, tuple[ToDo, ...]] = MappingProxyType(
    {
        Role.OPERATOR: (
            ToDo.DRAFT,
            ToDo.RECEIVED,
            ToDo.AWAITING_REPLY,
            ToDo.AWAITING_FOLLOW_UP,
            ToDo.REMINDER,
        ),
        Role.DISPATCHER: (ToDo.RECEIVED, ToDo.ACCEPTED, ToDo.SEND_BACK_REVIEW, ToDo.REMINDER),
        Role.HANDLER: (ToDo.PENDING, ToDo.ACKNOWLEDGED, ToDo.REMINDER),
        Role.REVIEWER: (
            ToDo.DECLINE_REVIEW,
            ToDo.SEND_BACK_REVIEW,
            ToDo.EXTENSION_REVIEW,
            ToDo.CLOSURE_REVIEW,
            ToDo.REMINDER,
        ),
        Role.LEADER: (
            ToDo.FINAL_RULING,
            ToDo.DECLINE_REVIEW,
            ToDo.SEND_BACK_REVIEW,
            ToDo.EXTENSION_REVIEW,
            ToDo.CLOSURE_REVIEW,
        ),
    }
)


def to_dos_of(ticket: Ticket) -> frozenset[tuple[ToDo, str]]:
    """The (to-do, department) pairs a ticket is on; the department is HUB for the hub's people.

    A reminder waits for the departments that hold the ticket, and for the hub while none does.
    A ticket whose decline is under review is not on the list of what to accept.
    """
    found: set[tuple[ToDo, str]] = set()
    open_kinds = {review.kind for review in ticket.open_reviews}
    if (by_state := _BY_STATE.get(ticket.state)) and ReviewKind.DECLINE not in open_kinds:
        found.add((by_state, HUB))
    for review in ticket.open_reviews:
        to_do = ToDo.FINAL_RULING if review.final else _BY_REVIEW[review.kind]
        found.add((to_do, HUB))
    holders = set()
    if ticket.state in _HANDLING:
        for share in ticket.open_assignments:
            holders.add(share.department)
            if by_share := _BY_SHARE.get(share.state):
                found.add((by_share, share.department))
    if ticket.state not in ENDED and any(r.answered_at is None for r in ticket.reminders):
        found |= {(ToDo.REMINDER, department) for department in holders or {HUB}}
    return frozenset(found)


def shares_of(ticket: Ticket) -> dict[str, bool]:
    """Every department that holds or held a share of any round -> whether it holds one now."""
    held = dict.fromkeys((share.department for share in ticket.assignments), False)
    held.update(dict.fromkeys((share.department for share in ticket.open_assignments), True))
    return held
