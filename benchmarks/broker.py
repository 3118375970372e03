"""How fast is the embedded broker? `python -m benchmarks.broker [--json] [--synchronous NORMAL]`

Five questions, each on a new log file: how many records a second are sent durably; how many
events a second one trivial agent and two agents with a table take from a full log; how long an
event takes through two agents under a light load; how long a table's recovery and a compaction
take; what an idle worker costs.
"""

import argparse
import asyncio
import json
import logging
import platform
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import faust

from streams.embedded.broker import broker_of
from streams.embedded.settings import BrokerSettings

_WINDOW = 1_000  # sends in flight
_KEYS = 2_000


def _app(folder: Path, query: str) -> Any:
    app: Any = faust.App(
        "bench",
        broker=f"sqlite:///{folder / 'log.db'}?{query}",
        datadir=str(folder),
        web_enabled=False,
        topic_disable_leader=True,
        topic_partitions=4,
    )
    return app


@asynccontextmanager
async def _running(app: Any) -> AsyncIterator[None]:
    await app.start()
    try:
        yield
    finally:
        await app.stop()


async def _send_all(topic: Any, events: int) -> None:
    for start in range(0, events, _WINDOW):
        sends = [
            await topic.send(key=f"k{number % _KEYS}", value=number)
            for number in range(start, min(start + _WINDOW, events))
        ]
        await asyncio.gather(*sends)


async def _preload(folder: Path, query: str, events: int) -> float:
    """Fill topic `source` without a worker; return seconds."""
    app = _app(folder, query)
    source = app.topic("source", key_type=str, value_type=int)
    await app.maybe_start_producer()
    begun = time.perf_counter()
    await _send_all(source, events)
    seconds = time.perf_counter() - begun
    await app.producer.stop()
    return seconds


async def _one_agent(folder: Path, query: str, events: int) -> float:
    """Events a second of one agent that only counts."""
    app = _app(folder, query)
    source = app.topic("source", key_type=str, value_type=int)
    done, seen = asyncio.Event(), 0
    begun = 0.0

    async def count(stream: Any) -> None:
        nonlocal seen, begun
        async for _ in stream:
            seen += 1
            if seen == 1:
                begun = time.perf_counter()
            if seen == events:
                done.set()

    app.agent(source)(count)

    async with _running(app):
        await done.wait()
        return events / (time.perf_counter() - begun)


async def _two_agents(folder: Path, query: str, events: int) -> float:
    """Events a second through an agent that forwards and one that counts in a table."""
    app = _app(folder, query)
    source = app.topic("source", key_type=str, value_type=int)
    middle = app.topic("middle", key_type=str, value_type=int)
    table = app.Table("counts", default=int)
    done, seen = asyncio.Event(), 0
    begun = 0.0

    async def forward(stream: Any) -> None:
        nonlocal begun
        async for key, value in stream.items():
            begun = begun or time.perf_counter()
            await middle.send(key=key, value=value)

    app.agent(source)(forward)

    async def count(stream: Any) -> None:
        nonlocal seen
        async for key, _ in stream.items():
            table[key] += 1
            seen += 1
            if seen == events:
                done.set()

    app.agent(middle)(count)

    async with _running(app):
        await done.wait()
        return events / (time.perf_counter() - begun)


async def _latency(folder: Path, query: str, events: int, idle_seconds: float) -> dict[str, float]:
    """Milliseconds through both agents, one event every 20 ms; then idle CPU in percent."""
    app = _app(folder, query)
    source = app.topic("source", key_type=str, value_type=float)
    middle = app.topic("middle", key_type=str, value_type=float)
    took: list[float] = []
    done = asyncio.Event()

    async def forward(stream: Any) -> None:
        async for key, value in stream.items():
            await middle.send(key=key, value=value)

    app.agent(source)(forward)

    async def measure(stream: Any) -> None:
        async for _, value in stream.items():
            took.append((time.perf_counter() - value) * 1000)
            if len(took) == events:
                done.set()

    app.agent(middle)(measure)

    async with _running(app):
        for number in range(events):
            await source.send(key=f"k{number}", value=time.perf_counter())
            await asyncio.sleep(0.02)
        await done.wait()
        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.sleep(idle_seconds)
        idle = (time.process_time() - cpu) / (time.perf_counter() - wall) * 100
    took.sort()
    return {
        "p50": round(took[len(took) // 2], 1),
        "p95": round(took[int(len(took) * 0.95)], 1),
        "idle_cpu_percent": round(idle, 2),
    }


async def _recover(folder: Path, query: str) -> tuple[float, float, int]:
    """Seconds to start with the table of `_two_agents`, to compact its changelog, records gone."""
    app = _app(folder, query)
    source = app.topic("source", key_type=str, value_type=int)
    app.Table("counts", default=int)

    async def idle(stream: Any) -> None:
        async for _ in stream:
            pass

    app.agent(source)(idle)

    begun = time.perf_counter()
    async with _running(app):
        recovered = time.perf_counter() - begun
        settings = BrokerSettings.from_url(app.conf.broker[0])
        begun = time.perf_counter()
        gone = await broker_of(app, settings).maintain(thorough=True)
        return recovered, time.perf_counter() - begun, gone


async def measure(events: int, query: str, idle_seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / part for part in ("agent", "table", "latency")]
        for folder in folders:
            folder.mkdir()
        preload = await _preload(folders[0], query, events)
        one = await _one_agent(folders[0], query, events)
        await _preload(folders[1], query, events)
        two = await _two_agents(folders[1], query, events)
        recovered, compacted, gone = await _recover(folders[1], query)
        latency = await _latency(folders[2], query, 100, idle_seconds)
    return {
        "events": events,
        "settings": query,
        "sends_per_s": round(events / preload),
        "one_agent_per_s": round(one),
        "two_agents_and_table_per_s": round(two),
        "two_hops_ms": {"p50": latency["p50"], "p95": latency["p95"]},
        "idle_cpu_percent": latency["idle_cpu_percent"],
        "recovery_s": round(recovered, 2),
        "compaction_s": round(compacted, 2),
        "compacted_records": gone,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "measured_on": time.strftime("%Y-%m-%d"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--synchronous", choices=["FULL", "NORMAL"], default="FULL")
    parser.add_argument("--linger-ms", type=float, default=2.0)
    parser.add_argument("--idle-seconds", type=float, default=10.0)
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    query = f"synchronous={options.synchronous}&linger_ms={options.linger_ms:g}"
    result = asyncio.run(measure(options.events, query, options.idle_seconds))
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:>28}  {value}")


if __name__ == "__main__":
    main()
