"""How fast do messages become tickets and states go back? `python -m benchmarks.exchange --json`

A day's messages of all four simulated peers go through streams, store and deliveries of one hub
process, or with both URLs of two workers and a web process; clerks inside do the people's part at
once. The first part comes in at a steady pace and
gives the time end to end (body received -> state applied at its source); the rest comes in as fast
as it goes and gives the rates.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.figures import machine, percentiles
from benchmarks.servers import cpu_behind
from benchmarks.stage import Servers, staged
from hub.demo.city import City
from hub.demo.fleet import COMMANDS, Fleet
from hub.demo.life import CityLife
from hub.demo.settlement import Held, compare, read_store
from hub.demo.town import Town
from hub.demo.traffic import Traffic
from hub.logs import set_up
from hub.stored import utc_now
from schemas.ids import ticket_no
from schemas.ticket import Source
from ticket_store.inbound import MessageOutcome

_PACE_SECONDS = 0.1  # 10 intakes a second
_MOST_PACED = 300
_POLL_SECONDS = 0.2
_SECONDS_A_MESSAGE = 0.5  # to settle, at most
_LEAST_SECONDS = 120.0


@dataclass(frozen=True)
class ExchangeOptions:
    messages: int = 1000
    seed: int = 1
    database_url: str | None = None
    broker_url: str | None = None


class _Nobody:
    """The clerks are in the hub."""

    states = ("draft", "received", "accepted", "dispatched", "acknowledged", "completed",
              "awaiting_reply", "awaiting_follow_up")  # fmt: skip

    async def work_once(self) -> int:
        return 0


async def exchange(options: ExchangeOptions) -> dict[str, Any]:
    """Run it; the figures of the contract, and two more. Raises: HubNotReady."""
    servers = Servers(options.database_url, options.broker_url)
    clerks = {kind: (sys.executable, "-m", "benchmarks.clerks", kind) for kind in ("run", "worker")}
    async with staged(
        servers,
        seed=options.seed,
        faults="none",
        webs=1,
        page_size=500,
        poll_seconds=_POLL_SECONDS,
        per_peer=8,
        commands={**COMMANDS, **clerks},
    ) as stage:
        town, fleet = stage.town, stage.fleet
        store = fleet.hub.store
        traffic = Traffic(
            town, City(options.seed), random.Random(f"traffic:{options.seed}"), utc_now
        )
        life = CityLife(town, traffic, _Nobody(), store, fleet.url, utc_now)
        paced = min(_MOST_PACED, options.messages // 4)
        limit = _LEAST_SECONDS + options.messages * _SECONDS_A_MESSAGE
        left = await life.play(traffic.send(paced, _PACE_SECONDS), limit)
        first = await read_store(store, town.names)
        begun, before = time.monotonic(), _cpu(fleet, servers)
        left += await life.play(traffic.send(options.messages - paced), limit)
        seconds, after = time.monotonic() - begun, _cpu(fleet, servers)
        peak = max(process.peak_rss_mb() for process in fleet.processes)
        await fleet.stop()
        held = await read_store(store, town.names)
        settlement = compare(town.claims(), held)
        told = percentiles(end_to_end(town, first))
    for line in (*(f"unsettled: {one}" for one in left), *settlement.lines()):
        print(line, file=sys.stderr)
    tickets = len(held.tickets) - len(first.tickets)
    cpu = {part: round((after[part] - before[part]) * 1000 / max(1, tickets), 2) for part in after}
    return {
        "intakes_per_s": round(tickets / seconds, 1),
        "events_per_s": round((_events(held) - _events(first)) / seconds, 1),
        "end_to_end_ms": told,
        "cpu_ms_per_ticket": cpu["hub"],
        "lost": len(settlement.lost) + len(left),
        "doubled": len(settlement.doubled) + len(settlement.out_of_order),
        "peak_rss_mb": round(peak, 1),
        "database_cpu_ms_per_ticket": cpu["database"],
        "broker_cpu_ms_per_ticket": cpu["broker"],
    }


def _cpu(fleet: Fleet, servers: Servers) -> dict[str, float]:
    """Seconds so far; 0 for what works inside the hub or on another machine."""
    return {
        "hub": sum(process.cpu_seconds() for process in fleet.processes),
        "database": cpu_behind("database", servers.database_url),
        "broker": cpu_behind("broker", servers.broker_url),
    }


def _events(held: Held) -> int:
    return sum(map(len, held.histories.values()))


def end_to_end(town: Town, held: Held) -> list[float]:
    """Milliseconds from the row of the message that registered a ticket to the first state that its
    source applied; of those tickets that `held` has."""
    told = _first_told(town)
    found = []
    for message in held.messages:
        ticket = held.tickets.get(message.ticket_id or 0)
        if message.outcome is not MessageOutcome.REGISTERED or ticket is None:
            continue
        ours = ticket.source is Source.WEB_PORTAL
        number = ticket_no(ticket.ticket_id) if ours else ticket.source_ticket_no or ""
        at = told.get((message.peer, number))
        if at is not None:
            found.append((at - message.received_at).total_seconds() * 1000)
    return found


def _first_told(town: Town) -> dict[tuple[str, str], datetime]:
    """When a peer applied the first state of a ticket; of calls, when the result was written."""
    told = {
        (claim.peer, number): min(at for _, _, at in updates)
        for claim in town.claims()
        if claim.peer != town.switch_name
        for number, updates in claim.book.applied.items()
    }
    for path in town.switch.results.glob("*.json"):
        key = town.switch_name, json.loads(path.read_bytes())["call_no"]
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        told[key] = min(written, told.get(key, written))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database-url")
    parser.add_argument("--broker-url")
    parser.add_argument("--json", action="store_true", help="accepted: the result is always JSON")
    given = parser.parse_args()
    set_up("warning", "text")
    print(f"exchange, {given.messages} messages: {machine()}", file=sys.stderr)
    figures = asyncio.run(
        exchange(ExchangeOptions(given.messages, given.seed, given.database_url, given.broker_url))
    )
    print(json.dumps(figures))
    sys.exit(0 if figures["lost"] == figures["doubled"] == 0 else 1)


if __name__ == "__main__":
    main()
