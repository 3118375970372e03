"""The database or the whole Kafka is away for a while, behind a proxy: what was acknowledged is
kept, readiness is red, and afterwards everything goes on without a hand.

Two seconds long, and SUTONG_LONG_TESTS=1 makes it the real minutes.
"""

import asyncio
import logging
import os
import random
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from hub.demo.day import CLOCKS, STREAMS, DemoSettings
from hub.demo.fleet import Fleet, running_fleet
from hub.demo.hub_process import free_port
from tests.faults.proxy import FaultProxy
from tests.faults.toxics import Stream, Timeout
from tests.hub.commands import ROOT
from tests.postgresql import own_database

LONG = bool(os.environ.get("SUTONG_LONG_TESTS"))
DATABASE_AWAY_SECONDS = (60.0, 120.0) if LONG else (2.0,)
KAFKA_AWAY_SECONDS = (60.0, 120.0) if LONG else (4.0,)
PATIENCE = 180.0  # seconds; never waited in full
PACE_SECONDS = 1.0 if LONG else 0.1  # between two who hand in
SILENT = [pytest.param(False, id="refused"), pytest.param(True, id="silent")]
LOG = logging.getLogger(__name__)  # pytest --log-cli-level=INFO shows what was timed
JARS = os.environ.get("KAFKA_LIBS")  # before the fixtures clear what the hub would see


@dataclass
class Citizens:
    """They hand in by the portal, and come again with their key until it is taken.

    taken:   key -> what the answer said.
    refused: how long those had to wait for their answer, in seconds.
    """

    url: str
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: list[float] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    http: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(trust_env=False, timeout=60)
    )

    async def hand_in(self, key: str) -> int:
        if key not in self.keys:
            self.keys.append(key)
        begun = time.monotonic()
        matter = {
            "title": f"路灯不亮 {key}",
            "text": f"小区门口的路灯三天不亮,编号 {key}。",
            "citizen": {"name": "王某某", "phone": "13800001234"},
        }
        answer = await self.http.post(
            f"{self.url}/api/portal/v1/matters", json=matter, headers={"Idempotency-Key": key}
        )
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) > 0
            self.refused.append(time.monotonic() - begun)
            return 503
        assert answer.status_code == 201, answer.text
        assert self.taken.setdefault(key, answer.json()) == answer.json()  # a repeat, no double
        return 201

    async def keep_coming(self, prefix: str, seconds: float) -> None:
        begun, number = time.monotonic(), 0
        while time.monotonic() - begun < seconds:
            await self.hand_in(f"{prefix} {number}")
            number += 1
            await asyncio.sleep(PACE_SECONDS)

    async def missing(self, url: str) -> str:
        """What readiness misses; empty when it is green."""
        answer = await self.http.get(f"{url}/health/ready")
        return " ".join(answer.json()["missing"])


async def until(what: Callable[[], Awaitable[bool]]) -> float:
    """Ask until the answer is yes; seconds that it took."""
    begun = time.monotonic()
    while not await what():
        assert time.monotonic() - begun < PATIENCE
        await asyncio.sleep(0.1)
    return time.monotonic() - begun


async def cut(proxy: FaultProxy, *, silent: bool) -> None:
    if silent:
        for stream in Stream:
            proxy.add(Timeout(), stream)
    else:
        await proxy.down()


async def mend(proxy: FaultProxy) -> None:
    proxy.heal()
    await proxy.up()


@asynccontextmanager
async def hub(
    home: Path, database_url: str, *, seen_as: str, broker_url: str | None = None, workers: int
) -> AsyncIterator[tuple[Fleet, Citizens]]:
    """The hub's processes, under a supervisor. seen_as: the database's address that they are given;
    we look past the proxy."""
    given: dict[str, Any] = {
        "home": home,
        "port": free_port(),
        "clocks": CLOCKS,
        "streams": STREAMS,
        "peers": {"portal": {"dialect": "web_portal"}},
    }
    if broker_url:
        given["broker_url"] = broker_url
    settings = DemoSettings(**given, database_url=database_url)
    async with running_fleet(settings, given | {"database_url": seen_as}, workers, 1) as fleet:
        supervisor = asyncio.create_task(fleet.keep_up())
        citizens = Citizens(fleet.url)
        try:
            yield fleet, citizens
        finally:
            supervisor.cancel()
            await asyncio.gather(supervisor, return_exceptions=True)
            await citizens.http.aclose()


async def all_is_carried(fleet: Fleet, citizens: Citizens, database_url: str) -> float:
    """Seconds until every body has become a ticket with its clocks and its proposal; fails when
    more or fewer were made than were handed in."""
    store, engine = fleet.hub.store, create_async_engine(database_url)

    async def outcomes() -> dict[str, int]:
        statement = text("SELECT outcome, count(*) FROM inbound GROUP BY outcome")
        async with engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return {str(outcome): int(count) for outcome, count in rows}

    async def carried() -> bool:
        now = fleet.hub.now()
        return (
            await outcomes() == {"registered": len(citizens.keys)}
            and not await store.clocks.behind(now, 1)
            and not await store.tickets.waiting_for_proposal(now, 1)
        )

    try:
        took = await until(carried)
        async with engine.connect() as connection:
            tickets = (await connection.execute(text("SELECT count(*) FROM tickets"))).scalar_one()
    finally:
        await engine.dispose()
    assert tickets == len(citizens.keys)
    assert (await store.audit.verify()).ok
    return took


