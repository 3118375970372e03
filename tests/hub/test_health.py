"""Readiness: red when the store cannot be used or consumption stands still, and it says which."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from console.gateway import GatewayDeps, add_gateway
from console.refused_pushes import RefusedPushes
from hub.assembly import Hub, build
from hub.broker_watch import BrokerWatch
from hub.health import Health, add_health
from hub.settings import load
from hub.worker import Worker, build_sender
from schemas.errors import CredentialRefused, RequestRefused
from streams.deps import Wakes
from streams.progress import Progress


@dataclass
class Seconds:
    at: float = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
async def hub(home: Path) -> AsyncIterator[Hub]:
    built = await build(load(home=home), migrating=True)
    yield built
    await built.close()


def health_of(hub: Hub, worker: Worker | None = None) -> Health:
    return Health(hub, worker, BrokerWatch(hub.settings.broker, Seconds()))


async def asked(health: Health, path: str) -> tuple[int, Any]:
    app = web.Application()
    add_health(app, health)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get(path)
        text = await answer.text()
        return answer.status, await answer.json() if path != "/metrics" else text


async def test_ready_when_the_store_is_whole(hub: Hub) -> None:
    assert await asked(health_of(hub), "/health/ready") == (200, {"ready": True, "missing": []})


async def test_red_when_the_stores_file_cannot_be_read(hub: Hub, home: Path) -> None:
    file = home / "tickets.db"
    aside = home / "aside.db"
    for beside in ("tickets.db-wal", "tickets.db-shm"):
        (home / beside).unlink(missing_ok=True)
    file.rename(aside)
    file.mkdir()
    status, told = await asked(health_of(hub), "/health/ready")
    assert status == 503
    assert told["missing"][0].startswith("store: StoreBusy SQLITE_CANTOPEN")
    assert await asked(health_of(hub), "/health/live") == (200, {"live": True})
    file.rmdir()
    file.write_bytes(b"something else altogether" * 100)
    _, told = await asked(health_of(hub), "/health/ready")
    assert told["missing"] == ["store: StoreNotUsable file is not a database"]


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


async def test_refused_pushes_are_counted_by_peer_and_reason(hub: Hub) -> None:
    app, refused = web.Application(), RefusedPushes(Seconds())
    health = health_of(hub)
    gateway = GatewayDeps(
        hub.store, {}, hub.now, lambda: None, health.broker.require, refused=refused
    )
    add_gateway(app, gateway)
    add_health(app, health)
    for _ in range(3):
        refused.note("city", CredentialRefused("city", "bad", peer_code="signature"))
    refused.note("city", RequestRefused("city", "no operation GET x"))
    async with TestClient(TestServer(app)) as client:
        text = await (await client.get("/metrics")).text()
    assert 'sutong_pushes_refused_total{peer="city",reason="signature"} 3.0' in text
    assert 'sutong_pushes_refused_total{peer="city",reason="operation"} 1.0' in text


async def test_red_before_the_disk_is_full(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: _Usage(1 << 30, 1 << 30, 12 << 20))
    _, told = await asked(health_of(hub), "/health/ready")
    assert [text.partition(" in ")[0] for text in told["missing"]] == ["disk: 12 MB free"]


async def test_red_when_consumption_stands_still_and_green_when_it_goes_on(hub: Hub) -> None:
    clock = Seconds()
    progress = Progress(clock)
    worker = Worker(progress, Wakes(), build_sender(hub), asyncio.Event())
    health = health_of(hub, worker)
    register = progress.part("register")
    register.owes(3)
    clock.at = hub.settings.streams.stalled_seconds
    assert await health.missing() == []
    clock.at += 1
    assert await health.missing() == ["register stands still"]
    _, metrics = await asked(health, "/metrics")
    assert 'sutong_backlog{part="register"} 3.0' in metrics
    assert 'sutong_stalled_seconds{part="register"} 121.0' in metrics
    register.owes(0)
    assert await health.missing() == []
