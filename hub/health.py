"""/health/live, /health/ready, and where /metrics is served."""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from console.gateway import GATEWAY
from hub.assembly import Hub
from hub.broker_watch import BrokerWatch
from hub.metrics import exposition
from hub.worker import Worker
from schemas.errors import HubError
from ticket_store.migrations import pending

STORE_PATIENCE_SECONDS = 5.0
REFUSED_SECONDS = 6.0  # a refused write keeps readiness red for so long; a node beats more often
LEAST_FREE_BYTES = 64 << 20  # below this the next commits may find the disk full


@dataclass
class Health:
    """What is asked when somebody asks whether the hub is ready.

    worker:    None in a web process.
    monotonic: seconds on a clock that never goes back.
    """

    hub: Hub
    worker: Worker | None
    broker: BrokerWatch
    monotonic: Callable[[], float] = time.monotonic
    _refused: int = 0  # writes that the store had refused at the last look
    _refused_at: float = float("-inf")

    async def missing(self) -> list[str]:
        """What stands in the way of readiness, in words; empty when ready."""
        problems: list[str] = []
        try:
            async with asyncio.timeout(STORE_PATIENCE_SECONDS):
                problems += await self._store()
        except HubError as error:
            problems.append(f"store: {type(error).__name__} {error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the store is not usable
            problems.append(f"store: {type(error).__name__}")
        if self._refuses():
            problems.append("store: writes were refused a moment ago, see the log")
        if (problem := await self.broker.problem()) is not None:
            problems.append(problem)
        free = shutil.disk_usage(self.hub.settings.home).free
        if free < LEAST_FREE_BYTES:
            problems.append(f"disk: {free >> 20} MB free in {self.hub.settings.home}")
        if self.worker is not None:
            stalled = self.worker.progress.stalled(self.hub.settings.streams.stalled_seconds)
            problems += [f"{part} stands still" for part in stalled]
        return problems

    def _refuses(self) -> bool:
        """Whether the store has refused a write lately: an empty transaction finds no full disk."""
        refused, now = self.hub.store.writer.counters.refused_busy, self.monotonic()
        if refused > self._refused:
            self._refused, self._refused_at = refused, now
        return now - self._refused_at < REFUSED_SECONDS

    async def _store(self) -> list[str]:
        """A connection of its own reads, because old ones outlive a file that is gone; then an
        empty transaction shows that the writer gets its turn.
        """
        if lacking := await pending(self.hub.settings.database):
            return [f"store lacks {', '.join(lacking)}: run sutong migrate"]
        await self.hub.store.writer.run(lambda _unit: None)
        return []


HEALTH: web.AppKey[Health] = web.AppKey("health", Health)


async def live(_request: web.Request) -> web.Response:
    """200 while the process answers at all."""
    return web.json_response({"live": True})


async def ready(request: web.Request) -> web.Response:
    """200 when the hub can take and carry tickets; 503 says what is missing."""
    missing = await request.app[HEALTH].missing()
    return web.json_response(
        {"ready": not missing, "missing": missing}, status=503 if missing else 200
    )


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text; 200 also while the store is away, without what only the store knows."""
    health, gateway = request.app[HEALTH], request.app.get(GATEWAY)
    body = await exposition(
        health.hub,
        missing=await health.missing(),
        progress=health.worker.progress if health.worker else None,
        leads=health.worker.leads() if health.worker else None,
        refused=gateway.refused if gateway else None,
    )
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def add_health(app: web.Application, health: Health) -> None:
    app[HEALTH] = health
    add: Callable[..., object] = app.router.add_get
    add("/health/live", live)
    add("/health/ready", ready)
    add("/metrics", metrics)
