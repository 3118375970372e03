"""Unmodified Faust apps on the embedded broker: agents, tables, windows, timers, restarts."""

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from streams.embedded import LogInUse, inspect
from tests.streams.embedded.apps import PATIENCE, Collector, new_app, running, send_all


def counting_app(folder: Path, seen: Collector, **settings: Any) -> Any:
    """Two agents and a table: `source` is forwarded to `middle`, counted by key in `counts`."""
    app = new_app(folder, **settings)
    app.source = app.topic("source", key_type=str, value_type=int, partitions=2)
    middle = app.topic("middle", key_type=str, value_type=int, partitions=2)
    app.counts = app.Table("counts", default=int, partitions=2)

    async def forward(stream: Any) -> None:
        async for key, value in stream.items():
            await middle.send(key=key, value=value)

    async def count(stream: Any) -> None:
        async for key, value in stream.items():
            app.counts[key] += 1
            await seen.add(value)

    app.agent(app.source, name="forward")(forward)
    app.agent(middle, name="count")(count)
    return app


async def test_two_agents_and_a_table_and_a_restart(tmp_path: Path) -> None:
    pairs = [(f"k{number % 7}", number) for number in range(300)]
    seen = Collector()
    async with running(counting_app(tmp_path, seen)) as app:
        await send_all(app.source, pairs[:200])
        await seen.count(200)
        assert sorted(seen.items) == list(range(200))

    again = Collector()
    async with running(counting_app(tmp_path, again)) as app:
        assert dict(app.counts.items()) == {f"k{key}": len(range(key, 200, 7)) for key in range(7)}
        await send_all(app.source, pairs[200:])
        await again.count(100)
        assert sorted(again.items) == list(range(200, 300))
        assert sum(app.counts.values()) == 300
    lags = {(info.topic, info.partition): info.lag for info in inspect(tmp_path / "log.db")}
    assert lags["source", 0] == lags["middle", 1] == {"embedded-test": 0}


async def test_what_waited_in_the_log_is_read_at_the_start(tmp_path: Path) -> None:
    app = counting_app(tmp_path, Collector())
    await app.maybe_start_producer()
    await send_all(app.source, [("k", number) for number in range(50)])
    await app.producer.stop()
    seen = Collector()
    async with running(counting_app(tmp_path, seen)):
        assert sorted(await seen.count(50)) == list(range(50))


async def test_a_table_survives_compaction_of_its_changelog(tmp_path: Path) -> None:
    seen = Collector()
    async with running(counting_app(tmp_path, seen)) as app:
        await send_all(app.source, [(f"k{number % 3}", number) for number in range(300)])
        await seen.count(300)
        await app.producer.flush()
        assert await app.producer.broker.maintain(thorough=True) >= 290
    async with running(counting_app(tmp_path, Collector())) as app:
        assert dict(app.counts.items()) == {"k0": 100, "k1": 100, "k2": 100}


async def test_rebalance_callbacks_come_in_kafkas_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = counting_app(tmp_path, Collector())
    steps: list[Any] = []
    started = app.on_rebalance_start

    def start() -> None:
        steps.append("start")
        started()

    monkeypatch.setattr(app, "on_rebalance_start", start)

    async def revoked(_: Any, tps: set[TP], **__: Any) -> None:
        steps.append(("revoked", tps, app.consumer_generation_id))

    again = asyncio.Event()

    async def assigned(_: Any, tps: set[TP], **__: Any) -> None:
        steps.append(("assigned", {tp.topic for tp in tps}, app.consumer_generation_id))
        if app.consumer_generation_id == 2:
            again.set()

    app.on_partitions_revoked.connect(revoked)
    app.on_partitions_assigned.connect(assigned)
    topics = {"source", "middle", "embedded-test-counts-changelog"}
    async with running(app):
        assert [step if step == "start" else step[0] for step in steps] == [
            "start",
            "revoked",
            "assigned",
        ]
        assert steps[1][1] == set()
        assert steps[2][1:] == (topics, 1)
        await app.consumer.subscribe(topics)
        async with asyncio.timeout(PATIENCE):
            await again.wait()
    assert steps[3] == "start"
    assert steps[4][0] == "revoked"
    assert len(steps[4][1]) == 6
    assert steps[5] == ("assigned", topics, 2)


