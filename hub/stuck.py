"""A worker whose stream library stands still although the broker and the store are there.

A Kafka client may not find its way back after a long outage: alive, silent, and nothing moves until
somebody restarts it. So the process ends itself with an error, and its supervisor starts another.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from hub.broker_watch import BrokerWatch
from streams.progress import Progress
from ticket_store.writer import Writer

LOOK_SECONDS = 10.0
PATIENCE_SECONDS = 5.0  # a store that needs longer is not there
# what carries records; a peer that hangs, or a long sweep, is mended by no restart
CARRIERS = ("relay-bodies", "relay-events", "ingest-", "register", "assign", "sla-clocks")
log = structlog.get_logger(__name__)


class StuckWatch:
    def __init__(self, progress: Progress, broker: BrokerWatch, writer: Writer) -> None:
        self._progress, self._broker, self._writer = progress, broker, writer
        self._well_since: float | None = None

    async def stuck(self, after_seconds: float) -> list[str]:
        """Carriers that have stood still for so long while all that they need was there."""
        now = self._progress.clock()
        if not await self._well():
            self._well_since = None
            return []
        if self._well_since is None:
            self._well_since = now
        if now - self._well_since < after_seconds:
            return []
        stalled = self._progress.stalled(after_seconds)
        return sorted(part for part in stalled if part.startswith(CARRIERS))

    async def _well(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._writer.run(lambda _unit: None)
        except Exception:  # noqa: BLE001 - whatever it is, the store is not usable
            return False
        return await self._broker.problem() is None


async def until_stuck(
    watch: StuckWatch,
    after_seconds: float,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Return when the worker must be started anew. pause: waits so many seconds."""
    while not (parts := await watch.stuck(after_seconds)):
        await pause(LOOK_SECONDS)
    log.error("nothing moves although broker and store are there, ending", parts=parts)
