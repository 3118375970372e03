"""Group commit: futures after durability, bounded memory, and what happens when the disk fails."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from faust.exceptions import ProducerSendError
from structlog.testing import capture_logs

from streams.embedded import writer
from streams.embedded.log import Log
from streams.embedded.records import NewRecord, Offsets, TopicRules
from streams.embedded.settings import BrokerSettings
from streams.embedded.writer import GroupWriter
from tests.streams.embedded.apps import PATIENCE, Collector, new_app, running, send_all


class WatchedLog(Log):
    """A real log whose writing can be held up and made to fail."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.groups: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.hold_after: int | None = None  # so many groups
        self.failure: Exception | None = None

    def pages(self, most: int) -> None:
        """So many the file may have: no room for one more, or room again."""
        self._writer.execute(f"PRAGMA max_page_count={most}")

    def append(self, records: Sequence[NewRecord], offsets: Offsets | None = None) -> list[int]:
        assert self.gate.wait(PATIENCE)
        if self.failure is not None:
            raise self.failure
        self.groups.append(len(records))
        if len(self.groups) == self.hold_after:
            self.gate.clear()
        return super().append(records, offsets)


class Desk:
    """A writer on a watched log, and what it reported."""

    def __init__(self, log: WatchedLog, settings: BrokerSettings) -> None:
        self.log = log
        (self.part,) = log.declare("t", 1, TopicRules()).parts
        self.written: list[set[int]] = []
        self.failures: list[BaseException] = []
        self.writer = GroupWriter(
            log, settings, on_written=self.written.append, on_failure=self.failures.append
        )

    def append(self, value: bytes = b"v") -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def tell(offset: int | None, error: BaseException | None) -> None:
            if offset is None:
                assert error is not None
                future.set_exception(error)
            else:
                future.set_result(offset)

        self.writer.append(NewRecord(self.part, 0, b"k", value), tell)
        return future


@asynccontextmanager
async def desk(folder: Path, **changes: Any) -> AsyncIterator[Desk]:
    log = WatchedLog(folder / "log.db")
    found = Desk(log, replace(BrokerSettings(folder / "log.db"), **changes))
    try:
        async with asyncio.timeout(PATIENCE):
            yield found
            await found.writer.close()
    finally:
        log.close()


async def test_sends_made_together_share_a_transaction(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        offsets = await asyncio.gather(*(made.append() for _ in range(100)))
        assert offsets == list(range(100))
        assert made.log.groups == [100]
        assert made.written == [{made.part}]


async def test_a_future_is_not_done_before_its_transaction(tmp_path: Path) -> None:
    async with desk(tmp_path, linger_ms=0) as made:
        made.log.gate.clear()
        sent = made.append()
        flushed = asyncio.create_task(made.writer.flush())
        both: set[asyncio.Future[Any]] = {sent, flushed}
        done, _ = await asyncio.wait(both, timeout=0.05)
        assert not done
        assert made.log.end(made.part) == 0
        made.log.gate.set()
        assert await sent == 0
        await flushed
        assert made.log.end(made.part) == 1


async def test_the_next_group_gathers_while_one_is_written(tmp_path: Path) -> None:
    async with desk(tmp_path, linger_ms=0) as made:
        made.log.gate.clear()
        first = made.append()
        await asyncio.wait([first], timeout=0.02)
        rest = [made.append() for _ in range(50)]
        made.log.gate.set()
        await asyncio.gather(first, *rest)
        assert made.log.groups == [1, 50]


async def test_a_flush_does_not_wait_for_what_came_later(tmp_path: Path) -> None:
    async with desk(tmp_path, linger_ms=0) as made:
        made.log.gate.clear()
        first = made.append()
        await asyncio.wait([first], timeout=0.02)
        flushed = asyncio.create_task(made.writer.flush())
        await asyncio.wait([flushed], timeout=0.02)
        later = made.append()
        made.log.hold_after = 1
        made.log.gate.set()
        await flushed
        assert first.done()
        assert not later.done()
        made.log.gate.set()
        assert await later == 1


async def test_a_large_group_is_cut_and_its_positions_come_last(tmp_path: Path) -> None:
    async with desk(tmp_path, group_records=10) as made:
        sent = [made.append() for _ in range(25)]
        await made.writer.commit("g", {made.part: 25})
        assert all(future.done() for future in sent)
        assert made.log.groups == [10, 10, 5]
        assert made.log.committed("g") == {made.part: 25}


async def test_a_sender_waits_while_too_much_is_pending(tmp_path: Path) -> None:
    async with desk(tmp_path, pending_records=5) as made:
        made.log.gate.clear()
        sent = [made.append() for _ in range(5)]
        waiting = asyncio.create_task(made.writer.room())
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        made.log.gate.set()
        await waiting
        await asyncio.gather(*sent)
        assert made.writer.pending_records == 0


async def test_bytes_pending_count_too(tmp_path: Path) -> None:
    async with desk(tmp_path, pending_bytes=100) as made:
        sent = made.append(b"x" * 100)
        assert made.writer.full
        await sent
        assert not made.writer.full


async def test_when_the_disk_fails_every_sender_hears_of_it_and_nothing_follows(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as made:
        assert await made.append() == 0
        made.log.failure = sqlite3.OperationalError("database or disk is full")
        sent = [made.append() for _ in range(3)]
        results = await asyncio.gather(*sent, return_exceptions=True)
        assert [type(result) for result in results] == [ProducerSendError] * 3
        assert "disk is full" in str(results[0])
        made.log.failure = None
        with pytest.raises(ProducerSendError):
            await made.append()
        with pytest.raises(ProducerSendError):
            await made.writer.flush()
        assert len(made.failures) == 1
        assert made.log.end(made.part) == 1


async def test_on_a_full_disk_records_wait_for_room_and_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FULL_SECONDS", 0.001)
    async with desk(tmp_path) as made:
        assert await made.append() == 0
        made.log.pages(1)
        waiting = [asyncio.ensure_future(made.append(b"x" * 10_000)) for _ in range(3)]
        with capture_logs() as said:
            while not said:  # until it has met the end of the disk
                await asyncio.wait(waiting, timeout=0.01)
            assert not any(one.done() for one in waiting)
            made.log.pages(1 << 30)
            assert await asyncio.gather(*waiting) == [1, 2, 3]
        assert [one["error"] for one in said] == ["SQLITE_FULL"]  # once, not at each try
        assert made.failures == []
        await made.writer.flush()


async def test_a_failed_disk_crashes_the_app_and_commits_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = new_app(tmp_path, stream_wait_empty=False)
    topic = app.topic("t", key_type=str, value_type=int, partitions=1)
    table = app.Table("seen", default=int, partitions=1)
    seen = Collector()

    async def work(stream: Any) -> None:
        async for key, value in stream.items():
            table[key] += 1
            await seen.add(value)

    app.agent(topic, name="work")(work)
    async with running(app):
        log = app.producer.broker.log
        await send_all(topic, [("k", 1)])
        await seen.count(1)
        await app.consumer.commit()

        def fail(*_: Any) -> list[int]:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(log, "append", fail)
        sent = await app.producer.send("t", b"k", b"2", None, None, None)
        with pytest.raises(ProducerSendError):
            await sent
        async with asyncio.timeout(PATIENCE):
            await app.wait_until_stopped()
        assert app.crashed
