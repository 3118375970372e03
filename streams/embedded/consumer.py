"""The reading side: assignment, positions, committed offsets; Faust's Consumer over the log."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from faust.exceptions import ImproperlyConfigured
from faust.types import TP
from faust.types.tuples import ack_lock

from streams.embedded.broker import Broker
from streams.embedded.delivery import REBALANCE_POLL_SECONDS, Cursor, Delivery
from streams.embedded.ledger import Ledger
from streams.embedded.rebalance import assign


class Consumer(Delivery):
    """Reads the log for the one worker that owns it."""

    def __init__(self, *args: Any, broker: Broker, **kwargs: Any) -> None:
        super().__init__(*args, broker=broker, **kwargs)
        self._assigned: set[TP] = set()
        self._subscription: frozenset[str] = frozenset()
        self._rebalancing = asyncio.Lock()
        self._open = False
        self._frozen = False

    # -- life

    async def on_start(self) -> None:
        await super().on_start()
        await self.broker.acquire()
        self._open = True
        self._frozen = False
        self._stop_listening = self.broker.listen(self._appended)

    async def on_stop(self) -> None:
        if not self._open:
            return
        try:
            await super().on_stop()
        finally:
            self._open = False
            self.wake.set()
            self._stop_listening()
            self.broker.forget_readers()
            await self.broker.release()

    def _appended(self, parts: set[int]) -> None:
        self.wake.set()

    # -- assignment

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Take the new subscription and rebalance in the background.

        In the background, because the callbacks wait until this method has returned.
        Raises:  ImproperlyConfigured in a client: only the worker that owns the file reads it.
        """
        if self.app.client_only:
            raise ImproperlyConfigured("a sqlite:// log is read by its worker only, not by clients")
        self._subscription = frozenset(topics)
        for topic in list(self.app.topics):
            if _says_how_it_is_kept(topic):
                await topic.maybe_declare()  # also brings the rules of an old log up to date
        for name in sorted(self._subscription):
            await self.broker.topic(name, self.app.conf.topic_partitions)
        self.add_future(self._rebalance())

    async def _rebalance(self) -> None:
        """Tell the app in Kafka's order: start, revoked, new generation, assigned.

        The next one starts when the app has digested the last: Faust's recovery, interrupted by
        another rebalance, would empty streams that are in flow already.
        """
        async with self._rebalancing:
            app: Any = self.app
            while app.rebalancing and not self.should_stop:
                await self.sleep(REBALANCE_POLL_SECONDS)
            app.on_rebalance_start()
            await self.on_partitions_revoked(set(self._assigned))
            partitions = {name: len(t.parts) for name, t in self.broker.log.topics.items()}
            self._assigned = assign(app.assignor, self._subscription, partitions)
            self.generation += 1
            app.consumer_generation_id = self.generation
            self._rewind(self._assigned)
            await self.on_partitions_assigned(set(self._assigned), self.generation)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is done before its books are closed, so that it is not repeated."""
        self._settle()  # Faust throws its notes away first
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self.ledgers.pop(tp, None)
            self.cursors.pop(tp, None)
        self.broker.forget_readers()

    def _rewind(self, tps: Iterable[TP]) -> dict[TP, int | None]:
        """Go to the committed positions, or where `consumer_auto_offset_reset` says."""
        committed = self.broker.log.committed(self.app.conf.id)
        found: dict[TP, int | None] = {}
        for tp in tps:
            part = self._part(tp)
            found[tp] = position = committed.get(part)
            if position is None:
                latest = str(self.app.conf.consumer_auto_offset_reset) == "latest"
                position = self.broker.log.end(part) if latest else self.broker.log.start(part)
            self._move(tp, position)
        return found

    def _move(self, tp: TP, offset: int) -> None:
        cursor = self.cursors.get(tp)
        if cursor is None:
            self.cursors[tp] = Cursor(self._part(tp), offset)
        else:
            cursor.seek(offset)
        self._settle()
        self.ledgers[tp] = Ledger(offset)
        if self.app.topics.acks_enabled_for(tp.topic):
            self.broker.note_reader({self._part(tp): offset})
        self.wake.set()

    def _part(self, tp: TP) -> int:
        return self.broker.log.topics[tp.topic].parts[tp.partition]

    def assignment(self) -> set[TP]:
        return self._assigned

    # -- positions

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Rewind every stream partition; changelogs stay where recovery left them."""
        tps = {tp for tp in self._assigned if not self._is_changelog_tp(tp)}
        return self._rewind(tps)  # type: ignore[return-value]  # Faust reads None as "none yet"

    async def _seek(self, partition: TP, offset: int) -> None:
        self._move(partition, offset)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        for tp, offset in partitions.items():
            self._move(tp, offset)

    async def position(self, tp: TP) -> int | None:
        cursor = self.cursors.get(tp)
        return None if cursor is None else cursor.position

    def highwater(self, tp: TP) -> int:
        return self.broker.log.end(self._part(tp))

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        return {tp: self.highwater(tp) for tp in partitions}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return {tp: self.broker.log.start(self._part(tp)) for tp in partitions}

    def topic_partitions(self, topic: str) -> int | None:
        known = self.broker.log.topics.get(topic)
        return None if known is None else len(known.parts)

    def key_partition(
        self, topic: str, key: bytes | None, partition: int | None = None
    ) -> int | None:
        if partition is not None or topic not in self.broker.log.topics:
            return partition
        return int(self.app.producer.key_partition(topic, key or b"").partition)

    # -- flow

    def stop_flow(self) -> None:
        """Stop delivering; at the app's end without `stream_wait_empty`, stop counting too.

        Faust cancels its processors then, and a cancelled event looks acknowledged.
        """
        super().stop_flow()
        self._settle()
        if self.app.should_stop and not self.app.conf.stream_wait_empty:
            self._frozen = True

    async def wait_empty(self) -> None:
        """Wait for the events in work; at the app's end no longer than `stop_grace_seconds`.

        Faust would wait for ever for a processor that is stuck. What it had in hand is not
        committed then and comes again.
        """
        if not self.app.should_stop:
            await super().wait_empty()
            return
        deadline = self.loop.time() + self.broker.settings.stop_grace_seconds
        while self._unacked_messages and not self.should_stop and self.loop.time() < deadline:
            await self.commit()
            await self._wait_for_ack(timeout=1)
            self._clean_unacked_messages()
        await self.commit_and_end_transactions()
        if self._unacked_messages and not self.should_stop:
            self.log.warning("Stopping with %d events unfinished", len(self._unacked_messages))
            self._frozen = True

    def resume_flow(self) -> None:
        """Deliver again, from what is done: Faust has just emptied the streams' buffers."""
        self._settle()
        for tp, ledger in list(self.ledgers.items()):
            if ledger.in_flight and not self._is_changelog_tp(tp):
                self._move(tp, ledger.position())
        super().resume_flow()
        self.wake.set()

    # -- acknowledging and committing

    def _settle(self) -> None:
        """Move what Faust noted as acknowledged into the ledgers.

        Faust's compiled stream iterator writes its notes into these two mappings itself, so
        overriding `ack` would miss them.
        """
        if self._frozen:
            return
        with ack_lock:
            for tp, offsets in self._acked.items():
                ledger = self.ledgers.get(tp)
                if ledger is not None:
                    for offset in offsets:
                        ledger.done(offset)
                self._acked_index[tp].difference_update(offsets)
                offsets.clear()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        self._settle()
        return (
            tp
            for tp, ledger in self.ledgers.items()
            if ledger.dirty and (topics is None or tp in topics or tp.topic in topics)
        )

    def _new_offset(self, tp: TP) -> int | None:
        return self.ledgers[tp].position()

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        await self.broker.writer.commit(
            self.app.conf.id, {self._part(tp): offset for tp, offset in offsets.items()}
        )
        return True

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def create_topic(
        self, topic: str, partitions: int, replication: int, **rules: Any
    ) -> None:
        await self.app.producer.create_topic(topic, partitions, replication, **rules)


def _says_how_it_is_kept(topic: Any) -> bool:
    rules = (topic.partitions, topic.retention, topic.compacting, topic.deleting, topic.config)
    return topic.pattern is None and any(rule for rule in rules)
