"""Ticket (工单): the workflow head of a matter, and its value objects. Frozen."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.matter import Frozen, Matter, MatterKind, Urgency
from schemas.parties import AccusedParty, Citizen
from schemas.visible_text import VISIBLE_LINE


class Source(StrEnum):
    """The channel a ticket came in by; also the name of the connector that speaks it."""

    HOTLINE12345 = "hotline12345"
    PROVINCIAL = "provincial"
    PHONE_LOG = "phone_log"
    WEB_PORTAL = "web_portal"
    COUNTER = "counter"  # typed in by an operator without a call, or by a program over the API


class State(StrEnum):
    DRAFT = "draft"  # 待登记: a call that an operator has not registered yet
    DISCARDED = "discarded"  # 作废: a call that was no matter
    RECEIVED = "received"  # 未受理
    ACCEPTED = "accepted"  # 待派审
    DISPATCHED = "dispatched"  # 待签收
    ACKNOWLEDGED = "acknowledged"  # 处理中
    COMPLETED = "completed"  # 待结案审核
    AWAITING_REPLY = "awaiting_reply"  # 待回复
    AWAITING_FOLLOW_UP = "awaiting_follow_up"  # 待回访
    AWAITING_RATING = "awaiting_rating"  # 待评价
    CLOSED = "closed"  # 结案
    ARCHIVED = "archived"  # 归档
    DECLINED = "declined"  # 不受理
    WITHDRAWN = "withdrawn"  # 撤诉
    SUSPENDED = "suspended"  # 挂起
    MERGED = "merged"  # 并单


class HandlingMode(StrEnum):
    """处办方式, chosen at registration."""

    DISPATCH = "dispatch"  # 转办
    ANSWER = "answer"  # 直接答复


class Part(StrEnum):
    """The part an assignment plays."""

    SINGLE = "single"
    LEAD = "lead"  # 主办
    ASSISTING = "assisting"  # 协办
    PARALLEL = "parallel"


class DispatchForm(StrEnum):
    SINGLE = "single"
    LEAD = "lead"
    PARALLEL = "parallel"


class AssignmentState(StrEnum):
    PENDING = "pending"  # 待签收
    ACKNOWLEDGED = "acknowledged"
    SEND_BACK_ASKED = "send_back_asked"  # 退单待审
    COMPLETED = "completed"
    SENT_BACK = "sent_back"
    RELEASED = "released"  # no longer needed: redispatched, withdrawn, lead completed


class ReviewKind(StrEnum):
    DECLINE = "decline"  # of a superior-assigned ticket, R3.6
    SEND_BACK = "send_back"  # R3.7
    EXTENSION = "extension"  # R3.4
    CLOSURE = "closure"  # R3.5


class ReviewState(StrEnum):
    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"
    REDIRECTED = "redirected"  # to another department
    CANCELLED = "cancelled"  # the ticket went another way


class ReminderKind(StrEnum):
    NATIONAL = "national"
    SUPERIOR = "superior"
    MANUAL = "manual"
    SYSTEM = "system"


class Assignment(Frozen):
    """One department's share of a ticket in one round of dispatch."""

    round: int
    department: str
    part: Part
    state: AssignmentState = AssignmentState.PENDING
    before_asking: AssignmentState | None = None  # where a refused send-back returns to
    dispatched_at: AwareDatetime
    acknowledged_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None


class Review(Frozen):
    review_no: int  # the sequence of the event that opened it
    kind: ReviewKind
    state: ReviewState = ReviewState.OPEN
    department: str | None = None  # who asked
    reason: str = ""
    working_days: int | None = None  # asked for by an extension
    final: bool = False  # 终裁: a leader decides, and no send-back follows
    opened_at: AwareDatetime
    decided_at: AwareDatetime | None = None


class Reminder(Frozen):
    reminder_no: int  # the sequence of the event that opened it
    kind: ReminderKind
    text: str
    at: AwareDatetime
    answered_at: AwareDatetime | None = None


class Registration(Frozen):
    """All that is written down when a ticket is registered. Holds personal data."""

    matter: Matter
    citizen: Citizen | None = None
    accused: AccusedParty | None = None
    source: Source
    peer: str | None = None  # settings entry of the peer that sent it
    source_ticket_no: Annotated[str | None, Field(max_length=80), VISIBLE_LINE] = None
    superior_assigned: bool = False  # 上级交办
    matter_source: Annotated[str | None, Field(max_length=60), VISIBLE_LINE] = None  # 诉求来源
    received_at: AwareDatetime
    call_no: Annotated[str | None, Field(max_length=80), VISIBLE_LINE] = None
    handling_mode: HandlingMode = HandlingMode.DISPATCH


class Ticket(Frozen):
    """The head: what the lifecycle decides by. `version` is the sequence of the last event."""

    ticket_id: int
    version: int
    state: State
    source: Source
    peer: str | None = None
    source_ticket_no: str | None = None
    superior_assigned: bool = False
    title: str
    matter_kind: MatterKind
    urgency: Urgency
    category_code: str | None = None
    area_code: str | None = None
    has_citizen: bool = False
    handling_mode: HandlingMode = HandlingMode.DISPATCH
    received_at: AwareDatetime
    updated_at: AwareDatetime
    resume_to: State | None = None  # where a suspended ticket goes on
    assignments: tuple[Assignment, ...] = ()
    reviews: tuple[Review, ...] = ()
    reminders: tuple[Reminder, ...] = ()
    round: int = 0  # of dispatch
    extensions: int = 0  # granted
    send_backs: int = 0  # granted
    finally_ruled: bool = False
    peer_updated_at: AwareDatetime | None = None  # the newest update of the source, in its own time
    merged_into: int | None = None
    satisfied: bool | None = None
    resolved: bool | None = None
    rating: int | None = None  # 1..5

    @property
    def open_assignments(self) -> tuple[Assignment, ...]:
        return tuple(a for a in self.assignments if a.state in OPEN_ASSIGNMENT)

    @property
    def open_reviews(self) -> tuple[Review, ...]:
        return tuple(r for r in self.reviews if r.state is ReviewState.OPEN)

    @property
    def departments(self) -> tuple[str, ...]:
        """The departments of the present round that were not released or sent back."""
        gone = {AssignmentState.RELEASED, AssignmentState.SENT_BACK}
        return tuple(
            a.department for a in self.assignments if a.round == self.round and a.state not in gone
        )

    def assignment_of(self, department: str) -> Assignment | None:
        """The department's share in the present round, if it has one."""
        for assignment in reversed(self.assignments):
            if assignment.round == self.round and assignment.department == department:
                return assignment
        return None

    def review(self, review_no: int) -> Review | None:
        return next((r for r in self.reviews if r.review_no == review_no), None)


OPEN_ASSIGNMENT = frozenset(
    {AssignmentState.PENDING, AssignmentState.ACKNOWLEDGED, AssignmentState.SEND_BACK_ASKED}
)
PRINCIPAL = frozenset({Part.SINGLE, Part.LEAD, Part.PARALLEL})  # those whose completion counts
ASIDE = frozenset({State.DECLINED, State.WITHDRAWN, State.MERGED, State.DISCARDED})
ENDED = ASIDE | {State.CLOSED, State.ARCHIVED}
