"""Does every process of the hub end by itself, whatever is away? `python -m benchmarks.stops`

SIGTERM under load, again and again: to one process after the other while everything is there, to
all at once while Kafka or the database is away, refused or silent. Then all settles, and what the
hub holds is compared with the peers' own books. Away is what stands behind a proxy of ours.
"""

import argparse
import asyncio
import json
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from hub.assembly import build
from hub.demo.api_client import ApiClient
from hub.demo.cast import create_cast
from hub.demo.city import City
from hub.demo.day import CLOCKS, DELIVERIES, STREAMS, DemoSettings
from hub.demo.hub_process import SUTONG, HubProcess, free_port, write_settings
from hub.demo.life import CityLife
from hub.demo.people import People
from hub.demo.settlement import compare, read_store
from hub.demo.town import Town
from hub.demo.traffic import Traffic
from hub.logs import set_up
from hub.stored import utc_now
from tests.faults.proxy import FaultProxy
from tests.faults.toxics import Stream, Timeout

_POLL_SECONDS = 0.3
_ALIVE_SECONDS = 0.3, 2.0  # between ready and what goes away, and from there to the signal
_PACE_SECONDS = 0.3  # between two tickets
_TICKETS_A_STOP = 10  # at most, so that a slow machine is not buried in them
_SETTLE_SECONDS, _SETTLE_SECONDS_A_STOP = 180.0, 20.0
_PATIENCE_SECONDS = 240.0  # of those who call the hub
_MAY_TAKE_SECONDS = 30.0


@dataclass(frozen=True)
class StopOptions:
    """database_url, broker_url: of servers; without them the hub is one process on its own files.

    broker_behind: port of the Kafka that tells its clients the port of `broker_url`; the benchmark
                   listens there. None: Kafka is always there.
    """

    times: int = 50
    seed: int = 1
    database_url: str | None = None
    broker_url: str | None = None
    broker_behind: int | None = None
    settle_seconds: float | None = None
    say: Callable[[str], object] = lambda text: print(text, file=sys.stderr)


@dataclass
class StopReport:
    """killed: processes that did not end in time. findings: what is wrong, in words."""

    times: int = 0
    longest_s: float = 0.0
    killed: int = 0
    lost: int = 0
    doubled: int = 0
    tickets: int = 0
    audit_ok: bool = True
    longest_by: dict[str, float] = field(default_factory=dict)  # what was away -> seconds
    findings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.findings and not self.killed and self.audit_ok

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "findings"}


@dataclass(frozen=True)
class Outage:
    """What is away while the signal comes. silent: it takes connections and says nothing."""

    name: str
    proxy: FaultProxy | None = None
    silent: bool = False

    async def begin(self) -> None:
        if self.proxy is None:
            return
        if self.silent:
            for stream in Stream:
                self.proxy.add(Timeout(), stream)
        else:
            await self.proxy.down()

    async def end(self) -> None:
        if self.proxy is not None:
            self.proxy.heal()
            await self.proxy.up()


async def stops(options: StopOptions) -> StopReport:
    """Run the loop. Raises: HubNotReady when a start fails."""
    report = StopReport()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sutong-stops-")))
        suffix = f"-{secrets.token_hex(3)}" if options.database_url else ""
        town = await stack.enter_async_context(
            Town(folder, seed=options.seed, plan="some", now=utc_now, suffix=suffix)
        )
        outages, database_url = await _outages(options, stack)
        settings = _settings(options, folder, town)
        home = settings["home"]
        # the driver's own eyes on the store; they look past the proxy
        eyes = await build(DemoSettings(**settings), migrating=True)
        stack.push_async_callback(eyes.close)
        told = settings | {"home": str(home)}
        write_settings(home, told | ({"database_url": database_url} if database_url else {}))
        departments = [one.code for one in eyes.catalogue.departments()]
        cast = await create_cast(eyes.store.people, departments)
        processes = _processes(options, home, folder)
        for one in processes:
            stack.callback(one.kill)
        url = processes[-1].url
        api = ApiClient(url, patience_seconds=_PATIENCE_SECONDS)
        stack.push_async_callback(api.close)
        life = CityLife(
            town=town,
            traffic=Traffic(
                town, City(options.seed), random.Random(f"traffic:{options.seed}"), utc_now
            ),
            people=People(api, cast, options.seed),
            store=eyes.store,
            hub_url=url,
            now=utc_now,
        )
        await _start(processes)
        unsettled = await life.play(
            _under_load(life.traffic, processes, outages, options, report),
            options.settle_seconds or _SETTLE_SECONDS + options.times * _SETTLE_SECONDS_A_STOP,
        )
        await _stop("nothing", processes, report)
        held = await read_store(eyes.store, town.names)
        settlement = compare(town.claims(), held, api.acknowledged)
        report.audit_ok = (await eyes.store.audit.verify()).ok
        report.findings += [*(f"unsettled: {one}" for one in unsettled), *settlement.lines()]
        report.tickets = len(held.tickets)
        report.lost = len(settlement.lost) + len(unsettled)
        report.doubled = len(settlement.doubled) + len(settlement.out_of_order)
        if report.findings:
            for one in processes:
                options.say(one.last_lines())
    return report


