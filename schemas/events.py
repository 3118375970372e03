"""What has happened, past tense. Every event carries the ticket's state after it; none carries the
citizen's name, phone or matter text, so that streams and archives hold no personal data."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, TypeAdapter

from schemas.card_policy import CardColour
from schemas.matter import Frozen, MatterKind, Urgency
from schemas.parties import Actor
from schemas.proposal import Proposal
from schemas.ticket import (
    AssignmentState,
    DispatchForm,
    HandlingMode,
    Part,
    ReminderKind,
    Source,
    State,
)


class _Event(Frozen):
    state: State  # of the ticket, after the event


class HeadFields(Frozen):
    """What a registration leaves in the head."""

    source: Source
    peer: str | None
    source_ticket_no: str | None
    superior_assigned: bool
    title: str
    matter_kind: MatterKind
    urgency: Urgency
    category_code: str | None
    area_code: str | None
    has_citizen: bool
    handling_mode: HandlingMode
    received_at: AwareDatetime
    peer_updated_at: AwareDatetime | None


class DraftSaved(HeadFields, _Event):
    kind: Literal["draft_saved"] = "draft_saved"


class TicketRegistered(HeadFields, _Event):
    kind: Literal["ticket_registered"] = "ticket_registered"


class TicketAmended(HeadFields, _Event):
    """The registration was corrected; the earlier body stays in the store."""

    kind: Literal["ticket_amended"] = "ticket_amended"
    reason: str


class DraftDiscarded(_Event):
    kind: Literal["draft_discarded"] = "draft_discarded"
    reason: str


class TicketAccepted(_Event):
    kind: Literal["ticket_accepted"] = "ticket_accepted"
    note: str = ""


class TicketDeclined(_Event):
    kind: Literal["ticket_declined"] = "ticket_declined"
    reason: str
    review_no: int | None = None


class DeclineAsked(_Event):
    kind: Literal["decline_asked"] = "decline_asked"
    reason: str


class DeclineRefused(_Event):
    kind: Literal["decline_refused"] = "decline_refused"
    review_no: int
    reason: str


class MatterSupplemented(_Event):
    """The words are in the store's body of the same sequence, not here."""

    kind: Literal["matter_supplemented"] = "matter_supplemented"
    attachments: int = 0


class PeerUpdateNoted(_Event):
    """The source sent a newer version of its own ticket."""

    kind: Literal["peer_update_noted"] = "peer_update_noted"
    peer_updated_at: AwareDatetime
    peer_state: str = ""
    head: HeadFields | None = None  # text or parties changed: a new body of the same sequence


class DirectlyAnswered(_Event):
    kind: Literal["directly_answered"] = "directly_answered"
    text: str


class ProposalMade(_Event):
    kind: Literal["proposal_made"] = "proposal_made"
    proposal: Proposal


class NewAssignment(Frozen):
    department: str
    part: Part


class TicketDispatched(_Event):
    """A round of dispatch; open assignments of the round before are released."""

    kind: Literal["ticket_dispatched"] = "ticket_dispatched"
    round: int
    form: DispatchForm
    assignments: tuple[NewAssignment, ...]
    note: str = ""
    handle_working_days: int | None = None  # a stricter limit that the dispatcher set
    by_machine: bool = False
    why: Literal["dispatch", "redispatch", "send_back", "final_ruling", "closure", "rework"] = (
        "dispatch"
    )
    review_no: int | None = None  # the review that this decides
    sent_back: str | None = None  # the department whose send-back was granted


class ReturnedToIntake(_Event):
    kind: Literal["returned_to_intake"] = "returned_to_intake"
    reason: str


class DepartmentAcknowledged(_Event):
    kind: Literal["department_acknowledged"] = "department_acknowledged"
    department: str


class FeedbackGiven(_Event):
    kind: Literal["feedback_given"] = "feedback_given"
    department: str
    text: str


class MediationRecorded(_Event):
    kind: Literal["mediation_recorded"] = "mediation_recorded"
    department: str
    agreed: bool
    text: str


class DepartmentCompleted(_Event):
    """With the last principal department the state is `completed` and a closure review opens."""

    kind: Literal["department_completed"] = "department_completed"
    department: str
    result: str


class SendBackAsked(_Event):
    kind: Literal["send_back_asked"] = "send_back_asked"
    department: str
    reason: str
    final: bool = False


class SendBackGranted(_Event):
    """Without another department named; with one it is a TicketDispatched with why=send_back."""

    kind: Literal["send_back_granted"] = "send_back_granted"
    department: str
    review_no: int
    note: str = ""


