"""How heads, events, bodies and refusals look as rows, and how they are read back."""

from collections.abc import Mapping
from typing import Any, get_args
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Row

from schemas.errors import REFUSALS, CommandRefused
from schemas.events import Event, Recorded
from schemas.ids import SEQUENCE_BITS, event_id, split_event_id
from schemas.matter import Frozen
from schemas.parties import Actor
from schemas.ticket import Ticket
from ticket_store.metadata import instant_of, microseconds

_EVENTS: Mapping[str, type[BaseModel]] = {
    kind.model_fields["kind"].default: kind for kind in get_args(get_args(Event)[0])
}


class Refusal(Frozen):
    """A refusal as the inbox keeps it: a repeat is refused in the same words."""

    kind: str
    code: str
    detail: str
    facts: dict[str, str]


class SupplementBody(Frozen):
    """What the citizen or the source added. Personal data."""

    text: str
    attachments: tuple[str, ...] = ()


def history_range(ticket_id: int) -> tuple[int, int]:
    """The first and last event id that a ticket can have."""
    first = ticket_id << SEQUENCE_BITS
    return first, first | (1 << SEQUENCE_BITS) - 1


def event_row(recorded: Recorded, actor: str) -> dict[str, Any]:
    """actor: as JSON; it is the same for all events of a command."""
    event = recorded.event
    return {
        "event_id": event_id(recorded.ticket_id, recorded.sequence),
        "at": microseconds(recorded.at),
        "command_id": recorded.command_id.bytes,
        "actor": actor,
        "kind": event.kind,
        "body": event.model_dump_json(exclude_defaults=True),
    }


def read_event(row: Row[Any]) -> Recorded:
    """Raises: ValueError when the row is no event that we know (altered from outside)."""
    ticket_id, sequence = split_event_id(row.event_id)
    kind = _EVENTS.get(row.kind)
    if kind is None:
        raise ValueError(f"event {row.event_id}: unknown kind {row.kind!r}")
    return Recorded(
        ticket_id=ticket_id,
        sequence=sequence,
        at=instant_of(row.at),
        actor=Actor.model_validate_json(row.actor),
        command_id=UUID(bytes=bytes(row.command_id)),
        event=_EVENT.validate_python(kind.model_validate_json(row.body)),
    )


_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def head_row(ticket: Ticket, unproposed_since: int | None) -> dict[str, Any]:
    return {
        "ticket_id": ticket.ticket_id,
        "version": ticket.version,
        "state": ticket.state.value,
        "updated_at": microseconds(ticket.updated_at),
        "unproposed_since": unproposed_since,
        "detail": ticket.model_dump_json(exclude_defaults=True),
    }


def read_head(detail: str) -> Ticket:
    return Ticket.model_validate_json(detail)


def refusal_json(error: CommandRefused) -> str:
    return Refusal(
        kind=type(error).code, code=error.code, detail=error.detail, facts=dict(error.facts)
    ).model_dump_json()


def read_refusal(text: str) -> CommandRefused:
    refusal = Refusal.model_validate_json(text)
    kind = REFUSALS.get(refusal.kind, CommandRefused)
    return kind(refusal.detail, code=refusal.code, **refusal.facts)


def storable(text: str) -> str:
    """Text as both databases take it: PostgreSQL refuses the character NUL."""
    return text.replace("\0", "\ufffd")
