"""The web process: console, JSON API, portal API, the peers' gateway, health and metrics."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from console.app import build_console
from console.deps import ConsoleSettings, Deps
from console.live import LiveHub
from hub.assembly import Hub
from hub.health import Health, add_health
from hub.worker import Worker
from schemas.working_time import HUB_ZONE

# Open pages hold a stream each; they are told to come back, not waited for.
SHUTDOWN_SECONDS = 1.0


@dataclass(frozen=True)
class RunningWeb:
    """url: as this machine reaches it; port: the one that was chosen."""

    url: str
    port: int


def build_web(hub: Hub, worker: Worker | None) -> web.Application:
    """Everything that is served over HTTP, as one application."""
    app = build_console(_console_deps(hub))
    add_health(app, Health(hub, worker))
    return app


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
            sign_in_per_minute=settings.limits.sign_in_per_minute,
            limit_loopback=settings.limits.loopback,
            areas={area.code: area.name for area in hub.catalogue.areas.all(today)},
        ),
        limits=hub.limits,
        extensions_allowed=settings.lifecycle.extensions_allowed,
    )


def _nobody() -> None:
    """In a web process of its own the worker's relay looks by itself."""


@asynccontextmanager
async def running_web(hub: Hub, worker: Worker | None) -> AsyncIterator[RunningWeb]:
    """Serve while the block runs. Raises: OSError when the address is taken."""
    app = build_web(hub, worker)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, hub.settings.host, hub.settings.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        shown = f"[{host}]" if ":" in host else host
        yield RunningWeb(f"http://{shown}:{port}", port)
    finally:
        await runner.cleanup()


Wake = Callable[[], None]
