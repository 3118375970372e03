"""Backpressure: a slow processor bounds what is read, a lagging one slows its senders."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from faust.exceptions import ProducerSendError
from faust.types import TP

from streams.embedded.records import TopicRules, topic_rules
from tests.streams.embedded.apps import Collector, new_app, running, send_all


async def test_a_stuck_processor_bounds_what_is_held_in_memory(tmp_path: Path) -> None:
    app = new_app(
        tmp_path, query="fetch_records=50", stream_buffer_maxsize=100, stream_wait_empty=False
    )
    slow = app.topic("slow", value_type=int, partitions=1)
    quick = app.topic("quick", value_type=int, partitions=1)
    stuck, slow_seen, quick_seen = asyncio.Event(), Collector(), Collector()

    async def work(stream: Any) -> None:
        async for value in stream:
            await stuck.wait()
            await slow_seen.add(value)

    async def pass_by(stream: Any) -> None:
        async for value in stream:
            await quick_seen.add(value)

    app.agent(slow, name="work")(work)
    app.agent(quick, name="pass-by")(pass_by)
    async with running(app):
        await send_all(slow, [("k", number) for number in range(3_000)])
        await send_all(quick, [("k", number) for number in range(1_000)])
        await quick_seen.count(1_000)  # the others are not held up
        assert await app.consumer.position(TP("slow", 0)) <= 150
        held = sum(len(cursor.ready) for _, cursor in app.consumer.fetched())
        assert held <= 50
        stuck.set()
        assert await slow_seen.count(3_000) == list(range(3_000))


async def test_a_sender_is_slowed_by_a_lagging_reader_and_by_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = new_app(tmp_path, query="lag_limit=100&lag_pause_ms=8", stream_buffer_maxsize=10)
    topic = app.topic("t", value_type=int, partitions=1)
    unread = app.topic("unread", value_type=int, partitions=1)
    stuck, seen = asyncio.Event(), Collector()

    async def work(stream: Any) -> None:
        async for value in stream:
            await stuck.wait()
            await seen.add(value)

    app.agent(topic, name="work")(work)
    pauses: list[float] = []

    async def paused(seconds: float) -> None:
        pauses.append(seconds)

    async with running(app):
        await unread.maybe_declare()
        monkeypatch.setattr("streams.embedded.producer.pause", paused)
        await send_all(unread, [("k", number) for number in range(1_000)])
        await send_all(topic, [("k", number) for number in range(90)])
        assert pauses == []
        for start in range(90, 390, 30):
            await send_all(topic, [("k", number) for number in range(start, start + 30)])
        assert pauses == sorted(pauses)
        assert max(pauses) == 0.008
        stuck.set()
        assert await seen.count(390) == list(range(390))
        pauses.clear()
        await send_all(topic, [("k", 390)])
        assert pauses == []


async def test_a_record_too_large_is_refused(tmp_path: Path) -> None:
    app = new_app(tmp_path, producer_max_request_size=1_000)
    topic = app.topic("t", value_type=bytes, value_serializer="raw", partitions=1)
    await app.maybe_start_producer()
    with pytest.raises(ProducerSendError, match="producer_max_request_size"):
        await topic.send(value=b"x" * 1_001)
    (metadata,) = await send_all(topic, [("k", b"x" * 900)])
    assert metadata.offset == 0
    await app.producer.stop()


async def test_keys_go_where_kafka_would_send_them(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    await app.maybe_start_producer()
    await app.producer.create_topic("t", 6, 1)
    # murmur2 of the key, positive, modulo 6, as Kafka's own clients compute it
    expected = {b"foo": 2, b"kafka": 0, b"": 1}
    actual = {key: app.producer.key_partition("t", key).partition for key in expected}
    await app.producer.stop()
    from aiokafka.partitioner import DefaultPartitioner  # noqa: PLC0415  # the reference

    numbers = list(range(6))
    assert actual == {key: DefaultPartitioner()(key, numbers, numbers) for key in expected}


def test_kafkas_topic_settings_are_understood() -> None:
    assert topic_rules(60.0, compacting=False, deleting=True, config={}) == TopicRules(
        deleting=True, retention_ms=60_000
    )
    rules = topic_rules(
        60.0,
        compacting=False,
        deleting=False,
        config={"cleanup.policy": "compact,delete", "retention.ms": "5", "retention.bytes": "7"},
    )
    assert rules == TopicRules(True, True, 5, 7)
    for_ever = topic_rules(None, compacting=False, deleting=False, config={"retention.ms": -1})
    assert for_ever.retention_ms is not None
    assert for_ever.retention_ms > 10**15
