"""The store's rows -> the topics: bodies to inbound.<source>.v1, events to tickets.events.v1.

A row is marked only after the broker has the record; killed in between, it is sent twice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from schemas.ticket import Source
from streams.deps import StreamDeps
from streams.records import InboundRecord

LIMIT = 256  # rows a round, so that a long backlog is neither read nor sent at once


class Relay:
    def __init__(self, deps: StreamDeps, inbound: Mapping[Source, Any], events: Any) -> None:
        self._deps, self._inbound, self._events = deps, inbound, events
        self._again_at: float | None = None

    async def bodies(self) -> bool:
        """Offer what never was, or long ago and still has no outcome; True: there is more."""
        deps = self._deps
        before = deps.now() - timedelta(seconds=deps.timing.reoffer)
        rows = await deps.store.inbound.to_offer(before, LIMIT)
        sends = [
            await self._inbound[row.source].send(
                key=row.peer,
                value=InboundRecord(message_id=row.message_id).model_dump_json().encode(),
            )
            for row in rows
        ]
        sent = await _durable(sends)
        await deps.store.inbound.offered(
            [row.message_id for row, ok in zip(rows, sent, strict=True) if ok], deps.now()
        )
        self._watch(sum(row.offers > 0 for row in rows))
        return len(rows) == LIMIT

    def _watch(self, again: int) -> None:
        """Consumption stands still when bodies are offered a third time and nobody has worked."""
        progress = self._deps.progress
        part, register = progress.part("relay-bodies"), progress.part("register")
        worked = self._again_at is None or register.last > self._again_at
        if worked:
            part.owes(0)
        elif again:
            part.owes(again)
        if again:
            self._again_at = progress.clock()

    async def events(self) -> bool:
        """Publish what the outbox holds, oldest first; True: there is more."""
        outbox = self._deps.store.outbox
        rows = await outbox.take(LIMIT)
        sends = [
            await self._events.send(key=str(row.ticket_id), value=row.model_dump_json().encode())
            for row in rows
        ]
        sent = await _durable(sends)
        await outbox.done(
            [(row.ticket_id, row.sequence) for row, ok in zip(rows, sent, strict=True) if ok]
        )
        return len(rows) == LIMIT


async def _durable(sends: Sequence[Any]) -> list[bool]:
    """Which of them the broker has; raises the first failure when it has none of them."""
    results = await asyncio.gather(*sends, return_exceptions=True)
    failures = [one for one in results if isinstance(one, BaseException)]
    if failures and len(failures) == len(results):
        raise failures[0]
    return [not isinstance(one, BaseException) for one in results]
