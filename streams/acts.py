"""Intake -> command: what a peer's act asks of the desk. Pure.

The id of each command is derived from the message and the act, so a message that is processed again
after a crash asks the same again, and the desk answers with what it did the first time.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas import commands as cmd
from schemas.ids import derived_command_id
from schemas.intake import Intake, IntakeKind
from schemas.parties import Actor, Role
from schemas.ticket import Registration, ReminderKind, Source

CITIZEN = Actor(actor_id="citizen", roles=frozenset({Role.CITIZEN}))
PHONE_LOG = Actor(actor_id="system:phone_log", roles=frozenset({Role.SYSTEM}))
_NO_REASON = "诉求人撤诉"
_NO_WORDS = "来源平台催办"
_FILES_ONLY = "（见附件）"


@dataclass(frozen=True)
class Cause:
    """The message behind an act. at: when it became a row; number: of the act within it."""

    message_id: int
    at: datetime
    number: int
    source: Source

    def command_id(self, act: str) -> UUID:
        return derived_command_id(self.at, "message", self.message_id, self.number, act)

    def actor(self, intake: Intake) -> Actor:
        """Citizens act through the portal, phone logs are the hub's own; all others are peers."""
        if self.source is Source.WEB_PORTAL:
            return CITIZEN
        if self.source is Source.PHONE_LOG:
            return PHONE_LOG
        return Actor(actor_id=f"peer:{intake.peer}", roles=frozenset({Role.PEER}))

    def common(self, act: str, intake: Intake, ticket_id: int, now: datetime) -> dict[str, object]:
        return {
            "command_id": self.command_id(act),
            "ticket_id": ticket_id,
            "actor": self.actor(intake),
            "at": now,
            "cause": str(self.message_id),
        }


def register(
    intake: Intake, cause: Cause, ticket_id: int, now: datetime, attempt: int = 0
) -> cmd.Command:
    """A ticket nobody has typed in yet; an operator accepts it. A call becomes a draft.

    attempt: counts ticket ids that were found to be taken; each makes another command.
    Raises: ValueError (pydantic's) when the intake brings no registration.
    """
    kind = cmd.SaveDraft if intake.kind is IntakeKind.DRAFT else cmd.RegisterTicket
    return kind.model_validate(
        {
            **cause.common(f"register{attempt or ''}", intake, ticket_id, now),
            "registration": intake.registration,
            "peer_updated_at": intake.peer_updated_at,
        }
    )


def update(
    intake: Intake, cause: Cause, ticket_id: int, now: datetime, known: Registration | None
) -> cmd.NotePeerUpdate | None:
    """A version of a ticket that is known; None when the peer gives no time to order it by.

    known: the registration as the store has it; the same words are not kept twice.
    """
    if intake.peer_updated_at is None:
        return None
    said = intake.registration
    return cmd.NotePeerUpdate.model_validate(
        {
            **cause.common("update", intake, ticket_id, now),
            "peer_updated_at": intake.peer_updated_at,
            "peer_state": intake.peer_state,
            "registration": None if _same_words(said, known) else said,
        }
    )


def act(intake: Intake, cause: Cause, ticket_id: int, now: datetime) -> cmd.Command:
    """What is done to a known ticket: supplement, withdraw, remind, rate.

    Raises: ValueError (pydantic's) when the act lacks what it needs, as a rating without a number.
    """
    common = cause.common(intake.kind, intake, ticket_id, now)
    match intake.kind:
        case IntakeKind.SUPPLEMENT:
            text = intake.text.strip() or (_FILES_ONLY if intake.attachments else "")
            return cmd.SupplementMatter.model_validate(
                {**common, "text": text, "attachments": intake.attachments}
            )
        case IntakeKind.WITHDRAW:
            return cmd.WithdrawTicket.model_validate(
                {**common, "reason": intake.text.strip() or _NO_REASON}
            )
        case IntakeKind.REMIND:
            return cmd.SendReminder.model_validate(
                {
                    **common,
                    "reminder": intake.reminder or ReminderKind.SUPERIOR,
                    "text": intake.text.strip() or _NO_WORDS,
                }
            )
        case IntakeKind.RATE:
            return cmd.RateTicket.model_validate(
                {**common, "rating": intake.rating, "text": intake.text}
            )
        case _:
            raise ValueError(f"{intake.kind} is no act on a known ticket")


def _same_words(said: Registration | None, known: Registration | None) -> bool:
    if said is None or known is None:
        return said is None
    return said.model_copy(update={"received_at": known.received_at}) == known
