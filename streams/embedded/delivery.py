"""Fetching from the log and handing records to the streams; the hot path of the consumer.

Faust's own loop makes two tasks a record, to be able to stop waiting when the flow is suspended.
Here a record whose streams have room is handed over directly; only a full stream is waited for
in the slow way.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from faust.transport import consumer as base
from faust.types import TP, ConsumerMessage

from streams.embedded.broker import Broker
from streams.embedded.ledger import Ledger
from streams.embedded.records import Record

REBALANCE_POLL_SECONDS = 0.01  # Faust has no event for the end of a rebalance
_TURN = 32  # records of one partition before it is the next one's turn
_BREATH = 96  # records before everybody else on the loop has a turn
_CREATE_TIME = 0  # Kafka's timestamp type: the sender's clock


@dataclass
class Cursor:
    """Where reading one partition stands: the next offset to deliver, and records fetched ahead."""

    part: int
    position: int
    ready: deque[Record] = field(default_factory=deque)

    def seek(self, offset: int) -> None:
        self.position = offset
        self.ready.clear()


class Delivery(base.Consumer):
    """The part of the consumer that moves records; it sleeps until something wakes it."""

    def __init__(self, *args: Any, broker: Broker, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.broker = broker
        self.generation = 0
        self.wake = asyncio.Event()
        self.cursors: dict[TP, Cursor] = {}
        self.ledgers: dict[TP, Ledger] = {}

    # -- what wakes it, apart from new records

    def close(self) -> None:
        self.wake.set()

    def resume_flow(self) -> None:
        super().resume_flow()
        self.wake.set()

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        super().resume_partitions(tps)
        self.wake.set()

    def on_buffer_drop(self, tp: TP) -> None:
        super().on_buffer_drop(tp)
        self.wake.set()

    # -- fetching

    def fetched(self) -> list[tuple[TP, Cursor]]:
        """Fetch for every active partition that has nothing left; return those with records.

        During a rebalance only changelogs are read: Faust empties the streams at its end.
        """
        log, settings = self.broker.log, self.broker.settings
        rebalancing = self.app.rebalancing
        found = []
        for tp in self._get_active_partitions():
            cursor = self.cursors.get(tp)
            if cursor is None or (rebalancing and not self._is_changelog_tp(tp)):
                continue
            if not cursor.ready and cursor.position < log.end(cursor.part):
                cursor.ready.extend(
                    log.fetch(
                        cursor.part,
                        cursor.position,
                        settings.fetch_records,
                        settings.fetch_bytes,
                    )
                )
            if cursor.ready:
                found.append((tp, cursor))
        return found

    async def _getmany(self, *args: Any, **kwargs: Any) -> Any:
        """Not used: `_drain_messages` is replaced, because records are waited for by event."""
        raise NotImplementedError

    def _to_message(self, tp: TP, record: Record) -> ConsumerMessage:
        return ConsumerMessage(
            tp[0],
            tp[1],
            record.offset,
            record.at_ms / 1000,
            _CREATE_TIME,
            list(record.headers),
            record.key,
            record.value,
            None,
            tp=tp,
            generation_id=self.generation,
        )

    # -- delivering

    async def _drain_messages(self, fetcher: Any) -> None:
        """Deliver records until the consumer or the fetcher stops; sleep when there are none."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.can_resume_flow.wait()
                    continue
                self.wake.clear()
                found = self.fetched()
                if found:
                    await self._deliver(found)
                elif self.app.rebalancing:
                    await self.sleep(REBALANCE_POLL_SECONDS)
                else:
                    await self.wake.wait()
        except asyncio.CancelledError:
            if not (self.app.should_stop or fetcher.should_stop):
                raise
        except Exception:
            self.log.exception("Delivering records failed")
            raise

    async def _deliver(self, found: list[tuple[TP, Cursor]]) -> None:
        """Deliver a turn of each partition in rotation until all are empty or something changed."""
        since_breath = 0
        for tp, cursor in found:
            self.app.monitor.track_tp_end_offset(tp, self.broker.log.end(cursor.part))
        while found:
            left = []
            for tp, cursor in found:
                if not await self._take_turn(tp, cursor):
                    return
                since_breath += _TURN
                if since_breath >= _BREATH:
                    since_breath = 0
                    await asyncio.sleep(0)
                if cursor.ready and tp in self._active_partitions:
                    left.append((tp, cursor))
            found = left

    async def _take_turn(self, tp: TP, cursor: Cursor) -> bool:
        """Deliver some records of one partition; False if the flow stopped or a rebalance came."""
        conductor: Any = self.app.topics
        acks = conductor.acks_enabled_for(tp.topic)
        every = self._commit_every
        ready = cursor.ready
        for _ in range(min(_TURN, len(ready))):
            # a rebalance makes new cursors
            if not self.flow_active or self.should_stop or self.cursors.get(tp) is not cursor:
                return False
            # a seek emptied it while we waited below; or its stream is nearly full, and to go on
            # until it is full would hold up every other partition
            if not ready or tp not in self._active_partitions:
                break
            record = ready.popleft()
            cursor.position = record.offset + 1
            message = self._to_message(tp, record)
            ledger = self.ledgers.get(tp) if acks else None  # a seek makes a new one
            if ledger is not None:
                ledger.hand_out(record.offset)
            if conductor.has_room(tp):  # nothing in the callback waits then
                await self.callback(message)
            else:
                await self.wait_first(self.callback(message), self.suspend_flow.wait())
            if ledger is not None:
                if not message.refcount and not message.acked:
                    ledger.done(record.offset)  # no stream wants it
                if every is not None and self._n_acked >= every:
                    self._n_acked = 0
                    await self.commit()
        if acks:
            self.broker.note_reader({cursor.part: cursor.position})
        return True
