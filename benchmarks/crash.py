"""Does a hub that is killed again and again lose or double anything? `python -m benchmarks.crash`

The hub is a process of its own; peers with hard faults and everybody who works are here. The hub is
killed by SIGKILL at random moments under load; then all settles, and what it holds is compared with
the peers' own books. `--variant` runs a hub that is wrong on purpose: the loop must see it.
"""

import argparse
import asyncio
import json
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.wrong_variants import VARIANTS
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

_POLL_SECONDS = 0.3
_ALIVE_SECONDS = 0.1, 2.5  # between ready and the kill
_PACE_SECONDS = 0.3  # between two tickets
_FIRST_TICKETS, _TICKETS_A_KILL = 20, 12  # at most, so that a slow machine is not buried in them
_SETTLE_SECONDS, _SETTLE_SECONDS_A_KILL = 180.0, 20.0
_PATIENCE_SECONDS = 180.0  # of those who call the hub


@dataclass(frozen=True)
class CrashOptions:
    """variant: None is the hub as it is. settle_seconds: None gives time by the number of kills."""

    kills: int = 40
    seed: int = 1
    database_url: str | None = None
    broker_url: str | None = None
    variant: str | None = None
    faults: str = "hard"
    pace_seconds: float = _PACE_SECONDS
    settle_seconds: float | None = None
    say: Callable[[str], object] = lambda text: print(text, file=sys.stderr)


@dataclass(frozen=True)
class CrashReport:
    """findings: what is wrong, in words."""

    kills: int
    tickets: int
    lost: int
    doubled: int
    audit_ok: bool
    max_restart_s: float
    findings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.findings and self.audit_ok

    def as_json(self) -> dict[str, Any]:
        facts = {name: value for name, value in vars(self).items() if name != "findings"}
        return facts | {"max_restart_s": round(self.max_restart_s, 2)}


async def crash(options: CrashOptions) -> CrashReport:
    """Run the loop. Raises: HubNotReady when a restart fails."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sutong-crash-")))
        suffix = f"-{secrets.token_hex(3)}" if options.database_url else ""
        town = await stack.enter_async_context(
            Town(folder, seed=options.seed, plan=options.faults, now=utc_now, suffix=suffix)
        )
        settings = _settings(options, folder, town)
        write_settings(settings["home"], settings | {"home": str(settings["home"])})
        # the driver's own eyes on the store; it writes nothing once the hub runs
        eyes = await build(DemoSettings(**settings), migrating=True)
        stack.push_async_callback(eyes.close)
        departments = [one.code for one in eyes.catalogue.departments()]
        cast = await create_cast(eyes.store.people, departments)
        process = HubProcess(
            settings["home"], settings["port"], _command(options), folder / "hub.log"
        )
        stack.callback(process.kill)
        api = ApiClient(process.url, patience_seconds=_PATIENCE_SECONDS)
        stack.push_async_callback(api.close)
        rng = random.Random(f"traffic:{options.seed}")
        life = CityLife(
            town=town,
            traffic=Traffic(town, City(options.seed), rng, utc_now),
            people=People(api, cast, options.seed),
            store=eyes.store,
            hub_url=process.url,
            now=utc_now,
        )
        await process.start()
        restarts: list[float] = []
        unsettled = await life.play(
            _under_load(life.traffic, process, options, restarts),
            options.settle_seconds or _SETTLE_SECONDS + options.kills * _SETTLE_SECONDS_A_KILL,
        )
        options.say(f"settled; what went wrong on purpose: {dict(town.struck)}")
        await process.stop()
        held = await read_store(eyes.store, town.names)
        settlement = compare(town.claims(), held, api.acknowledged)
        audit = await eyes.store.audit.verify()
        findings = (*(f"unsettled: {one}" for one in unsettled), *settlement.lines())
        if findings or not audit.ok:
            options.say(process.last_lines())
        return CrashReport(
            kills=len(restarts),
            tickets=len(held.tickets),
            lost=len(settlement.lost) + len(unsettled),
            doubled=len(settlement.doubled) + len(settlement.out_of_order),
            audit_ok=audit.ok,
            max_restart_s=max(restarts, default=0.0),
            findings=findings,
        )


async def _under_load(
    traffic: Traffic, process: HubProcess, options: CrashOptions, restarts: list[float]
) -> None:
    """Kill and restart while tickets keep coming."""
    enough, more = asyncio.Event(), asyncio.Event()
    dice = random.Random(f"kills:{options.seed}")

    async def pause(seconds: float) -> None:
        """A ticket's pace; until the next kill when enough tickets are under way."""
        await asyncio.sleep(seconds)
        most = _FIRST_TICKETS + len(restarts) * _TICKETS_A_KILL
        if traffic.sent.total() >= most and not enough.is_set():
            more.clear()
            await more.wait()

    traffic.pause = pause
    async with asyncio.TaskGroup() as group:
        group.create_task(traffic.send(None, options.pace_seconds, enough))
        for number in range(1, options.kills + 1):
            await asyncio.sleep(dice.uniform(*_ALIVE_SECONDS))
            process.kill()
            restarts.append(await process.start())
            more.set()
            tickets = traffic.sent.total()
            options.say(f"kill {number}: ready after {restarts[-1]:.1f} s, {tickets} tickets")
        enough.set()
        more.set()


def _command(options: CrashOptions) -> tuple[str, ...]:
    if options.variant is None:
        return (*SUTONG, "run")
    return (sys.executable, "-m", "benchmarks.wrong_hub", "--variant", options.variant)


def _settings(options: CrashOptions, folder: Path, town: Town) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "home": folder / "home",
        "port": free_port(),
        "log_level": "warning",
        "clocks": CLOCKS,
        "streams": STREAMS,
        "deliveries": DELIVERIES,
        "peers": town.entries(_POLL_SECONDS),
    }
    if options.database_url:
        settings["database_url"] = options.database_url
    if options.broker_url:
        settings["broker_url"] = options.broker_url
    return settings


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database-url")
    parser.add_argument("--broker-url")
    parser.add_argument(
        "--variant", choices=sorted(VARIANTS), help="a hub that is wrong on purpose"
    )
    parser.add_argument("--json", action="store_true", help="accepted: the result is always JSON")
    given = parser.parse_args()
    set_up("warning", "text")
    begun = time.monotonic()
    report = asyncio.run(
        crash(
            CrashOptions(
                kills=given.kills,
                seed=given.seed,
                database_url=given.database_url,
                broker_url=given.broker_url,
                variant=given.variant,
            )
        )
    )
    for finding in report.findings:
        print(finding, file=sys.stderr)
    print(f"{time.monotonic() - begun:.0f} s in all", file=sys.stderr)
    print(json.dumps(report.as_json()))
    sys.exit(0 if report.ok else 1)


if __name__ == "__main__":
    main()