class SendBackRefused(_Event):
    kind: Literal["send_back_refused"] = "send_back_refused"
    department: str
    review_no: int
    reason: str
    back_to: AssignmentState


class ExtensionRequested(_Event):
    kind: Literal["extension_requested"] = "extension_requested"
    department: str
    working_days: int
    reason: str


class ExtensionGranted(_Event):
    kind: Literal["extension_granted"] = "extension_granted"
    department: str
    review_no: int
    working_days: int
    note: str = ""


class ExtensionRefused(_Event):
    kind: Literal["extension_refused"] = "extension_refused"
    department: str
    review_no: int
    reason: str


class ClosurePassed(_Event):
    kind: Literal["closure_passed"] = "closure_passed"
    review_no: int
    note: str = ""


class ClosureReturned(_Event):
    """Back to the same departments: their assignments are pending again."""

    kind: Literal["closure_returned"] = "closure_returned"
    review_no: int
    reason: str


class CitizenReplied(_Event):
    kind: Literal["citizen_replied"] = "citizen_replied"
    text: str


class FollowUpRecorded(_Event):
    kind: Literal["follow_up_recorded"] = "follow_up_recorded"
    satisfied: bool
    resolved: bool
    note: str = ""


class CitizenUnreached(_Event):
    kind: Literal["citizen_unreached"] = "citizen_unreached"
    note: str = ""


class ReworkOrdered(_Event):
    """Not satisfied at follow-up: the same departments again."""

    kind: Literal["rework_ordered"] = "rework_ordered"
    satisfied: bool
    resolved: bool
    reason: str


class TicketRated(_Event):
    kind: Literal["ticket_rated"] = "ticket_rated"
    rating: int
    text: str = ""


class TicketClosed(_Event):
    kind: Literal["ticket_closed"] = "ticket_closed"
    reason: str
    reply: str = ""
    review_no: int | None = None


class TicketSuspended(_Event):
    kind: Literal["ticket_suspended"] = "ticket_suspended"
    reason: str


class TicketResumed(_Event):
    kind: Literal["ticket_resumed"] = "ticket_resumed"
    note: str = ""


class TicketWithdrawn(_Event):
    kind: Literal["ticket_withdrawn"] = "ticket_withdrawn"
    reason: str


class ReminderSent(_Event):
    kind: Literal["reminder_sent"] = "reminder_sent"
    reminder: ReminderKind
    text: str


class ReminderAnswered(_Event):
    kind: Literal["reminder_answered"] = "reminder_answered"
    reminder_no: int
    text: str


class WarningFired(_Event):
    kind: Literal["warning_fired"] = "warning_fired"
    clock: str
    level: str
    arithmetic: dict[str, str]


class CardIssued(_Event):
    kind: Literal["card_issued"] = "card_issued"
    clock: str
    colour: CardColour
    department: str | None
    arithmetic: dict[str, str]


class TicketMerged(_Event):
    kind: Literal["ticket_merged"] = "ticket_merged"
    into: int
    reason: str


class TicketArchived(_Event):
    kind: Literal["ticket_archived"] = "ticket_archived"


class PeerRefused(_Event):
    """A peer understood a delivery and said no; an operator decides."""

    kind: Literal["peer_refused"] = "peer_refused"
    destination: str
    peer_code: str
    detail: str


Event = Annotated[
    DraftSaved
    | TicketRegistered
    | TicketAmended
    | DraftDiscarded
    | TicketAccepted
    | TicketDeclined
    | DeclineAsked
    | DeclineRefused
    | MatterSupplemented
    | PeerUpdateNoted
    | DirectlyAnswered
    | ProposalMade
    | TicketDispatched
    | ReturnedToIntake
    | DepartmentAcknowledged
    | FeedbackGiven
    | MediationRecorded
    | DepartmentCompleted
    | SendBackAsked
    | SendBackGranted
    | SendBackRefused
    | ExtensionRequested
    | ExtensionGranted
    | ExtensionRefused
    | ClosurePassed
    | ClosureReturned
    | CitizenReplied
    | FollowUpRecorded
    | CitizenUnreached
    | ReworkOrdered
    | TicketRated
    | TicketClosed
    | TicketSuspended
    | TicketResumed
    | TicketWithdrawn
    | ReminderSent
    | ReminderAnswered
    | WarningFired
    | CardIssued
    | TicketMerged
    | TicketArchived
    | PeerRefused,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Recorded(Frozen):
    """An event as the store keeps it; what `tickets.events.v1` carries."""

    ticket_id: int
    sequence: int  # 1 for the first event of the ticket
    at: AwareDatetime
    actor: Actor
    command_id: UUID
    event: Event
