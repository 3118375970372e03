"""Every topic in one place: name, key, value, who writes and reads it, how long it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import faust

from schemas.ticket import Source

PARTITIONS = 8  # of what is keyed by ticket; the most workers that can share the work


@dataclass(frozen=True)
class TopicSpec:
    """retention: how long records are kept, processed or not; rows in the store outlive them."""

    name: str
    key: str
    value: str
    written_by: str
    read_by: str
    partitions: int
    retention: timedelta


def _inbound(source: Source) -> TopicSpec:
    return TopicSpec(
        name=f"inbound.{source}.v1",
        key="settings entry of the peer, so that the messages of a peer stay in order",
        value='`{"message_id"}`; the bytes stay in the row',
        written_by="relay",
        read_by="ingest",
        partitions=4,
        retention=timedelta(days=2),
    )


INBOUND: Mapping[Source, TopicSpec] = MappingProxyType(
    {source: _inbound(source) for source in Source if source is not Source.COUNTER}
)
INTAKE = TopicSpec(
    name="tickets.intake.v1",
    key="`<peer>:<source_ticket_no>`, or the ticket id when the hub gave out the number",
    value="`IntakeRecord` (JSON); holds personal data, hence the short retention",
    written_by="ingest",
    read_by="register",
    partitions=PARTITIONS,
    retention=timedelta(days=1),
)
EVENTS = TopicSpec(
    name="tickets.events.v1",
    key="ticket id",
    value="`Recorded` (JSON): one event; holds no personal data",
    written_by="relay",
    read_by="assign, sla-clocks",
    partitions=PARTITIONS,
    retention=timedelta(days=7),
)
DEAD_LETTERS = TopicSpec(
    name="dead.letters.v1",
    key="message id or ticket id",
    value="`DeadLetter` (JSON): reason, and where the record stood; the bytes stay in the row",
    written_by="ingest, register, assign, sla-clocks",
    read_by="nobody in the hub; for alerting",
    partitions=1,
    retention=timedelta(days=30),
)
TOPICS: tuple[TopicSpec, ...] = (*INBOUND.values(), INTAKE, EVENTS, DEAD_LETTERS)


def declared(app: faust.App, spec: TopicSpec) -> Any:
    """Faust's topic. Values are bytes to Faust: a body off its form is then ours to refuse."""
    return app.topic(
        spec.name,
        key_type=str,
        key_serializer="raw",
        value_type=bytes,
        value_serializer="raw",
        partitions=spec.partitions,
        retention=spec.retention,
        deleting=True,
    )
