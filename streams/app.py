"""The Faust app of a worker: topics, table, processors and loops, put together by hand."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import faust

from streams import assign, ingest, register, sla_clocks, tables, topics
from streams.dead_letters import DeadLetters
from streams.deps import StreamDeps
from streams.kafka.topics import APP_ID
from streams.poll import pollers
from streams.relay import Relay
from streams.sla_ticks import Ticks
from streams.sweeps import Sweeps
from streams.waiting import Wake, keep_doing


def build_app(
    broker_url: str,
    deps: StreamDeps,
    *,
    data_folder: Path,
    credentials: Any = None,
    table_store: str = "memory://",
) -> faust.App:
    """Build the app; nothing is opened before it starts.

    credentials: Faust's, for a Kafka that asks for them.
    table_store: `rocksdb://` on a worker whose tables outgrow its memory.

    One record at a time in each processor (concurrency=1): Faust's commits may otherwise skip an
    unfinished one. Partitions give the width.
    """
    app = faust.App(
        APP_ID,
        broker=broker_url,
        broker_credentials=credentials,
        store=table_store,
        datadir=str(data_folder),
        autodiscover=False,
        web_enabled=False,
        topic_partitions=topics.PARTITIONS,
        topic_disable_leader=True,
        stream_wait_empty=True,
        broker_commit_interval=0.5,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        broker_rebalance_timeout=20.0,
        table_standby_replicas=0,
    )
    inbound = {source: topics.declared(app, spec) for source, spec in topics.INBOUND.items()}
    intake = topics.declared(app, topics.INTAKE)
    events = topics.declared(app, topics.EVENTS)
    letters = topics.declared(app, topics.DEAD_LETTERS)
    clocks = tables.declared(app, tables.SLA_CLOCKS)
    deps.store.inbound.on_keep(deps.wakes.inbound.set)
    deps.store.desk.on_commit(lambda _: deps.wakes.outbox.set())
    dead = DeadLetters(letters, deps.store.inbound)

    ingest.attach(app, list(inbound.values()), intake, dead, deps)
    register.attach(app, intake, dead, deps)
    assign.attach(app, events, dead, deps)
    sla_clocks.attach(app, events, clocks, dead, deps)
    _attach_loops(app, Relay(deps, inbound, events), events, deps)
    return app


def _attach_loops(app: faust.App, relay: Relay, events: Any, deps: StreamDeps) -> None:
    """The loops of the worker that leads: the others carry what it puts on the topics."""
    timing, wakes = deps.timing, deps.wakes
    sweeps = Sweeps(deps, events, deps.progress.part("sweeps"))

    def loop(
        name: str, once: Callable[[], Awaitable[bool]], wake: Wake, pause: Callable[[], float]
    ) -> None:
        part = deps.progress.part(name)

        async def if_leading() -> bool:
            if deps.leads():
                return await once()
            part.owes(0)  # another worker's business
            return False

        async def run() -> None:
            await keep_doing(
                part, if_leading, wake, lambda: pause() if deps.leads() else timing.follow
            )

        app.task(run)

    loop("relay-bodies", relay.bodies, wakes.inbound, lambda: timing.relay)
    loop("relay-events", relay.events, wakes.outbox, lambda: timing.relay)
    loop("ticks", Ticks(deps).once, wakes.ticks, lambda: timing.tick)
    loop("sweeps", sweeps.once, wakes.sweeps, lambda: timing.sweep)
    for name, poller in pollers(deps):
        loop(name, poller.once, Wake(), poller.pause)
