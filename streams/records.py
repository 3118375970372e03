"""What the topics carry besides events: the forms of their values."""

from pydantic import AwareDatetime, ValidationError

from schemas.errors import HubError, places_of
from schemas.intake import Intake
from schemas.matter import Frozen


class InboundRecord(Frozen):
    """Names a row; nothing of the body."""

    message_id: int


class IntakeRecord(Frozen):
    """All acts of one message, in order.

    kept_at: when the message became a row; makes the ids of its commands the same each time.
    """

    message_id: int
    kept_at: AwareDatetime
    intakes: tuple[Intake, ...]

    @property
    def key(self) -> str:
        """Which ticket it is about: acts on one ticket stay in order."""
        first = self.intakes[0]
        if first.ticket_id is not None:
            return f"ticket:{first.ticket_id}"
        if first.source_ticket_no is not None:
            return f"{first.peer}:{first.source_ticket_no}"
        return f"message:{self.message_id}"


class DeadLetter(Frozen):
    """topic, partition, offset: where the record stood, for people."""

    reason: str
    topic: str
    partition: int
    offset: int
    message_id: int | None = None
    ticket_id: int | None = None


def reason_of(error: Exception) -> str:
    """Why something cannot be processed, without the values that may be personal data."""
    if isinstance(error, ValidationError):
        return f"{error.title}: {places_of(error)}"
    if isinstance(error, HubError):
        return str(error)
    return type(error).__name__
