"""/health/live, /health/ready and /metrics."""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from console.gateway import GATEWAY
from console.refused_pushes import RefusedPushes
from hub.assembly import Hub
from hub.broker_watch import BrokerWatch
from hub.worker import Worker
from schemas.errors import HubError
from ticket_store.migrations import pending

STORE_PATIENCE_SECONDS = 5.0
REFUSED_SECONDS = 30.0  # a refused write keeps readiness red for so long
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


class _Counted(Collector):
    """Counts that are kept elsewhere, read before each scrape and handed to the registry."""

    def __init__(self) -> None:
        self.families: list[Metric] = []

    def collect(self) -> list[Metric]:
        return self.families


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text: deliveries owed by peer, messages by outcome, refused pushes, backlogs."""
    health = request.app[HEALTH]
    registry = CollectorRegistry()
    counted = _Counted()
    registry.register(counted)
    counted.families = await _store_families(health)
    if (gateway := request.app.get(GATEWAY)) is not None:
        counted.families.append(_refused(gateway.refused))
    if health.worker is not None:
        backlog = Gauge("sutong_backlog", "Records that wait", ["part"], registry=registry)
        stalled = Gauge("sutong_stalled_seconds", "Standing still", ["part"], registry=registry)
        for name, part in health.worker.progress.parts.items():
            backlog.labels(name).set(part.backlog)
            stalled.labels(name).set(part.stalled_seconds())
    return web.Response(
        body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


async def _store_families(health: Health) -> list[Metric]:
    store = health.hub.store
    deliveries = GaugeMetricFamily(
        "sutong_deliveries", "Deliveries by peer and state", labels=["peer", "state"]
    )
    for peer, states in (await store.deliveries.owed_counts()).items():
        for state, count in states.items():
            deliveries.add_metric([peer, state.value], count)
    inbound = GaugeMetricFamily("sutong_inbound", "Messages by outcome", labels=["outcome"])
    for outcome, count in (await store.inbound.tally()).items():
        inbound.add_metric([outcome], count)
    return [deliveries, inbound]


def _refused(pushes: RefusedPushes) -> Metric:
    """Of this process since its start, as counters are."""
    family = CounterMetricFamily(
        "sutong_pushes_refused", "Pushes that were refused", labels=["peer", "reason"]
    )
    for (peer, reason), count in pushes.counts.items():
        family.add_metric([peer, reason], count)
    return family


def add_health(app: web.Application, health: Health) -> None:
    app[HEALTH] = health
    add: Callable[..., object] = app.router.add_get
    add("/health/live", live)
    add("/health/ready", ready)
    add("/metrics", metrics)
