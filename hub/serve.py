"""Runs the hub's processes until a signal, and drains them: run, worker, web."""

import asyncio
import signal
from contextlib import AsyncExitStack

import structlog

from hub.assembly import build
from hub.settings import Settings
from hub.web import running_web
from hub.worker import running_worker
from schemas.errors import HubError

log = structlog.get_logger(__name__)


class WorkerFailed(HubError):
    """The processors have given up; the supervisor must start the process again."""


async def serve(settings: Settings, *, worker: bool, web: bool) -> None:
    """Run the parts until SIGTERM or SIGINT. With both in one process, the store is made and
    brought up to date first; a split hub is migrated by `sutong migrate`.

    Raises: StoreNotMigrated, PeersWrong, CatalogueWrong, LogInUse, WorkerFailed.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as parts:
        hub = await build(settings, migrating=worker and web)
        parts.push_async_callback(hub.close)
        running = await parts.enter_async_context(running_worker(hub)) if worker else None
        waiting = [asyncio.create_task(stop.wait())]
        if running is not None:
            waiting.append(asyncio.create_task(running.failed.wait()))
        if web:
            site = await parts.enter_async_context(running_web(hub, running))
            log.info("web started", url=site.url)
        _, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        if not stop.is_set():
            raise WorkerFailed("the processors have stopped; see the log above")
        log.info("stopping")