async def test_a_rebalance_in_full_flow_loses_and_repeats_nothing(tmp_path: Path) -> None:
    seen = Collector()
    async with running(counting_app(tmp_path, seen)) as app:
        topics = {"source", "middle", "embedded-test-counts-changelog"}
        for part in range(4):
            pairs = [(f"k{number % 5}", number) for number in range(part * 200, part * 200 + 200)]
            await send_all(app.source, pairs)
            await app.consumer.subscribe(topics)
        await seen.until(lambda items: len(set(items)) == 800)
        assert sorted(seen.items) == list(range(800))
        assert app.consumer_generation_id > 1
        assert sum(app.counts.values()) == 800


async def test_a_topic_that_is_read_later_is_subscribed_to(tmp_path: Path) -> None:
    app = counting_app(tmp_path, Collector())
    late = app.topic("late", key_type=str, value_type=int)
    seen = Collector()

    async def read() -> None:
        async for value in late.stream():
            await seen.add(value)

    async with running(app):
        app.add_future(read())
        await send_all(late, [("a", 1), ("b", 2)])
        assert sorted(await seen.count(2)) == [1, 2]


async def test_windows_take_group_by_and_timers(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    words = app.topic("words", key_type=str, value_type=str, partitions=2)
    by_letter = app.Table("by-letter", default=int, partitions=2)
    hopping = app.Table("hopping", default=int, partitions=2).tumbling(60.0, expires=600.0)
    counted, taken, ticks = Collector(), Collector(), Collector()

    async def count(stream: Any) -> None:
        async for word in stream.group_by(lambda value: value[0], name="letter"):
            by_letter[word[0]] += 1
            hopping[word[0]] += 1
            await counted.add((word, hopping[word[0]].current()))

    async def batches(stream: Any) -> None:
        async for batch in stream.take(4, within=0.1):
            await taken.add(list(batch))

    async def tick() -> None:
        await ticks.add(None)

    app.agent(words, name="count")(count)
    app.agent(words, name="batches")(batches)
    app.timer(interval=0.05)(tick)
    async with running(app):
        await send_all(
            words, [(str(number), word) for number, word in enumerate(["ab", "ac", "b"])]
        )
        await counted.count(3)
        assert dict(by_letter.items()) == {"a": 2, "b": 1}
        assert max(count for _, count in counted.items) == 2
        await taken.until(lambda batches: sum(map(len, batches)) == 3)
        await ticks.count(2)


async def test_embedding_leaves_the_process_alone_and_stops_quickly(tmp_path: Path) -> None:
    before = (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
    streams, level = (sys.stdout, sys.stderr), logging.getLogger().level
    seen = Collector()
    async with running(counting_app(tmp_path, seen)) as app:
        await send_all(app.source, [("k", 1)])
        await seen.count(1)
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        assert (sys.stdout, sys.stderr) == streams
        assert logging.getLogger().level == level
        assert not app.web.started
        async with asyncio.timeout(3):
            await app.stop()
    left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task() and not t.done()]
    assert left == []


async def test_stopping_while_starting_ends_both_and_frees_the_file(tmp_path: Path) -> None:
    app = counting_app(tmp_path, Collector())
    began = asyncio.Event()
    subscribe = app.consumer.subscribe

    async def noted(topics: Any) -> None:
        await subscribe(topics)
        began.set()

    app.consumer.subscribe = noted
    starting = asyncio.create_task(app.start())
    async with asyncio.timeout(PATIENCE):
        await began.wait()
        await app.stop()
        await asyncio.gather(starting, return_exceptions=True)
    seen = Collector()
    async with running(counting_app(tmp_path, seen)) as again:
        await send_all(again.source, [("k", 1)])
        assert await seen.count(1) == [1]


async def test_a_topics_rules_follow_the_code(tmp_path: Path) -> None:
    for retention in (60.0, 90.0):
        app = new_app(tmp_path)
        topic = app.topic("t", value_type=int, retention=retention, deleting=True, partitions=1)

        async def work(stream: Any) -> None:
            async for _ in stream:
                pass

        app.agent(topic, name="work")(work)
        async with running(app):
            stored = app.producer.broker.log.topics["t"]
            assert (stored.rules.retention_ms, len(stored.parts)) == (retention * 1000, 1)


async def test_a_second_worker_on_the_file_fails_at_once(tmp_path: Path) -> None:
    async with running(counting_app(tmp_path, Collector())):
        other = counting_app(tmp_path, Collector())
        with pytest.raises(LogInUse, match="One worker owns an embedded log"):
            await other.start()
        await other.stop()


async def test_acknowledged_offsets_are_committed_and_an_unfinished_one_is_not(
    tmp_path: Path,
) -> None:
    app = new_app(tmp_path, stream_wait_empty=False)
    topic = app.topic("one", value_type=int, partitions=1)
    seen, stuck = Collector(), asyncio.Event()

    async def work(stream: Any) -> None:
        async for value in stream:
            await seen.add(value)
            if value == 6:
                await stuck.wait()

    app.agent(topic, name="work", concurrency=1)(work)
    async with running(app):
        await send_all(topic, [("k", number) for number in range(10)])
        await seen.count(7)
        assert await app.consumer.commit()
        (info,) = [info for info in inspect(tmp_path / "log.db") if info.topic == "one"]
        assert info.lag == {"embedded-test": 4}

    app = new_app(tmp_path)
    topic = app.topic("one", value_type=int, partitions=1)
    seen = Collector()

    async def finish(stream: Any) -> None:
        async for value in stream:
            await seen.add(value)

    app.agent(topic, name="work", concurrency=1)(finish)
    async with running(app):
        assert await seen.count(4) == [6, 7, 8, 9]


async def test_a_stuck_processor_does_not_keep_the_worker_from_stopping(tmp_path: Path) -> None:
    app = new_app(tmp_path, query="stop_grace_seconds=0.1")
    topic = app.topic("one", value_type=int, partitions=1)
    seen, stuck = Collector(), asyncio.Event()

    async def work(stream: Any) -> None:
        async for value in stream:
            await seen.add(value)
            if value == 2:
                await stuck.wait()

    app.agent(topic, name="work")(work)
    async with running(app):
        await send_all(topic, [("k", number) for number in range(4)])
        await seen.count(3)
        async with asyncio.timeout(5):
            await app.stop()
    (info,) = [info for info in inspect(tmp_path / "log.db") if info.topic == "one"]
    assert info.lag == {"embedded-test": 2}


async def test_with_concurrency_an_unfinished_event_still_holds_the_position(
    tmp_path: Path,
) -> None:
    app = new_app(tmp_path, stream_wait_empty=False)
    topic = app.topic("one", value_type=int, partitions=1)
    seen, stuck = Collector(), asyncio.Event()

    async def work(stream: Any) -> None:
        async for value in stream:
            if value == 0:
                await stuck.wait()
            await seen.add(value)

    app.agent(topic, name="work", concurrency=4)(work)
    async with running(app):
        await send_all(topic, [("k", number) for number in range(40)])
        await seen.until(lambda items: len(items) >= 20)
        await app.consumer.commit()
        (info,) = [info for info in inspect(tmp_path / "log.db") if info.topic == "one"]
        assert info.lag in ({}, {"embedded-test": 40})