@pytest.mark.postgresql
@pytest.mark.slow
@pytest.mark.parametrize("silent", SILENT)
@pytest.mark.parametrize("seconds", DATABASE_AWAY_SECONDS)
async def test_the_database_is_away(tmp_path: Path, seconds: float, *, silent: bool) -> None:
    async with own_database("away") as direct:
        address = urlsplit(direct)
        async with FaultProxy(address.port or 5432, random.Random(1)) as proxy:  # noqa: S311 - a seed
            place = address.netloc.replace(f":{address.port}", f":{proxy.port}")
            seen_as = urlunsplit(address._replace(netloc=place))
            async with hub(tmp_path / "h", direct, seen_as=seen_as, workers=0) as (fleet, citizens):
                await citizens.keep_coming("before", 1.0)
                assert not citizens.refused
                await cut(proxy, silent=silent)
                coming = asyncio.create_task(citizens.keep_coming("during", seconds))
                missing = await citizens.missing(fleet.url)
                assert "store: " in missing
                live = await citizens.http.get(f"{fleet.url}/health/live")
                assert live.status_code == 200
                if silent:  # whoever is asked now waits for the end of it
                    await asyncio.sleep(seconds)
                else:
                    await coming
                await mend(proxy)
                mended = time.monotonic()
                await coming
                assert silent or citizens.refused
                for key in citizens.keys:
                    await until(partial(_is_taken, citizens, key))
                taken_after = time.monotonic() - mended
                ready = await until(lambda: _is_ready(citizens, fleet))
                carried = await all_is_carried(fleet, citizens, direct)
                assert fleet.ended == []
                LOG.info(
                    "database away %.0f s, silent %s: %d handed in, %d times 503, slowest after "
                    "%.1f s; back: all taken after %.1f s, then ready %.1f s, carried %.1f s later",
                    seconds,
                    silent,
                    len(citizens.keys),
                    len(citizens.refused),
                    max(citizens.refused, default=0.0),
                    taken_after,
                    ready,
                    carried,
                )


async def _is_taken(citizens: Citizens, key: str) -> bool:
    return await citizens.hand_in(key) == 201


async def _is_ready(citizens: Citizens, fleet: Fleet) -> bool:
    missing = [await citizens.missing(one.url) for one in fleet.processes if one.running]
    return len(missing) == len(fleet.processes) and not any(missing)


@asynccontextmanager
async def own_kafka(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """A broker that tells its clients another port than its own: the URL, and its own port."""
    port, told = free_port(), free_port()
    variables = {
        **os.environ,
        "KAFKA_FOLDER": str(folder),
        "KAFKA_PORT": str(port),
        "KAFKA_ADVERTISED_PORT": str(told),
        **({"KAFKA_LIBS": JARS} if JARS else {}),
    }

    async def call(what: str) -> None:
        command = [str(ROOT / "deploy" / "kafka-local"), what]
        await asyncio.to_thread(
            subprocess.run, command, env=variables, check=True, stdout=subprocess.DEVNULL
        )

    try:
        await call("start")
        yield f"kafka://127.0.0.1:{told}", port
    finally:
        await call("stop")


@pytest.mark.kafka
@pytest.mark.postgresql
@pytest.mark.slow
@pytest.mark.parametrize("silent", SILENT)
@pytest.mark.parametrize("seconds", KAFKA_AWAY_SECONDS)
async def test_kafka_is_away(tmp_path: Path, seconds: float, *, silent: bool) -> None:
    async with own_kafka(tmp_path / "kafka") as (broker_url, behind), own_database("away") as url:
        told = urlsplit(broker_url).port or 0
        async with (
            FaultProxy(behind, random.Random(1), told) as proxy,  # noqa: S311 - a seed
            hub(tmp_path / "h", url, seen_as=url, broker_url=broker_url, workers=1) as (
                fleet,
                citizens,
            ),
        ):
            await citizens.keep_coming("before", 1.0)
            await cut(proxy, silent=silent)
            await citizens.keep_coming("during", seconds)
            for one in fleet.processes:
                assert "broker: " in await citizens.missing(one.url)
            await mend(proxy)
            ready = await until(lambda: _is_ready(citizens, fleet))
            await citizens.keep_coming("after", 1.0)
            assert not citizens.refused  # a body is a row first, whatever Kafka does
            assert len(citizens.taken) == len(citizens.keys)
            carried = await all_is_carried(fleet, citizens, url)
            for key in citizens.keys:
                assert await citizens.hand_in(key) == 201
            LOG.info(
                "Kafka away %.0f s, silent %s: %d handed in, none refused; back: ready %.1f s, "
                "a second of intake, carried %.1f s later; ended by itself: %s",
                seconds,
                silent,
                len(citizens.keys),
                ready,
                carried,
                fleet.ended or "nobody",
            )
