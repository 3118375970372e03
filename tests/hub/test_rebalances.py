"""Workers come, go and die while tickets change: the order of each ticket stays, and nothing is
skipped: not on the topic of events, not at the peers, not in the clocks."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from hub.assembly import Hub
from hub.demo.api_client import ApiClient
from hub.demo.cast import create_cast
from hub.demo.city import City
from hub.demo.day import CLOCKS, DELIVERIES, STREAMS, DemoSettings
from hub.demo.fleet import Fleet, running_fleet
from hub.demo.life import CityLife
from hub.demo.people import People
from hub.demo.settlement import Held, compare, read_store
from hub.demo.town import Town
from hub.demo.traffic import Traffic
from hub.process_name import ProcessName
from hub.stored import utc_now
from schemas.clocks import Clock
from schemas.events import Recorded
from schemas.winding import rebuild
from streams.kafka.access import KafkaAccess
from streams.topics import EVENTS, PARTITIONS
from tests.hub.test_kafka import BROKER
from tests.postgresql import own_database

STEPS, TICKETS_A_STEP, PACE_SECONDS = 6, 12, 0.05
SETTLED_WITHIN = 240.0
STALLED_SECONDS = 30.0  # after which a worker that stands still ends itself
POLL_SECONDS = 0.3


@asynccontextmanager
async def listening() -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of all partitions of the events, from now on, in no group."""
    consumer = AIOKafkaConsumer(**KafkaAccess.of(BROKER).client(), enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(EVENTS.name, number) for number in range(PARTITIONS)]
        consumer.assign(parts)
        for part, offset in (await consumer.end_offsets(parts)).items():
            consumer.seek(part, offset)
        yield consumer
    finally:
        await consumer.stop()


async def read_to_the_end(consumer: AIOKafkaConsumer) -> dict[int, list[int]]:
    """Ticket -> sequences of its records in the order of the topic, repeats too."""
    parts = list(consumer.assignment())
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(parts)
    told: dict[int, list[int]] = {}
    while any([await consumer.position(part) < ends[part] for part in parts]):
        for records in (await consumer.getmany(timeout_ms=500)).values():
            for record in records:
                event = Recorded.model_validate_json(record.value)
                told.setdefault(event.ticket_id, []).append(event.sequence)
    return told


async def disturb(fleet: Fleet, traffic: Traffic) -> list[str]:
    """Tickets come without a pause, while workers join, leave and are killed."""
    first, second = fleet.workers
    done: list[str] = []

    async def step(what: str) -> None:
        done.append(what)
        await traffic.send(TICKETS_A_STEP, PACE_SECONDS)

    await step("both")
    await second.stop()
    await step("second left")
    async with asyncio.TaskGroup() as group:  # it joins while tickets come
        group.create_task(_started(second))
        await step("second joined")
    first.kill()
    await step("first killed")
    async with asyncio.TaskGroup() as group:
        group.create_task(_started(first))
        await step("first joined")
    await (await _leader(fleet)).stop()
    await step("leader left")
    return done


async def _started(process: Any) -> None:
    await process.start()


async def _leader(fleet: Fleet) -> Any:
    held = await fleet.hub.store.leases.find("worker")
    name = ProcessName.read(held.holder) if held else None
    return next(one for one in fleet.workers if name and one.pid == name.pid)


@asynccontextmanager
async def city(folder: Path, url: str) -> AsyncIterator[tuple[Town, Fleet, CityLife, ApiClient]]:
    async with AsyncExitStack() as stack:
        suffix = f"-{secrets.token_hex(3)}"
        town = await stack.enter_async_context(
            Town(folder, seed=5, plan="some", now=utc_now, suffix=suffix)
        )
        given: dict[str, Any] = {
            "home": folder / "home",
            "log_level": "warning",
            "clocks": CLOCKS,
            "streams": STREAMS | {"stalled_seconds": STALLED_SECONDS},
            "deliveries": DELIVERIES,
            "peers": town.entries(POLL_SECONDS),
            "broker_url": BROKER,
            "database_url": url,
        }
        fleet = await stack.enter_async_context(running_fleet(DemoSettings(**given), given, 2, 1))
        hub = fleet.hub
        cast = await create_cast(
            hub.store.people, [one.code for one in hub.catalogue.departments()]
        )
        api = ApiClient(fleet.url)
        stack.push_async_callback(api.close)
        traffic = Traffic(town, City(5, ()), random.Random("traffic:5"), utc_now)  # noqa: S311 - must repeat
        people = People(api, cast, 5, sensible=False)
        life = CityLife(town, traffic, people, hub.store, fleet.url, utc_now)
        yield town, fleet, life, api


async def _assert_clocks_follow(hub: Hub, held: Held) -> None:
    """They are as the whole history winds them, event by event."""
    assert await hub.store.clocks.behind(utc_now() + timedelta(days=1), 10) == []
    wound = await hub.store.clocks.of(list(held.tickets))
    policy = hub.clock_policy()
    for ticket_id, history in held.histories.items():
        sheet = rebuild(history, policy)
        expected = sheet.clocks if sheet else ()
        # those that one event starts have no order among themselves
        assert _by_id(wound[ticket_id]) == _by_id(expected)


def _by_id(clocks: Iterable[Clock]) -> dict[str, Clock]:
    return {clock.clock_id: clock for clock in clocks}


@pytest.mark.kafka
@pytest.mark.postgresql
@pytest.mark.slow
async def test_order_is_kept_while_workers_join_leave_and_die(tmp_path: Path) -> None:
    async with (
        own_database("rebalances") as url,
        city(tmp_path, url) as (town, fleet, life, api),
        listening() as consumer,
    ):
        steps: list[str] = []
        supervisors: list[asyncio.Task[None]] = []

        async def disturbed() -> None:
            steps.extend(await disturb(fleet, life.traffic))
            # a worker that stands still after a rebalance ends itself, and is started again
            supervisors.append(asyncio.create_task(fleet.keep_up()))

        left = await life.play(disturbed(), SETTLED_WITHIN)
        for supervisor in supervisors:
            supervisor.cancel()
        assert left == []
        held = await read_store(fleet.hub.store, town.names)
        assert len(steps) == STEPS
        assert len(held.tickets) >= TICKETS_A_STEP * STEPS / 2  # some messages are garbage
        # the peers' own books: what arrived, in which order, how often
        assert list(compare(town.claims(), held, api.acknowledged).lines()) == []
        told = await read_to_the_end(consumer)
        for ticket_id, history in held.histories.items():
            # a crash may repeat records; each is first seen in its turn
            first_seen = list(dict.fromkeys(told[ticket_id]))
            assert first_seen == [event.sequence for event in history]
        await _assert_clocks_follow(fleet.hub, held)
