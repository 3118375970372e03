"""Does a hub that is killed again and again lose or double anything? `python -m benchmarks.crash`

The hub is a process of its own, or a fleet when both URLs are servers; peers with hard faults and
everybody who works are here. At random moments under load somebody is killed by SIGKILL
(`victims.py`); then all settles, and what the hub holds is compared with the peers' own books.
`--variant` runs a hub that is wrong on purpose: the loop must see it.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.stage import Servers, staged
from benchmarks.victims import Victims
from benchmarks.wrong_variants import VARIANTS
from hub.demo.api_client import ApiClient
from hub.demo.cast import create_cast
from hub.demo.city import City
from hub.demo.fleet import COMMANDS
from hub.demo.life import CityLife
from hub.demo.people import People
from hub.demo.settlement import compare, read_store
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
    """restarts: the longest, by who was killed. findings: what is wrong, in words."""

    kills: int
    tickets: int
    lost: int
    doubled: int
    audit_ok: bool
    max_restart_s: float
    restarts: Mapping[str, float]
    findings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.findings and self.audit_ok

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "findings"}


async def crash(options: CrashOptions) -> CrashReport:
    """Run the loop. Raises: HubNotReady when a restart fails."""
    servers = Servers(options.database_url, options.broker_url)
    dice = random.Random(f"kills:{options.seed}")
    async with staged(
        servers,
        seed=options.seed,
        faults=options.faults,
        poll_seconds=_POLL_SECONDS,
        commands=_commands(options.variant),
    ) as stage:
        fleet, town = stage.fleet, stage.town
        # the driver's own eyes on the store; it writes nothing once the hub runs
        store = fleet.hub.store
        departments = [one.code for one in fleet.hub.catalogue.departments()]
        cast = await create_cast(store.people, departments)
        # the peers call the first web process, the people the last
        api = ApiClient(fleet.webs[-1].url, patience_seconds=_PATIENCE_SECONDS)
        rng = random.Random(f"traffic:{options.seed}")
        life = CityLife(
            town=town,
            traffic=Traffic(town, City(options.seed), rng, utc_now),
            people=People(api, cast, options.seed),
            store=store,
            hub_url=fleet.url,
            now=utc_now,
        )
        victims = Victims.of(stage, servers, dice, options.say)
        supervisor = asyncio.create_task(fleet.keep_up())
        try:
            unsettled = await life.play(
                _under_load(life.traffic, victims, options),
                options.settle_seconds or _SETTLE_SECONDS + options.kills * _SETTLE_SECONDS_A_KILL,
            )
        finally:
            supervisor.cancel()
            await asyncio.gather(supervisor, return_exceptions=True)
            await api.close()
        options.say(f"settled; what went wrong on purpose: {dict(town.struck)}")
        if fleet.ended:
            options.say(f"ended by itself and started again: {', '.join(fleet.ended)}")
        await fleet.stop()
        held = await read_store(store, town.names)
        settlement = compare(town.claims(), held, api.acknowledged)
        audit = await store.audit.verify()
        findings = (*(f"unsettled: {one}" for one in unsettled), *settlement.lines())
        if findings or not audit.ok:
            options.say(fleet.last_lines())
        return CrashReport(
            kills=len(victims.restarts),
            tickets=len(held.tickets),
            lost=len(settlement.lost) + len(unsettled),
            doubled=len(settlement.doubled) + len(settlement.out_of_order),
            audit_ok=audit.ok,
            max_restart_s=max(victims.longest.values(), default=0.0),
            restarts=victims.longest,
            findings=findings,
        )


async def _under_load(traffic: Traffic, victims: Victims, options: CrashOptions) -> None:
    """Kill and restart while tickets keep coming."""
    enough, more = asyncio.Event(), asyncio.Event()

    async def pause(seconds: float) -> None:
        """A ticket's pace; until the next kill when enough tickets are under way."""
        await asyncio.sleep(seconds)
        most = _FIRST_TICKETS + len(victims.restarts) * _TICKETS_A_KILL
        if traffic.sent.total() >= most and not enough.is_set():
            more.clear()
            await more.wait()

    traffic.pause = pause
    async with asyncio.TaskGroup() as group:
        group.create_task(traffic.send(None, options.pace_seconds, enough))
        for number in range(1, options.kills + 1):
            await asyncio.sleep(victims.dice.uniform(*_ALIVE_SECONDS))
            told = await victims.kill_next()
            more.set()
            options.say(f"kill {number}: {told}, {traffic.sent.total()} tickets")
        enough.set()
        more.set()


def _commands(variant: str | None) -> Mapping[str, Sequence[str]]:
    if variant is None:
        return COMMANDS
    wrong = (sys.executable, "-m", "benchmarks.wrong_hub", "--variant", variant)
    return {kind: (*wrong, kind) for kind in COMMANDS}


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
