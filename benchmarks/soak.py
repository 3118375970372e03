"""Does the hub stay as it is under an hour of the peak day? `python -m benchmarks.soak --json`

142,000 requests on the peak day, 12 % of them in its busiest hour, are 4.7 a second; 5 are sent
from all simulated peers, people work over the API, and at the end all is settled and compared with
the peers' own books. The run is judged in windows of ten minutes (a sixth of a shorter run):
memory is flat when no process of the hub has in the last one more than 10 % over the second one
(the first one warms it up); the backlog grows when in the last one more waits than in the second
one and half as much again and ten seconds of what comes in.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from benchmarks.exchange import end_to_end
from benchmarks.figures import machine, percentiles
from benchmarks.samples import DRIVER, Sample, Samples, Window
from benchmarks.stage import Servers, staged
from hub.demo.api_client import ApiClient
from hub.demo.cast import create_cast
from hub.demo.city import City
from hub.demo.life import CityLife
from hub.demo.people import People
from hub.demo.settlement import compare, read_store
from hub.demo.traffic import Traffic
from hub.logs import set_up
from hub.stored import utc_now
from schemas.errors import StoreBusy

_WINDOW_SECONDS = 600.0
_WINDOWS = 6  # in an hour
_LOOK_SECONDS, _SAY_SECONDS = 5.0, 60.0
_SETTLE_SECONDS = 600.0
_FLAT = 1.10
_GROWS, _COMES_IN_SECONDS = 1.5, 10.0


@dataclass(frozen=True)
class SoakOptions:
    """rate: intakes a second."""

    seconds: float = 3600.0
    rate: float = 5.0
    seed: int = 1
    database_url: str | None = None
    broker_url: str | None = None
    say: Callable[[str], object] = lambda text: print(text, file=sys.stderr, flush=True)

    @property
    def window_seconds(self) -> float:
        return min(_WINDOW_SECONDS, self.seconds / _WINDOWS)


async def soak(options: SoakOptions) -> dict[str, Any]:
    """Run it; the figures. Raises: HubNotReady."""
    servers = Servers(options.database_url, options.broker_url)
    async with staged(servers, seed=options.seed, faults="none") as stage:
        town, fleet = stage.town, stage.fleet
        store = fleet.hub.store
        cast = await create_cast(
            store.people, [one.code for one in fleet.hub.catalogue.departments()]
        )
        # the peers call the first web process, the people the last
        api = ApiClient(fleet.webs[-1].url)
        traffic = Traffic(
            town, City(options.seed), random.Random(f"traffic:{options.seed}"), utc_now
        )
        people = People(api, cast, options.seed)
        life = CityLife(town, traffic, people, store, fleet.url, utc_now)
        samples = Samples(fleet, town.names)
        watching = asyncio.create_task(_watch(samples, traffic, options))
        try:
            left = await life.play(_hour(traffic, options), _SETTLE_SECONDS)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await api.close()
        ended = [one.name for one in fleet.processes if not one.running]
        await fleet.stop()
        held = await read_store(store, town.names)
        settlement = compare(town.claims(), held, api.acknowledged)
        told = percentiles(end_to_end(town, held))
    trouble = [
        *(f"unsettled: {one}" for one in left),
        *(f"ended by itself: {one}" for one in ended),
        *settlement.lines(),
        *judged(samples, options),
    ]
    for line in trouble:
        options.say(line)
    return {
        "seconds": options.seconds,
        "tickets": len(held.tickets),
        "lost": len(settlement.lost) + len(left),
        "doubled": len(settlement.doubled) + len(settlement.out_of_order),
        "end_to_end_ms": told,
        **_windows(samples, options),
        "window_s": options.window_seconds,
        "ok": not trouble,
    }


async def _hour(traffic: Traffic, options: SoakOptions) -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(options.seconds, over.set)
    await traffic.send(None, 1 / options.rate, over, steady=True)


async def _watch(samples: Samples, traffic: Traffic, options: SoakOptions) -> None:
    """Look every five seconds, and say once a minute what was seen, for ever."""
    next_line = _SAY_SECONDS
    while True:
        with suppress(StoreBusy):
            sample = await samples.take()
            if sample.at >= next_line:
                next_line += _SAY_SECONDS
                options.say(_line(sample, traffic.sent.total()))
        await asyncio.sleep(_LOOK_SECONDS)


def _line(sample: Sample, tickets: int) -> str:
    memory = ", ".join(f"{name} {size:.0f}" for name, size in sample.rss_mb.items())
    return f"{sample.at:5.0f} s  {tickets} tickets  backlog {sample.backlog}  MB: {memory}"


def judged(samples: Samples, options: SoakOptions) -> list[str]:
    """What has grown, in words; the driver itself is not judged."""
    second, last = _second(samples, options), _last(samples, options)
    found = [
        f"memory: {name} from {before:.0f} to {last.rss_mb[name]:.0f} MB"
        for name, before in second.rss_mb.items()
        if name != DRIVER and last.rss_mb.get(name, 0.0) > before * _FLAT
    ]
    if last.backlog > second.backlog * _GROWS + options.rate * _COMES_IN_SECONDS:
        found.append(f"backlog: from {second.backlog:.0f} to {last.backlog:.0f}")
    return found


def _second(samples: Samples, options: SoakOptions) -> Window:
    window = options.window_seconds
    return samples.between(window, 2 * window)


def _last(samples: Samples, options: SoakOptions) -> Window:
    """Of the time in which tickets came in; not of the settling after it."""
    return samples.between(options.seconds - options.window_seconds, options.seconds)


def _windows(samples: Samples, options: SoakOptions) -> dict[str, Any]:
    seen = {
        "first_ten_minutes": samples.between(0.0, options.window_seconds),
        "second_ten_minutes": _second(samples, options),
        "last_ten_minutes": _last(samples, options),
    }
    names = sorted({name for window in seen.values() for name in window.rss_mb})
    return {
        "rss_mb": {
            name: {when: round(window.rss_mb.get(name, 0.0), 1) for when, window in seen.items()}
            for name in names
        },
        "backlog": {when: round(window.backlog, 1) for when, window in seen.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--rate", type=float, default=5.0, help="intakes a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database-url")
    parser.add_argument("--broker-url")
    parser.add_argument("--json", action="store_true", help="accepted: the result is always JSON")
    given = parser.parse_args()
    set_up("warning", "text")
    print(f"soak, {given.rate} intakes/s: {machine()}", file=sys.stderr)
    begun = time.monotonic()
    figures = asyncio.run(
        soak(
            SoakOptions(given.seconds, given.rate, given.seed, given.database_url, given.broker_url)
        )
    )
    print(f"{time.monotonic() - begun:.0f} s in all", file=sys.stderr)
    print(json.dumps(figures))
    sys.exit(0 if figures["ok"] else 1)


if __name__ == "__main__":
    main()
