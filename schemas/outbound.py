"""What the hub owes a peer because of one event, in our words."""

from enum import StrEnum

from pydantic import AwareDatetime

from schemas.events import Event
from schemas.ids import delivery_key, event_id, ticket_no
from schemas.matter import Frozen
from schemas.ticket import Source, State


class Outbound(Frozen):
    """One delivery. The same over all its tries, whatever has happened to the ticket since."""

    destination: str  # settings entry of the peer
    ticket_id: int
    sequence: int  # of the event
    at: AwareDatetime  # of the event
    event: Event
    source: Source
    source_ticket_no: str | None  # theirs, when the ticket is theirs
    call_no: str | None = None
    department_names: tuple[str, ...] = ()  # Chinese, of the departments that the event names

    @property
    def key(self) -> str:
        """The idempotency key, stable over tries."""
        return delivery_key(event_id(self.ticket_id, self.sequence), self.destination)

    @property
    def ticket_no(self) -> str:
        return ticket_no(self.ticket_id)

    @property
    def state(self) -> State:
        return self.event.state


class Receipt(Frozen):
    """The peer's answer to a delivery. peer_answer: verbatim, cut to 2,000 characters."""

    peer_code: str = "-"
    peer_answer: str = ""


class DeliveryState(StrEnum):
    PENDING = "pending"  # owed; due at next_try_at
    UNCERTAIN = "uncertain"  # tried, and nobody knows whether it arrived: ask before a resend
    DELIVERED = "delivered"
    REFUSED = "refused"  # the peer said no; recorded on the ticket
    DEAD = "dead"  # tried for days, or not understood: replayed by choice
    HELD = "held"  # credentials refused: waits until a person has mended them
