"""Runs the hub's processes until a signal, and drains them: run, worker, web."""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog

from hub.deadline import REST_SECONDS, STOP_SECONDS
from hub.memory import settle
from hub.node import NodeLost, in_service
from hub.settings import Settings
from hub.stored import require_store
from hub.web import running_health, running_web
from hub.worker import running_worker
from schemas.errors import HubError

log = structlog.get_logger(__name__)
EndWithin = Callable[[float, int], None]
_FAILED = 1


class WorkerFailed(HubError):
    """The processors have given up; the supervisor must start the process again."""


class AddressTaken(HubError):
    """Another program listens where the web should. Found before anything is started."""


async def require_free(host: str, port: int) -> None:
    """Return when `host`:`port` can be listened on; port 0 always can, once the host is ours.

    Raises: AddressTaken; OSError when the address is not this machine's.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            # as the server itself will: an address just left is free, one in use is not
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise AddressTaken(
                    f"another program listens on {host}:{port}: stop it, or choose another port "
                    "with --port or SUTONG_PORT"
                ) from error


def _no_end(_seconds: float, _code: int) -> None:
    """For those who run a hub inside a process of their own."""


async def serve(
    settings: Settings,
    *,
    worker: bool,
    web: bool,
    end_within: EndWithin = _no_end,
) -> None:
    """Run the parts until SIGTERM or SIGINT. With both in one process, the store is made and
    brought up to date first; a split hub is migrated by `sutong migrate`.

    end_within: ends the process after so many seconds with that exit code, if it runs on.
    Raises: AddressTaken, NoStore, StoreNotMigrated, PeersWrong, CatalogueWrong, NodeTaken,
    LogInUse, WorkerFailed, NodeLost.
    """
    stop, started = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(
        _run(settings, stop, started, worker=worker, web=web, end_within=end_within)
    )

    def told() -> None:
        end_within(STOP_SECONDS, 0)
        stop.set()
        if not started.is_set():  # a database or a broker that is away may keep it for ever
            running.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    try:
        await running
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        log.info("stopped before it had started")
    end_within(REST_SECONDS, 0)


async def _run(
    settings: Settings,
    stop: asyncio.Event,
    started: asyncio.Event,
    *,
    worker: bool,
    web: bool,
    end_within: EndWithin,
) -> None:
    if web or settings.health_port:
        await require_free(settings.host, settings.port if web else settings.health_port)
    if not (worker and web):
        await require_store(settings)
    async with AsyncExitStack() as parts:
        hub, node = await parts.enter_async_context(in_service(settings, migrating=worker and web))
        running = await parts.enter_async_context(running_worker(hub)) if worker else None
        waiting = [asyncio.create_task(one.wait()) for one in (stop, node.lost)]
        if running is not None:
            waiting.append(asyncio.create_task(running.failed.wait()))
        if running is not None and not web and settings.health_port:
            await parts.enter_async_context(running_health(hub, running, settings.health_port))
        if web:
            site = await parts.enter_async_context(running_web(hub, running))
            log.info("web started", url=site.url, node=hub.node)
        started.set()
        settle()
        _, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        if node.lost.is_set():
            end_within(STOP_SECONDS, _FAILED)
            raise NodeLost(
                f"another process has taken node {node.number}, since this one did not beat for "
                "long: start it again"
            )
        if not stop.is_set():
            end_within(STOP_SECONDS, _FAILED)
            raise WorkerFailed("the processors have stopped; see the log above")
        log.info("stopping")
