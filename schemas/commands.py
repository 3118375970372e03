"""What may be asked, imperative. One class an action; a command names its ticket and who asks.

`command_id` makes a command happen once: the store answers a repeat with the first outcome.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.card_policy import CardColour
from schemas.lifecycle import Action
from schemas.matter import Frozen, Matter
from schemas.parties import AccusedParty, Actor, Citizen
from schemas.proposal import Proposal
from schemas.ticket import DispatchForm, Registration, ReminderKind
from schemas.visible_text import VISIBLE

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), VISIBLE
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000), VISIBLE]
DepartmentCode = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)
]


class Command(Frozen):
    """at: the asker's clock; the store never lets a ticket's time go back.

    expected_version: refuse when the ticket is not at this version any more (a page read earlier).
    cause: id of the inbound message behind it, if one is.
    """

    action: ClassVar[Action]
    command_id: UUID
    ticket_id: int
    actor: Actor
    at: AwareDatetime
    expected_version: int | None = None
    cause: str | None = None


class _Registering(Command):
    registration: Registration
    peer_updated_at: AwareDatetime | None = None


class SaveDraft(_Registering):
    action = Action.SAVE_DRAFT


class RegisterTicket(_Registering):
    """accept: the operator registers and accepts in one act (accept=True needs an operator)."""

    action = Action.REGISTER
    accept: bool = False


class DiscardDraft(Command):
    action = Action.DISCARD
    reason: Text


class AcceptTicket(Command):
    action = Action.ACCEPT
    note: Note = ""


class DeclineTicket(Command):
    action = Action.DECLINE
    reason: Text


class AskDecline(Command):
    """Of a superior-assigned ticket; a reviewer decides (R3.6)."""

    action = Action.ASK_DECLINE
    reason: Text


class GrantDecline(Command):
    action = Action.GRANT_DECLINE
    note: Note = ""


class RefuseDecline(Command):
    action = Action.REFUSE_DECLINE
    reason: Text


class AmendTicket(Command):
    """Correct a registration; what is None stays."""

    action = Action.AMEND
    reason: Text
    matter: Matter | None = None
    citizen: Citizen | None = None
    accused: AccusedParty | None = None


class SupplementMatter(Command):
    action = Action.SUPPLEMENT
    text: Text
    attachments: tuple[str, ...] = ()


class NotePeerUpdate(Command):
    """The source's own ticket changed; older updates than the newest seen are refused."""

    action = Action.NOTE_PEER_UPDATE
    peer_updated_at: AwareDatetime
    peer_state: Annotated[str, StringConstraints(max_length=64)] = ""
    registration: Registration | None = None  # when text or parties changed


class AnswerDirectly(Command):
    action = Action.ANSWER_DIRECTLY
    text: Text


class Propose(Command):
    action = Action.PROPOSE
    proposal: Proposal


class _Dispatching(Command):
    """departments: one (single), lead first then assisting (lead), two or more (parallel)."""

    form: DispatchForm = DispatchForm.SINGLE
    departments: Annotated[tuple[DepartmentCode, ...], Field(min_length=1, max_length=20)]
    note: Note = ""
    handle_working_days: Annotated[int, Field(ge=1, le=90)] | None = None


class DispatchTicket(_Dispatching):
    action = Action.DISPATCH


class RedispatchTicket(_Dispatching):
    action = Action.REDISPATCH


class ReturnToIntake(Command):
    action = Action.RETURN_TO_INTAKE
    reason: Text


class _ByDepartment(Command):
    """department: whose share; None means the actor's own department."""

    department: DepartmentCode | None = None


class AcknowledgeTicket(_ByDepartment):
    action = Action.ACKNOWLEDGE


class GiveFeedback(_ByDepartment):
    action = Action.GIVE_FEEDBACK
    text: Text


class RecordMediation(_ByDepartment):
    action = Action.MEDIATE
    agreed: bool
    text: Text