async def _under_load(
    traffic: Traffic,
    processes: list[HubProcess],
    outages: list[Outage],
    options: StopOptions,
    report: StopReport,
) -> None:
    """Stop and start again while tickets keep coming."""
    enough, more = asyncio.Event(), asyncio.Event()
    dice = random.Random(f"stops:{options.seed}")

    async def send() -> None:
        while not enough.is_set():
            more.clear()
            await traffic.send(_TICKETS_A_STOP, _PACE_SECONDS)
            await more.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        for number in range(options.times):
            outage = outages[number % len(outages)]
            await asyncio.sleep(dice.uniform(*_ALIVE_SECONDS))
            await outage.begin()
            await asyncio.sleep(dice.uniform(*_ALIVE_SECONDS))
            turn = number // len(outages) % len(processes)
            told = processes if outage.proxy else [processes[-1 - turn]]
            took = await _stop(outage.name, told, report)
            report.times += 1
            await outage.end()
            await _start(told)
            more.set()
            names = " ".join(one.name for one in told)
            options.say(f"stop {number + 1}, {names}, away: {outage.name}: {took:.1f} s")
        enough.set()
        more.set()


async def _stop(away: str, processes: list[HubProcess], report: StopReport) -> float:
    """SIGTERM to these at once; seconds until the last one had ended."""
    took = [await one for one in asyncio.as_completed(map(_timed, processes))]
    for process, code, seconds in took:
        if code == -signal.SIGKILL:
            report.killed += 1
        elif code or seconds > _MAY_TAKE_SECONDS:
            report.findings.append(
                f"{process.name} ended with {code} after {seconds:.1f} s, away: {away}"
            )
    longest = max(seconds for _, _, seconds in took)
    report.longest_s = round(max(report.longest_s, longest), 2)
    report.longest_by[away] = round(max(report.longest_by.get(away, 0.0), longest), 2)
    return longest


async def _timed(process: HubProcess) -> tuple[HubProcess, int, float]:
    begun = time.monotonic()
    return process, await process.stop(), time.monotonic() - begun


async def _start(processes: list[HubProcess]) -> None:
    await asyncio.gather(*(one.start() for one in processes))


async def _outages(options: StopOptions, stack: AsyncExitStack) -> tuple[list[Outage], str | None]:
    """What can go away, each in turn; and the database's address as the hub gets it."""
    dice = random.Random(f"proxies:{options.seed}")
    found, database_url = [Outage("nothing")], None
    if options.broker_url and options.broker_behind:
        port = urlsplit(options.broker_url).port or 0
        kafka = await stack.enter_async_context(FaultProxy(options.broker_behind, dice, port))
        found += [Outage("Kafka", kafka), Outage("Kafka, silent", kafka, silent=True)]
    if options.database_url:
        address = urlsplit(options.database_url)
        server = await stack.enter_async_context(FaultProxy(address.port or 5432, dice))
        place = address.netloc.replace(f":{address.port}", f":{server.port}")
        database_url = urlunsplit(address._replace(netloc=place))
        found += [Outage("database", server), Outage("database, silent", server, silent=True)]
    return found, database_url


def _processes(options: StopOptions, home: Path, folder: Path) -> list[HubProcess]:
    """One hub, or two workers and a web process; the last one is called."""
    if not options.broker_url:
        port = free_port()
        own = {"SUTONG_PORT": str(port)}
        return [HubProcess(home, port, (*SUTONG, "run"), folder / "run.log", own)]
    made = []
    for node, kind in enumerate(("worker", "worker", "web"), start=1):
        port = free_port()
        variable = "SUTONG_PORT" if kind == "web" else "SUTONG_HEALTH_PORT"
        own = {"SUTONG_NODE": str(node), variable: str(port)}
        log = folder / f"{kind}-{node}.log"
        made.append(HubProcess(home, port, (*SUTONG, kind), log, own))
    return made


def _settings(options: StopOptions, folder: Path, town: Town) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "home": folder / "home",
        "log_level": "warning",
        "clocks": CLOCKS,
        "streams": STREAMS,
        "deliveries": DELIVERIES,
        "peers": town.entries(_POLL_SECONDS),
    }
    given = {"database_url": options.database_url, "broker_url": options.broker_url}
    return settings | {name: value for name, value in given.items() if value}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database-url")
    parser.add_argument("--broker-url", help="its port is the one that Kafka tells its clients")
    parser.add_argument("--broker-behind", type=int, help="the port that Kafka itself listens on")
    parser.add_argument("--json", action="store_true", help="accepted: the result is always JSON")
    given = parser.parse_args()
    set_up("error", "text")
    report = asyncio.run(
        stops(
            StopOptions(
                times=given.times,
                seed=given.seed,
                database_url=given.database_url,
                broker_url=given.broker_url,
                broker_behind=given.broker_behind,
            )
        )
    )
    for finding in report.findings:
        print(finding, file=sys.stderr)
    print(json.dumps(report.as_json()))
    sys.exit(0 if report.ok else 1)


if __name__ == "__main__":
    main()
