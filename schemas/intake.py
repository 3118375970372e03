"""Canonical intake: what any peer's message becomes before it is a command."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from schemas.matter import Frozen
from schemas.ticket import Registration, ReminderKind


class IntakeKind(StrEnum):
    NEW = "new"  # a ticket, or a newer version of one that is known
    DRAFT = "draft"  # a call: a prefilled draft for the operator
    SUPPLEMENT = "supplement"
    WITHDRAW = "withdraw"
    REMIND = "remind"
    RATE = "rate"
    ECHO = "echo"  # our own update, mirrored by the peer: nothing happens


class Intake(Frozen):
    """One act of a peer, in our words.

    Which ticket: `ticket_id` when the hub gave the number out itself (portal), else the pair of
    peer and `source_ticket_no`.
    peer_updated_at: the peer's own time of the change; orders versions of the same ticket.
    """

    kind: IntakeKind
    peer: str  # settings entry
    source_ticket_no: str | None = None
    ticket_id: int | None = None
    peer_updated_at: AwareDatetime | None = None
    peer_state: str = ""
    registration: Registration | None = None  # new, draft
    text: str = ""  # supplement, withdraw (reason), remind, rate
    attachments: tuple[str, ...] = ()
    reminder: ReminderKind | None = None
    rating: int | None = Field(default=None, ge=1, le=5)
