"""Inbound messages as rows and as the rest of the hub sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Row

from schemas.ticket import Source
from ticket_store.metadata import instant_of, microseconds, read_instant
from ticket_store.rows import storable

NEVER_OFFERED = 0  # microseconds: sorts before every offer


class MessageOutcome(StrEnum):
    """What became of a message."""

    REGISTERED = "registered"  # a new ticket or draft
    APPLIED = "applied"  # changed a ticket that was known
    UNCHANGED = "unchanged"  # nothing new in it
    DUPLICATE = "duplicate"  # of another message
    STALE = "stale"  # older than what is known
    ECHO = "echo"  # our own update, mirrored
    REFUSED = "refused"  # understood; the ticket does not allow it
    DEAD = "dead"  # not understood: a dead letter


class KeptBody(Protocol):
    """One untouched message; connectors.base.Body is one."""

    @property
    def content(self) -> bytes: ...
    @property
    def peer_message_no(self) -> str: ...
    @property
    def content_type(self) -> str: ...


class KeptPage(Protocol):
    """What one poll brought, and where the next one begins; connectors.base.Page is one."""

    @property
    def bodies(self) -> Sequence[KeptBody]: ...
    @property
    def cursor(self) -> str: ...


@dataclass(frozen=True)
class KeptMessage:
    """fresh: not known before. ticket_id: the number reserved when it was first kept."""

    message_id: int
    ticket_id: int | None
    fresh: bool


@dataclass(frozen=True)
class InboundMessage:
    """A row. ticket_id: reserved, or that of the outcome. offers: how often it was offered."""

    message_id: int
    peer: str
    source: Source
    peer_message_no: str
    content_type: str
    content: bytes
    received_at: datetime
    ticket_id: int | None
    offered_at: datetime | None
    offers: int
    outcome: MessageOutcome | None
    detail: str
    settled_at: datetime | None
    replays: int

    @property
    def archived(self) -> bool:
        """Its bytes are in an archive only (archive.py): nothing that was understood is empty."""
        return not self.content and self.outcome not in {None, MessageOutcome.DEAD}


def row_of(
    peer: str, source: Source, body: KeptBody, at: datetime, ticket_id: int | None
) -> dict[str, Any]:
    return {
        "peer": peer,
        "peer_message_no": storable(body.peer_message_no),
        "source": source.value,
        "content_type": storable(body.content_type),
        "content": body.content,
        "received_at": microseconds(at),
        "ticket_id": ticket_id,
        "offered_at": NEVER_OFFERED,
        "offers": 0,
        "replays": 0,
    }


def read_message(row: Row[Any]) -> InboundMessage:
    offered_at = read_instant(row.offered_at)
    return InboundMessage(
        message_id=row.message_id,
        peer=row.peer,
        source=Source(row.source),
        peer_message_no=row.peer_message_no,
        content_type=row.content_type,
        content=bytes(row.content),
        received_at=read_instant(row.received_at),
        ticket_id=row.ticket_id,
        offered_at=None if offered_at == instant_of(NEVER_OFFERED) else offered_at,
        offers=row.offers,
        outcome=None if row.outcome is None else MessageOutcome(row.outcome),
        detail=row.detail or "",
        settled_at=None if row.settled_at is None else read_instant(row.settled_at),
        replays=row.replays,
    )
