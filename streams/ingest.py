"""Inbound bytes -> canonical intake, or a dead letter."""

import asyncio
from collections.abc import Sequence
from typing import Any

import faust

from schemas.errors import PayloadNotUnderstood
from schemas.intake import Intake, IntakeKind
from streams.batches import Taken, as_it_is, in_batches
from streams.dead_letters import DeadLetters
from streams.deps import StreamDeps
from streams.records import InboundRecord, IntakeRecord
from streams.waiting import when_free
from ticket_store.inbound import InboundMessage, MessageOutcome


def intake_record(message: InboundMessage, intakes: Sequence[Intake]) -> IntakeRecord | None:
    """What register is to do; None when all of it is an echo of our own update.

    A ticket id that was reserved with the row goes to what the message registers.
    """
    kept = tuple(intake for intake in intakes if intake.kind is not IntakeKind.ECHO)
    if not kept:
        return None
    registering = (IntakeKind.NEW, IntakeKind.DRAFT)
    return IntakeRecord(
        message_id=message.message_id,
        kept_at=message.received_at,
        intakes=tuple(
            intake.model_copy(update={"ticket_id": message.ticket_id})
            if intake.kind in registering and intake.ticket_id is None
            else intake
            for intake in kept
        ),
    )


class Ingest:
    def __init__(self, deps: StreamDeps, intake_topic: Any, dead_letters: DeadLetters) -> None:
        self._deps, self._intake, self._dead = deps, intake_topic, dead_letters

    async def batch(self, batch: Sequence[Taken[None]]) -> None:
        """Translate each message, put the intakes on their topic, wait until they are durable."""
        records = await asyncio.gather(*(self._record(taken.event) for taken in batch))
        sends = [
            await self._intake.send(key=record.key, value=record.model_dump_json().encode())
            for record in records
            if record is not None
        ]
        await asyncio.gather(*sends)

    async def _record(self, event: Any) -> IntakeRecord | None:
        message_id = None
        try:
            message_id = InboundRecord.model_validate_json(event.value).message_id
            return await when_free(lambda: self._translated(message_id))
        except Exception as error:  # noqa: BLE001 - one bad body must not stop its peer
            await self._dead.of_message(event, error, message_id)
            return None

    async def _translated(self, message_id: int) -> IntakeRecord | None:
        inbound = self._deps.store.inbound
        message = await inbound.read(message_id)
        if message.outcome is not None:  # offered twice: settled by now
            return None
        connector = self._deps.connectors.get(message.peer)
        if connector is None:
            raise PayloadNotUnderstood(message.peer, "no such peer in the settings")
        record = intake_record(message, connector.translate(message.content))
        if record is None:
            await inbound.settle(message_id, MessageOutcome.ECHO)
        return record


def attach(
    app: faust.App,
    inbound_topics: Sequence[Any],
    intake_topic: Any,
    dead_letters: DeadLetters,
    deps: StreamDeps,
) -> None:
    ingest = Ingest(deps, intake_topic, dead_letters)
    for topic in inbound_topics:
        name = f"ingest-{topic.topics[0].split('.')[1]}"
        part = deps.progress.part(name)

        async def translate(stream: Any, part: Any = part) -> None:
            """Translate peers' bodies; what is not understood becomes a dead letter."""
            await in_batches(stream, as_it_is, ingest.batch, part)

        app.agent(topic, name=name, concurrency=1)(translate)
