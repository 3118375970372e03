"""The web process: console, JSON API, portal API, the peers' gateway, health and metrics."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiohttp import web

from connectors.base import Receiving
from console.api.deps import ApiDeps
from console.api.install import add_api
from console.app import build_console
from console.deps import DEPS, ConsoleSettings, Deps
from console.gateway import GatewayDeps, add_gateway
from console.live import LiveHub
from console.live_others import follow_others
from console.portal_api import PortalDeps, add_portal_api
from hub.assembly import Hub
from hub.broker import kafka_of
from hub.broker_watch import BrokerWatch
from hub.health import Health, add_health
from hub.worker import Worker
from schemas.parties import Actor
from schemas.working_calendar import HUB_ZONE

log = structlog.get_logger(__name__)

# Open pages hold a stream each; they are told to come back, not waited for.
SHUTDOWN_SECONDS = 1.0


@dataclass(frozen=True)
class RunningWeb:
    """url: as this machine reaches it; port: the one that was chosen."""

    url: str
    port: int


def build_web(hub: Hub, worker: Worker | None) -> web.Application:
    """Everything that is served over HTTP, as one application."""
    settings, store = hub.settings, hub.store
    # in a web process of its own nobody is woken: the worker's relay looks by itself
    wake: Callable[[], None] = worker.wakes.inbound.set if worker else _nobody

    async def find_token(secret: str) -> Actor | None:
        token = await store.people.tokens.find(secret)
        return token.actor if token else None

    broker = _broker_watch(hub)
    app = build_console(_console_deps(hub))
    add_api(
        app,
        ApiDeps(
            store=store,
            catalogue=hub.catalogue,
            now=hub.now,
            find_token=find_token,
            extensions_allowed=settings.lifecycle.extensions_allowed,
        ),
    )
    if (portal := hub.portal) is not None:
        add_portal_api(
            app,
            PortalDeps(
                store=store,
                peer=portal,
                secret=hub.key,
                now=hub.now,
                wake=wake,
                per_minute=settings.limits.portal_per_minute,
                limit_loopback=settings.limits.loopback,
                uploads_per_hour=settings.limits.uploads_per_hour,
                upload_bytes_per_hour=settings.limits.upload_bytes_per_hour,
                monotonic=time.monotonic,
                require=broker.require,
                unattached=timedelta(hours=settings.limits.unattached_hours),
            ),
        )
    pushing = {
        name: connector
        for name, connector in hub.connectors.items()
        if isinstance(connector, Receiving)
    }
    gateway = GatewayDeps(
        store=store, peers=pushing, now=hub.now, wake=wake, require=broker.require
    )
    add_gateway(app, gateway)
    add_health(app, Health(hub, worker, broker))
    return app


def _broker_watch(hub: Hub) -> BrokerWatch:
    return BrokerWatch(hub.settings.broker, time.monotonic, kafka_of(hub.settings))


def _console_deps(hub: Hub) -> Deps:
    settings = hub.settings
    today = hub.now().astimezone(HUB_ZONE).date()
    return Deps(
        store=hub.store,
        catalogue=hub.catalogue,
        calendar=hub.store.calendars.calendar,
        now=hub.now,
        live=LiveHub(),
        settings=ConsoleSettings(
            secure_cookies=(settings.public_url or "").startswith("https:"),
            org_name=settings.hub_name,
            sign_in_per_minute=settings.limits.sign_in_per_minute,
            limit_loopback=settings.limits.loopback,
            areas={area.code: area.name for area in hub.catalogue.areas.all(today)},
        ),
        limits=hub.limits,
        extensions_allowed=settings.lifecycle.extensions_allowed,
        peers={name: connector.source for name, connector in hub.connectors.items()},
    )


@asynccontextmanager
async def _following(app: web.Application, hub: Hub) -> AsyncIterator[None]:
    """Live pages hear of what other processes commit while the block runs."""
    task = asyncio.create_task(follow_others(hub.store.audit, app[DEPS].live), name="live")
    task.add_done_callback(_note_end)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _note_end(task: asyncio.Task[None]) -> None:
    """Pages still look by themselves every minute, so that the process may go on."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("loop failed", loop=task.get_name(), exc_info=error)


def _nobody() -> None:
    """Wakes nobody."""


@asynccontextmanager
async def running_health(hub: Hub, worker: Worker, port: int) -> AsyncIterator[RunningWeb]:
    """Health and metrics of a worker that serves nothing else, while the block runs.

    Raises: OSError when the address is taken.
    """
    app = web.Application()
    add_health(app, Health(hub, worker, _broker_watch(hub)))
    async with _serving(app, hub.settings.host, port) as site:
        yield site


@asynccontextmanager
async def running_web(hub: Hub, worker: Worker | None) -> AsyncIterator[RunningWeb]:
    """Serve while the block runs. Raises: OSError when the address is taken."""
    app = build_web(hub, worker)
    async with (
        _serving(app, hub.settings.host, hub.settings.port) as site,
        # with the worker in this process, commits are told as they happen
        nullcontext() if worker else _following(app, hub),
    ):
        yield site


@asynccontextmanager
async def _serving(app: web.Application, host: str, port: int) -> AsyncIterator[RunningWeb]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        named, chosen = runner.addresses[0][:2]
        shown = f"[{named}]" if ":" in named else named
        yield RunningWeb(f"http://{shown}:{chosen}", chosen)
    finally:
        await runner.cleanup()
