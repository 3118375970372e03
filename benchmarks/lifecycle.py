"""What does one ticket cost over HTTP? `python -m benchmarks.lifecycle --preload 10000 --json`

Clients drive the real `web` process through its JSON API. One lifecycle: create with accept ->
dispatch -> acknowledge -> complete -> close -> found by phone -> found by a two-character word in a
time range. Then, with the hub idle otherwise, the keyword search alone.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.figures import machine, percentiles
from benchmarks.history import HISTORY, Written, registration_of, write_history
from benchmarks.multiplied import multiply
from hub.assembly import build
from hub.demo.city import City, Matter
from hub.demo.day import DemoSettings
from hub.demo.hub_process import (
    SUTONG,
    HubProcess,
    database_cpu_seconds,
    free_port,
    write_settings,
)
from hub.logs import set_up
from schemas.parties import Role

_CENTRE = frozenset({Role.OPERATOR, Role.DISPATCHER, Role.REVIEWER, Role.LEADER})
_STATES = ("closed", "closed", "dispatched")  # most tickets, and hardly any
_DEPARTMENTS = 6  # that the clients' tickets go to
_SEARCHES = 300
_WORDS = (
    "退款",
    "电梯",
    "积水",
    "噪声",
    "路灯",
    "停电",
    "工资",
    "油烟",
    "渗水",
    "快递",
    "护栏",
    "课时",
)
_LETTERS = "晴雨雪霜露雾虹霞云雷电风松柏梅兰竹菊荷桂枫桐杏桃李梨柳榆槐桑江河湖海溪泉潭渊"


@dataclass(frozen=True)
class LifecycleOptions:
    preload: int = 1000
    seconds: float = 20.0
    clients: int = 8
    seed: int = 1
    copies: int = 0
    database_url: str | None = None


@dataclass
class _Tally:
    """latencies: milliseconds of whole lifecycles."""

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class _WrongAnswer(Exception):
    """A step of a lifecycle did not do what it should."""


@dataclass(frozen=True)
class _Client:
    """One caller with the tokens of all who take part."""

    http: aiohttp.ClientSession
    centre: str
    handlers: Mapping[str, str]
    rng: random.Random

    async def lifecycle(self, matter: Matter) -> None:
        """Raises: _WrongAnswer, aiohttp.ClientError."""
        department = self.rng.choice(sorted(self.handlers))
        phone = f"1380000{self.rng.randrange(10_000):04d}"
        word = "".join(self.rng.sample(_LETTERS, 2))
        began = datetime.now(UTC) - timedelta(seconds=1)
        registration = registration_of(matter, datetime.now(UTC)).model_dump(mode="json")
        registration["citizen"]["phone"] = phone
        registration["matter"]["text"] += f"附近有{word}亭。"
        made = await self._post(
            "/api/v1/tickets", self.centre, {"registration": registration, "accept": True}
        )
        ticket_id = made["ticket_id"]
        handler = self.handlers[department]
        await self._act(
            ticket_id, "dispatch", self.centre, {"form": "single", "departments": [department]}
        )
        await self._act(ticket_id, "acknowledge", handler, {})
        await self._act(ticket_id, "complete", handler, {"result": "已处理。"})
        closed = await self._act(
            ticket_id, "close", self.centre, {"reason": "已办结", "reply": "已办理。"}
        )
        if closed["state"] != "closed":
            raise _WrongAnswer(f"closed is {closed['state']}")
        await self.find(ticket_id, phone=phone)
        await self.find(ticket_id, text=word, **{"from": began.isoformat()})

    async def find(self, ticket_id: int | None, **filters: str) -> None:
        """Raises: _WrongAnswer when the ticket is not among the first hundred."""
        params = {**filters, "limit": "100"}
        async with self.http.get(
            "/api/v1/tickets", params=params, headers=_bearer(self.centre)
        ) as answer:
            answer.raise_for_status()
            found = {row["ticket_id"] for row in (await answer.json())["tickets"]}
        if ticket_id is not None and ticket_id not in found:
            raise _WrongAnswer(f"not found by {', '.join(sorted(filters))}")

    async def _act(
        self, ticket_id: int, action: str, token: str, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        return await self._post(f"/api/v1/tickets/{ticket_id}/actions/{action}", token, fields)

    async def _post(self, path: str, token: str, body: Mapping[str, Any]) -> dict[str, Any]:
        async with self.http.post(path, json=body, headers=_bearer(token)) as answer:
            answer.raise_for_status()
            made: dict[str, Any] = await answer.json()
            return made


async def lifecycle(options: LifecycleOptions) -> dict[str, Any]:
    """Run it; the figures of the contract. Raises: HubNotReady."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sutong-bench-")))
        given: dict[str, Any] = {
            "home": folder / "home", "port": free_port(), "log_level": "warning",
        }  # fmt: skip
        if options.database_url:
            given["database_url"] = options.database_url
        settings = DemoSettings(**given)
        write_settings(given["home"], given | {"home": str(given["home"])})
        written = await write_history(settings, options.preload, options.seed)
        if options.copies:
            await _copy_tickets(settings, options)
        centre, handlers = await _tokens(settings)
        process = HubProcess(given["home"], given["port"], (*SUTONG, "web"), folder / "hub.log")
        stack.callback(process.kill)
        await process.start()
        http = await stack.enter_async_context(
            aiohttp.ClientSession(
                process.url,
                timeout=aiohttp.ClientTimeout(30),
                connector=aiohttp.TCPConnector(limit=options.clients + 2),
            )
        )
        rng = random.Random(f"lifecycle:{options.seed}")
        client = _Client(http, centre, handlers, rng)
        return await _measure(client, process, options, written)


