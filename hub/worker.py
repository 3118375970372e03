"""The worker: processors, loops and sender, until it is told to stop."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from hub.assembly import Hub
from hub.broker import kafka_of
from hub.broker_watch import BrokerWatch
from hub.calendar import keep_fresh
from hub.hourly import sweep_sessions, sweep_uploads
from hub.months import keep_months
from hub.stuck import StuckWatch, until_stuck
from schemas.errors import StoreBusy
from streams.app import build_app
from streams.deps import StreamDeps, Timing, Wakes
from streams.progress import Progress
from ticket_store.breaker import BreakerRule
from ticket_store.leases import Lease
from ticket_store.schedule import Schedule
from ticket_store.sender import Sender, SenderRules

log = structlog.get_logger(__name__)

# Everything must have stopped 30 s after SIGTERM (hub/deadline.py); Faust gets most of it.
DRAIN_SECONDS = 15.0
# with the broker away there is nobody to say goodbye to
DRAIN_ALONE_SECONDS = 3.0
GIVE_UP_SECONDS = 3.0  # a lease that is not given up runs out by itself
LEASE_SECONDS = 8.0  # a killed leader is followed after that


@dataclass(frozen=True)
class Worker:
    """What a running worker shows to the outside.

    wakes:   set from the web in the same process.
    failed:  set when the processors, the sender or another loop have given up.
    leads:   whether it runs the loops that only one worker may run.
    """

    progress: Progress
    wakes: Wakes
    sender: Sender
    failed: asyncio.Event
    leads: Callable[[], bool] = lambda: True


def build_sender(hub: Hub) -> Sender:
    """The sender of this process, after the settings."""
    told = hub.settings.deliveries
    return Sender(
        hub.store.deliveries,
        hub.store.desk,
        hub.connectors,
        holder=hub.holder,
        now=hub.now,
        rng=random.Random(),  # noqa: S311 - spreads waits, guards nothing
        rules=SenderRules(
            schedule=Schedule(told.waits_seconds, told.last_wait_times),
            breaker=BreakerRule(
                failures=told.breaker_failures,
                first_wait_seconds=told.breaker_seconds,
                longest_wait_seconds=told.breaker_longest_seconds,
            ),
            per_peer=told.per_peer,
        ),
    )


def _lease(hub: Hub) -> Lease:
    return Lease(
        hub.store.leases,
        "worker",
        hub.holder,
        seconds=LEASE_SECONDS,
        monotonic=time.monotonic,
        is_gone=hub.is_gone,
    )


async def keep_beating(
    lease: Lease, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Lead, or be ready to, for ever; says when that changes."""
    led = False
    while True:
        try:
            leads = await lease.beat()
        except StoreBusy:
            leads = lease.held
        if leads != led:
            log.info("leads" if leads else "does not lead any more")
        led = leads
        await pause(LEASE_SECONDS / 4)


def _upkeep(hub: Hub, deps: StreamDeps) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
    """What is looked after beside the work, each for ever; most of it by the leader alone."""
    store, waits = hub.store, timedelta(hours=hub.settings.limits.unattached_hours)
    yield (
        "calendar",
        keep_fresh(store.calendars, store.clocks, hub.clock_policy, deps.timing.calendar),
    )
    yield "sessions", sweep_sessions(store.people.sessions, deps.leads)
    yield "uploads", sweep_uploads(store.attachments.sweep, hub.now, waits, deps.leads)
    yield "months", keep_months(store.database, hub.now, deps.leads)


@asynccontextmanager
async def running_worker(hub: Hub) -> AsyncIterator[Worker]:
    """Run the processors and the sender while the block runs; drains on leaving it.

    Raises: LogInUse when another worker holds the embedded broker.
    """
    settings = hub.settings
    progress, wakes = Progress(time.monotonic), Wakes()
    kafka = kafka_of(settings)
    # the embedded broker lets one worker in; on Kafka one of many leads
    lease = _lease(hub) if kafka else None
    deps = StreamDeps(
        store=hub.store,
        connectors=hub.connectors,
        proposer=hub.proposer,
        ids=hub.ids,
        policy=hub.clock_policy,
        now=hub.now,
        progress=progress,
        wakes=wakes,
        leads=(lambda: lease.held) if lease else (lambda: True),
        timing=Timing(
            tick=settings.clocks.tick_seconds,
            sweep=settings.streams.sweep_seconds,
            reoffer=settings.streams.reoffer_seconds,
        ),
    )
    data_folder = settings.home / "streams" / str(hub.node)
    data_folder.mkdir(parents=True, exist_ok=True)
    app: Any = build_app(
        settings.broker,
        deps,
        data_folder=data_folder,
        credentials=kafka.credentials() if kafka else None,
    )
    hub.proposer.warm_up()
    sender = build_sender(hub)
    broker = BrokerWatch(settings.broker, time.monotonic, kafka)
    failed = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    def watched(name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(lambda done: _note_end(done, failed))
        tasks.append(task)

    try:
        await app.start()
        await sender.recover(hub.earlier)
        watched("sender", sender.run())
        if lease is not None:
            watched("lease", keep_beating(lease))
        for name, work in _upkeep(hub, deps):
            watched(name, work)
        watched("processors", _crash_of(app, failed))
        watch = StuckWatch(progress, broker, hub.store.writer)
        watched("stuck", _end_when_stuck(watch, settings.streams.stalled_seconds, failed))
        log.info("worker started", broker=settings.broker.partition(":")[0], node=hub.node)
        yield Worker(progress, wakes, sender, failed, deps.leads)
    finally:
        await sender.stop()
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if lease is not None:
            with suppress(StoreBusy, TimeoutError):
                async with asyncio.timeout(GIVE_UP_SECONDS):
                    await lease.give_up()
        await _stop_processors(app, broker)
        log.info("worker stopped")


async def _stop_processors(app: Any, broker: BrokerWatch) -> None:
    """Let them end what they are at; leave them where they are when that takes too long.

    Not cancelled: with Kafka away Faust's own stop waits inside its cancellation, too. What was
    under way is offered again at the next start: rows came before records.
    """
    away = await broker.problem() is not None
    seconds = DRAIN_ALONE_SECONDS if away else DRAIN_SECONDS
    stopping = asyncio.create_task(app.stop(), name="processors-stop")
    _, late = await asyncio.wait({stopping}, timeout=seconds)
    if late:
        log.warning("processors did not stop in time", seconds=seconds)
    elif (error := stopping.exception()) is not None:
        log.warning("processors did not stop in order", exc_info=error)


async def _crash_of(app: Any, failed: asyncio.Event) -> None:
    await app._crashed.wait()
    failed.set()


async def _end_when_stuck(watch: StuckWatch, after_seconds: float, failed: asyncio.Event) -> None:
    await until_stuck(watch, after_seconds)
    failed.set()


def _note_end(task: asyncio.Task[None], failed: asyncio.Event) -> None:
    """A loop that dies of an error takes the process with it: alone, nobody would notice."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("loop failed", loop=task.get_name(), exc_info=error)
        failed.set()