class CompleteTicket(_ByDepartment):
    action = Action.COMPLETE
    result: Text


class AskSendBack(_ByDepartment):
    action = Action.ASK_SEND_BACK
    reason: Text


class GrantSendBack(Command):
    """departments empty: back to the dispatch desk; else on to these at once."""

    action = Action.GRANT_SEND_BACK
    review_no: int
    note: Note = ""
    form: DispatchForm = DispatchForm.SINGLE
    departments: tuple[DepartmentCode, ...] = ()


class RefuseSendBack(Command):
    action = Action.REFUSE_SEND_BACK
    review_no: int
    reason: Text


class RuleFinally(_Dispatching):
    """终裁: the leader's choice binds; no send-back is possible after it."""

    action = Action.RULE_FINALLY
    review_no: int


class RequestExtension(_ByDepartment):
    action = Action.REQUEST_EXTENSION
    working_days: Annotated[int, Field(ge=1, le=90)]
    reason: Text


class GrantExtension(Command):
    """working_days None: as many as were asked for."""

    action = Action.GRANT_EXTENSION
    review_no: int
    working_days: Annotated[int, Field(ge=1, le=90)] | None = None
    note: Note = ""


class RefuseExtension(Command):
    action = Action.REFUSE_EXTENSION
    review_no: int
    reason: Text


class PassClosure(Command):
    action = Action.PASS_CLOSURE
    note: Note = ""


class ReturnClosure(Command):
    action = Action.RETURN_CLOSURE
    reason: Text


class RedispatchClosure(_Dispatching):
    action = Action.REDISPATCH_CLOSURE


class ReplyCitizen(Command):
    action = Action.REPLY
    text: Text


class RecordFollowUp(Command):
    action = Action.FOLLOW_UP
    satisfied: bool
    resolved: bool
    note: Note = ""


class NoteUnreached(Command):
    action = Action.NOTE_UNREACHED
    note: Note = ""


class OrderRework(Command):
    action = Action.REWORK
    satisfied: bool = False
    resolved: bool = False
    reason: Text


class RateTicket(Command):
    action = Action.RATE
    rating: Annotated[int, Field(ge=1, le=5)]
    text: Note = ""


class CloseTicket(Command):
    """reply: the answer to the citizen, when the ticket is closed without a separate reply."""

    action = Action.CLOSE
    reason: Text
    reply: Note = ""


class CloseUnrated(Command):
    action = Action.CLOSE_UNRATED
    reason: Text


class SuspendTicket(Command):
    action = Action.SUSPEND
    reason: Text


class ResumeTicket(Command):
    action = Action.RESUME
    note: Note = ""


class WithdrawTicket(Command):
    action = Action.WITHDRAW
    reason: Text


class SendReminder(Command):
    action = Action.REMIND
    reminder: ReminderKind = ReminderKind.MANUAL
    text: Text


class AnswerReminder(Command):
    action = Action.ANSWER_REMINDER
    reminder_no: int
    text: Text


class FireWarning(Command):
    """clock: id of the clock; level: near or over; arithmetic: how it was counted."""

    action = Action.WARN
    clock: str
    level: Literal["near", "over"]
    arithmetic: dict[str, str]


class IssueCard(Command):
    action = Action.ISSUE_CARD
    clock: str
    colour: CardColour
    department: str | None = None
    arithmetic: dict[str, str]


class MergeTicket(Command):
    action = Action.MERGE
    into: int
    reason: Text


class ArchiveTicket(Command):
    action = Action.ARCHIVE


class NoteRefusal(Command):
    action = Action.NOTE_REFUSAL
    destination: str
    peer_code: str
    detail: str


def _all(base: type[Command]) -> list[type[Command]]:
    return [
        kind
        for sub in base.__subclasses__()
        for kind in ([sub] if hasattr(sub, "action") else []) + _all(sub)
    ]


COMMANDS: Mapping[Action, type[Command]] = {kind.action: kind for kind in _all(Command)}