async def _copy_tickets(settings: DemoSettings, options: LifecycleOptions) -> None:
    """The copies of a ticket lie evenly between it and the one after it."""
    hub = await build(settings)
    try:
        # history leaves a hundredth free at its end
        step = HISTORY * 0.98 / max(1, options.preload) / (options.copies + 1)
        await multiply(hub.store.database, options.copies, step)
    finally:
        await hub.close()


async def _tokens(settings: DemoSettings) -> tuple[str, dict[str, str]]:
    hub = await build(settings, migrating=True)
    try:
        tokens = hub.store.people.tokens
        centre, _ = await tokens.create("benchmark", "centre", _CENTRE)
        handlers = {}
        for one in hub.catalogue.departments()[:_DEPARTMENTS]:
            role = frozenset({Role.HANDLER})
            secret, _ = await tokens.create("benchmark", one.code, role, department=one.code)
            handlers[one.code] = secret
        return centre, handlers
    finally:
        await hub.close()


async def _measure(
    client: _Client, process: HubProcess, options: LifecycleOptions, written: Written
) -> dict[str, Any]:
    matters, tally = City(options.seed + 1).matters(), _Tally()
    await client.lifecycle(next(matters))  # warm
    before = _cpu(process, options)
    begun = time.monotonic()

    async def run() -> None:
        while time.monotonic() - begun < options.seconds:
            started = time.perf_counter()
            try:
                await client.lifecycle(next(matters))
            except (_WrongAnswer, aiohttp.ClientError) as error:
                tally.errors.append(f"{type(error).__name__}: {error}")
            else:
                tally.latencies.append((time.perf_counter() - started) * 1000)

    await asyncio.gather(*(run() for _ in range(options.clients)))
    seconds = time.monotonic() - begun
    used = {name: value - before[name] for name, value in _cpu(process, options).items()}
    done = len(tally.latencies)
    for error in tally.errors[:5]:
        print(error, file=sys.stderr)
    return {
        "lifecycles_per_s": round(done / seconds, 1),
        "cpu_ms_per_lifecycle": {
            name: round(value * 1000 / max(1, done), 2) for name, value in used.items()
        },
        "latency_ms": percentiles(tally.latencies),
        "search_ms": percentiles(await _searches(client)),
        "search_state_ms": percentiles(await _searches(client, state=True)),
        "errors": len(tally.errors),
        "preload": options.preload * (options.copies + 1),
        "preload_tickets_per_s": written.tickets_per_s,
        "bytes_per_ticket": written.bytes_per_ticket,
    }


async def _searches(client: _Client, *, state: bool = False) -> list[float]:
    """Milliseconds of keyword searches, one after the other.

    In ranges of some days up to now; with `state`, in a state and a month of the last three.
    """
    found = []
    for number in range(_SEARCHES):
        filters = {"text": _WORDS[number % len(_WORDS)]}
        days = client.rng.choice((1, 7, 30, 90))
        if state:
            days = client.rng.choice((30, 60, 90))
            end = datetime.now(UTC) - timedelta(days=days - 30)
            filters |= {"state": client.rng.choice(_STATES), "to": end.isoformat()}
        since = datetime.now(UTC) - timedelta(days=days)
        started = time.perf_counter()
        await client.find(None, **filters, **{"from": since.isoformat()})
        found.append((time.perf_counter() - started) * 1000)
    return found


def _cpu(process: HubProcess, options: LifecycleOptions) -> dict[str, float]:
    return {
        "hub": process.cpu_seconds(),
        "database": database_cpu_seconds(options.database_url),
        "load": time.process_time(),
    }


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preload", type=int, default=1000, help="closed tickets to begin with")
    parser.add_argument("--copies", type=int, default=0, help="of each of these, made by SQL")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database-url")
    parser.add_argument("--json", action="store_true", help="accepted: the result is always JSON")
    given = parser.parse_args()
    set_up("warning", "text")
    print(f"lifecycle, {given.preload} tickets: {machine()}", file=sys.stderr)
    figures = asyncio.run(
        lifecycle(
            LifecycleOptions(
                preload=given.preload,
                seconds=given.seconds,
                clients=given.clients,
                seed=given.seed,
                copies=given.copies,
                database_url=given.database_url,
            )
        )
    )
    print(json.dumps(figures))
    sys.exit(1 if figures["errors"] else 0)


if __name__ == "__main__":
    main()
