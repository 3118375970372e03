"""Dead letters: the row says why, and a record tells those who watch."""

from collections.abc import Mapping
from typing import Any

import structlog

from schemas.errors import HubError
from streams.records import DeadLetter, reason_of
from streams.waiting import when_free
from ticket_store.inbound import InboundBook, MessageOutcome

log = structlog.get_logger(__name__)


class DeadLetters:
    """Keeps what cannot be processed; the untouched bytes stay in their row."""

    def __init__(self, topic: Any, inbound: InboundBook) -> None:
        self._topic, self._inbound = topic, inbound

    async def of_message(self, event: Any, error: Exception, message_id: int | None) -> None:
        """Settle the row, if the record names one, then tell.

        In this order: a crash in between repeats the record, and the row is settled all the same.
        """
        if message_id is not None:
            reason = reason_of(error)
            await when_free(
                lambda: self._inbound.settle(message_id, MessageOutcome.DEAD, detail=reason)
            )
        await self._tell(event, error, {"message_id": message_id})

    async def of_ticket(self, event: Any, error: Exception, ticket_id: int | None) -> None:
        await self._tell(event, error, {"ticket_id": ticket_id})

    async def _tell(self, event: Any, error: Exception, about: Mapping[str, int | None]) -> None:
        message = event.message
        letter = DeadLetter(
            reason=reason_of(error), topic=message.topic, partition=message.partition,
            offset=message.offset, **about,
        )  # fmt: skip
        fields = {name: number for name, number in about.items() if number is not None}
        if isinstance(error, HubError | ValueError):
            log.warning("dead letter", reason=letter.reason, topic=letter.topic, **fields)
        else:  # ours to mend: where it arose helps
            log.error(
                "dead letter", reason=letter.reason, topic=letter.topic, exc_info=error, **fields
            )
        key = str(next(iter(fields.values()), message.offset))
        sent = await self._topic.send(key=key, value=letter.model_dump_json().encode())
        await sent
