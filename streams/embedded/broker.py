"""The open broker of one app: lock, log and writer, shared by its consumer and its producer."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from streams.embedded.lock import WorkerLock
from streams.embedded.log import Log
from streams.embedded.records import Topic, TopicRules
from streams.embedded.retention import Horizon, Sweeper
from streams.embedded.settings import BrokerSettings
from streams.embedded.writer import GroupWriter

logger = logging.getLogger(__name__)

_MS_PER_DAY = 86_400_000
_MS_PER_HOUR = 3_600_000


class BrokerNotOpen(RuntimeError):
    """The broker was used before its consumer or producer was started, or after both stopped."""


class Broker:
    """Opened by its first user, closed by its last.

    `clock`: seconds since the epoch, for records without a time of their own and for retention.
    """

    def __init__(self, settings: BrokerSettings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self._users = 0
        self._opening = asyncio.Lock()
        self._lock = WorkerLock(settings.path)
        self._log: Log | None = None
        self._writer: GroupWriter | None = None
        self._sweeper: Sweeper | None = None
        self._declaring: dict[str, asyncio.Lock] = {}
        self._readers: dict[int, int] = {}
        self._listeners: list[Callable[[set[int]], None]] = []
        self._crash: list[Callable[[BaseException], None]] = []

    # -- life

    async def acquire(self) -> None:
        """Open the log for one more user; raise LogInUse if another worker owns the file."""
        async with self._opening:
            if self._users == 0:
                self._lock.acquire()
                try:
                    self._log = await asyncio.to_thread(self._open)
                except BaseException:
                    self._lock.release()
                    raise
                self._sweeper = Sweeper(self._log)
                self._writer = GroupWriter(
                    self._log,
                    self.settings,
                    on_written=self._written,
                    on_failure=self._failed,
                )
            self._users += 1

    async def release(self) -> None:
        """Let one user go; the last one writes what is pending and closes the file."""
        async with self._opening:
            if self._users == 0:
                return
            self._users -= 1
            if self._users:
                return
            log, writer = self.log, self.writer
            self._log = self._writer = self._sweeper = None
            try:
                await writer.close()
            finally:
                await asyncio.to_thread(log.close)
                self._lock.release()

    def _open(self) -> Log:
        return Log(self.settings.path, synchronous=self.settings.synchronous)

    @property
    def log(self) -> Log:
        if self._log is None:
            raise BrokerNotOpen(str(self.settings.path))
        return self._log

    @property
    def writer(self) -> GroupWriter:
        if self._writer is None:
            raise BrokerNotOpen(str(self.settings.path))
        return self._writer

    # -- topics

    async def declare(self, name: str, partitions: int, rules: TopicRules) -> Topic:
        """Create the topic or update its rules; see Log.declare."""
        topic = await self.writer.call(lambda: self.log.declare(name, partitions, rules))
        if len(topic.parts) != partitions:
            logger.warning(
                "topic %s keeps its %d partitions, %d were asked for: it holds records",
                name,
                len(topic.parts),
                partitions,
            )
        return topic

    async def topic(self, name: str, partitions: int) -> Topic:
        """Return the topic, created with Kafka's defaults if nobody has declared it."""
        known = self.log.topics.get(name)
        if known is not None:
            return known
        async with self._declaring.setdefault(name, asyncio.Lock()):
            known = self.log.topics.get(name)
            return known or await self.declare(name, partitions, TopicRules())

    # -- between the producer and the consumer

    def listen(self, on_append: Callable[[set[int]], None]) -> Callable[[], None]:
        """Call `on_append` with the partition ids that got records; return how to stop that."""
        self._listeners.append(on_append)
        return lambda: self._listeners.remove(on_append)

    def on_failure(self, crash: Callable[[BaseException], None]) -> None:
        """Call `crash` when a transaction failed: the disk is full, or the file is gone."""
        self._crash.append(crash)

    def off_failure(self, crash: Callable[[BaseException], None]) -> None:
        self._crash.remove(crash)

    def note_reader(self, positions: Mapping[int, int]) -> None:
        """Remember how far the consumer has read the partitions it reads."""
        self._readers.update(positions)

    def forget_readers(self) -> None:
        self._readers.clear()

    def lag(self, part: int) -> int:
        """Return how many records wait for this worker's consumer; 0 if it does not read them."""
        position = self._readers.get(part)
        return 0 if position is None else self.log.end(part) - position

    def _written(self, parts: set[int]) -> None:
        for listener in list(self._listeners):
            listener(parts)

    def _failed(self, error: BaseException) -> None:
        logger.error("log %s not written: %r", self.settings.path, error.__cause__)
        for crash in list(self._crash):
            crash(error)

    # -- upkeep

    async def maintain(self, *, thorough: bool = False) -> int:
        """Expire and compact now; return how many records went.

        Finding what may go happens in a thread of its own, deleting in small slices between the
        writer's transactions, so that neither the loop nor the senders wait for it.
        """
        if self._sweeper is None:
            raise BrokerNotOpen(str(self.settings.path))
        settings, log, writer = self.settings, self.log, self.writer
        horizon = Horizon(
            now_ms=int(self.clock() * 1000),
            default_retention_ms=int(settings.retention_days * _MS_PER_DAY),
            tombstone_ms=int(settings.tombstone_hours * _MS_PER_HOUR),
        )
        slices = self._sweeper.slices(horizon, thorough=thorough)
        gone = 0
        try:
            while (each := await asyncio.to_thread(next, slices, None)) is not None:
                await writer.call(partial(log.delete, each.part, each.rows))
                gone += len(each.rows)
        finally:
            await asyncio.to_thread(slices.close)
        if gone:
            await writer.call(log.give_back_space)
        return gone


_BROKERS: "WeakKeyDictionary[Any, dict[BrokerSettings, Broker]]" = WeakKeyDictionary()


def broker_of(app: Any, settings: BrokerSettings) -> Broker:
    """Return the app's broker: its consumer and its producer have a transport each, one broker."""
    brokers = _BROKERS.setdefault(app, {})
    if settings not in brokers:
        brokers[settings] = Broker(settings)
    return brokers[settings]
