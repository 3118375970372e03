"""The sending side: routes a record to its partition and hands it to the group writer."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from aiokafka.partitioner import murmur2
from faust.exceptions import ProducerSendError
from faust.transport import producer as base
from faust.types import TP, FutureMessage, RecordMetadata
from mode import Service
from mode.utils.times import Seconds, want_seconds

from streams.embedded.broker import Broker
from streams.embedded.buffer import Buffer
from streams.embedded.records import Headers, NewRecord, Topic, topic_rules

_CREATE_TIME = 0  # Kafka's timestamp type: the sender's clock
pause = asyncio.sleep


class Producer(base.Producer):
    """Sends to the log; the future of a send is done when the record is durable."""

    broker: Broker

    def __init__(self, *args: Any, broker: Broker, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.broker = broker
        self._random = random.Random()  # noqa: S311  # spreads records without a key
        self._partition_of_key = lru_cache(maxsize=65_536)(murmur2)
        self.buffer: Buffer = Buffer(loop=self.loop, beacon=self.beacon)
        self.buffer.app = self.app
        self.buffer.broker = broker
        self.buffer.send_future = self.send_future
        self._open = False

    async def on_start(self) -> None:
        await self.broker.acquire()
        self._open = True
        self.broker.on_failure(self._crash_soon)
        await super().on_start()

    async def on_stop(self) -> None:
        if self._open:
            self._open = False
            self.broker.off_failure(self._crash_soon)
            try:
                if self.broker.writer.failed is None:
                    await self.buffer.flush()
            finally:
                await self.broker.release()

    @Service.task
    async def _maintain(self) -> None:
        """Expire and compact by the clock; the first time soon, but not beside the recovery."""
        interval = self.broker.settings.maintenance_seconds
        await self.sleep(interval / 10)
        while not self.should_stop:
            gone = await self.broker.maintain()
            if gone:
                self.log.info("Retention and compaction removed %d records", gone)
            await self.sleep(interval)

    # -- sending

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
        *,
        transactional_id: str | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Take the record; wait first while too much is pending or the partition's reader lags.

        Raises:  ProducerSendError for a record above `producer_max_request_size`, an unknown
                 partition, or a log that can no longer be written.
        """
        broker = self.broker
        target = broker.log.topics.get(topic)
        if target is None:
            target = await broker.topic(topic, self._partitions_wanted(topic))
        number = self._number(target, key, partition)
        seconds = self._pause_seconds(broker.lag(target.parts[number]))
        if seconds:
            await pause(seconds)
        if broker.writer.full:
            await broker.writer.room()
        sent: asyncio.Future[RecordMetadata] = self.loop.create_future()
        self._take(target, number, key, value, timestamp, headers, partial(_settle, sent))
        return sent

    async def send_and_wait(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
        *,
        transactional_id: str | None = None,
    ) -> RecordMetadata:
        return await (await self.send(topic, key, value, partition, timestamp, headers))

    def send_future(self, fut: FutureMessage) -> None:
        """Take a message from synchronous code; what is not declared yet goes the slow way."""
        message = fut.message
        channel: Any = message.channel
        name = channel.get_topic_name()
        target = self.broker.log.topics.get(name)
        if target is None:
            self.buffer.queue_up(fut)
            return
        key: Any = message.key  # serialised by the topic already
        value: Any = message.value
        state = self.app.sensors.on_send_initiated(
            self, name, message, len(key or b""), len(value or b"")
        )

        def settle(metadata: RecordMetadata | None, error: BaseException | None) -> None:
            if metadata is None:
                error = error or ProducerSendError("not written")
                self.app.sensors.on_send_error(self, error, state)
                if not fut.done():
                    fut.set_exception(error)
                    fut.exception()  # the producer crashes; nobody needs to hear of each record
                return
            self.app.sensors.on_send_completed(self, state, metadata)
            if not fut.done():
                fut.set_result(metadata)
            if message.callback:
                message.callback(fut)

        number = self._number(target, key, message.partition)
        self._take(target, number, key, value, message.timestamp, message.headers, settle)

    async def flush(self) -> None:
        """Return when everything taken so far is durable.

        After a failed transaction there is nothing to wait for: every sender was told, commits
        are refused, and the app must be able to stop.
        """
        if self._open and self.broker.writer.failed is None:
            await self.buffer.flush()

    def _take(
        self,
        topic: Topic,
        number: int,
        key: bytes | None,
        value: bytes | None,
        timestamp: float | None,
        headers: Any,
        settle: Callable[[RecordMetadata | None, BaseException | None], None],
    ) -> None:
        at = timestamp or self.broker.clock()
        record = NewRecord(topic.parts[number], int(at * 1000), key, value, _headers(headers))
        if record.size > self.max_request_size:
            raise ProducerSendError(
                f"{topic.name}: {record.size} bytes are more than producer_max_request_size"
                f" ({self.max_request_size})"
            )
        tp = TP(topic.name, number)

        def written(offset: int | None, error: BaseException | None) -> None:
            if offset is None:
                settle(None, error)
            else:
                settle(RecordMetadata(tp[0], tp[1], tp, offset, at, _CREATE_TIME), None)

        self.broker.writer.append(record, written)

    def _pause_seconds(self, lag: int) -> float:
        """Return seconds to wait: nothing up to the limit, the most at twice the limit."""
        settings = self.broker.settings
        if lag <= settings.lag_limit:
            return 0.0
        share = min(1.0, (lag - settings.lag_limit) / settings.lag_limit)
        return share * settings.lag_pause_ms / 1000

    def _crash_soon(self, error: BaseException) -> None:
        self.add_future(self.crash(error))

    # -- partitions and topics

    def key_partition(self, topic: str, key: bytes | None) -> TP:
        """Return where a key goes; the same partition as on Kafka with as many partitions."""
        target = self.broker.log.topics.get(topic)
        if target is None:
            raise ProducerSendError(f"{topic}: not declared")
        return TP(topic, self._number(target, key, None))

    def _number(self, topic: Topic, key: bytes | None, partition: int | None) -> int:
        count = len(topic.parts)
        if partition is not None:
            if not 0 <= partition < count:
                raise ProducerSendError(f"{topic.name}: partition {partition} of {count}")
            return partition
        if self.partitioner is not None:
            numbers = list(range(count))
            chosen: int = self.partitioner(key, numbers, numbers)
            return chosen
        if count == 1:
            return 0
        if key is None:
            return self._random.randrange(count)
        hashed: int = self._partition_of_key(key)
        return (hashed & 0x7FFFFFFF) % count

    async def create_topic(
        self,
        topic: str,
        partitions: int,
        replication: int,
        *,
        config: Mapping[str, Any] | None = None,
        retention: Seconds | None = None,
        compacting: bool | None = None,
        deleting: bool | None = None,
        **_: Any,
    ) -> None:
        """Declare a topic; Kafka's retention.ms, retention.bytes and cleanup.policy are obeyed."""
        rules = topic_rules(
            None if retention is None else want_seconds(retention),
            compacting=bool(compacting),
            deleting=bool(deleting),
            config=config or {},
        )
        await self.broker.declare(topic, partitions, rules)

    def _partitions_wanted(self, topic: str) -> int:
        """Return what a stream that reads the topic says, or the app's default."""
        known: Iterable[Any] = self.app.topics
        named = (each.partitions for each in known if topic in each.topics and each.partitions)
        return int(next(named, self.app.conf.topic_partitions))

    def supports_headers(self) -> bool:
        return True


def _settle(
    sent: asyncio.Future[RecordMetadata],
    metadata: RecordMetadata | None,
    error: BaseException | None,
) -> None:
    if sent.done():  # the sender was cancelled; the record is in the log all the same
        return
    if metadata is None:
        sent.set_exception(error or ProducerSendError("not written"))
    else:
        sent.set_result(metadata)


def _headers(headers: Any) -> Headers:
    if not headers:
        return ()
    pairs: Iterable[tuple[str, bytes]] = (
        headers.items() if isinstance(headers, Mapping) else headers
    )
    return tuple((name, bytes(value)) for name, value in pairs)
