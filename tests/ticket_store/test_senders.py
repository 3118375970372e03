"""Several sender processes on one store: each delivery is one process's at a time, and a killed one
is followed by others, who ask before they send again."""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.ids import TicketIds, delivery_key, event_id
from schemas.lifecycle import Action
from tests.postgresql import own_database
from tests.schemas import cases
from tests.ticket_store.hub_case import RULES, command, owes_source, register
from tests.ticket_store.sender_child import QUICK
from ticket_store.engine import connect
from ticket_store.migrations import migrate
from ticket_store.store import Store

ROOT = Path(__file__).resolve().parents[2]
SENDERS, KILLS, TICKETS, REMINDERS = 3, 6, 40, 4
PATIENCE_SECONDS = 120.0


@dataclass
class Recorder:
    """A peer that applies every call, also a repeat: it knows no idempotency.

    trap: the next delivery is caught there: "before" it is applied, or "after"; the caller gets no
    answer, ever.
    """

    trap: str | None = None
    caught: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    applied: Counter[str] = field(default_factory=Counter)
    order: dict[int, list[int]] = field(default_factory=dict)
    calls: dict[str, list[tuple[str, int]]] = field(default_factory=dict)  # key -> what, who
    under_way: Counter[int] = field(default_factory=Counter)
    most_per_ticket: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readline())
            ticket_id = asked["ticket_id"]
            self.calls.setdefault(asked["key"], []).append((asked["what"], asked["pid"]))
            self.under_way[ticket_id] += 1
            self.most_per_ticket = max(self.most_per_ticket, self.under_way[ticket_id])
            answer = await self._answer(asked, reader)
            self.under_way[ticket_id] -= 1
            if answer is not None:
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # the caller was killed
        finally:
            writer.close()

    async def _answer(
        self, asked: dict[str, Any], reader: asyncio.StreamReader
    ) -> dict[str, Any] | None:
        if asked["what"] == "ask":
            return {"applied": bool(self.applied[asked["key"]])}
        trap, self.trap = self.trap, None
        if trap != "before":
            self.applied[asked["key"]] += 1
            self.order.setdefault(asked["ticket_id"], []).append(asked["sequence"])
        if trap is None:
            return {}
        self.caught.put_nowait(asked | {"trap": trap})
        await reader.read()  # until the caller is no more
        return None


@dataclass
class Children:
    url: str
    port: int
    running: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    started: int = 0

    async def start(self) -> None:
        self.started += 1
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.ticket_store.sender_child", self.url, str(self.port),
            str(self.started), cwd=ROOT,
        )  # fmt: skip
        self.running[child.pid] = child

    async def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        await self.running.pop(pid).wait()


@asynccontextmanager
async def senders(url: str, peer: Recorder) -> AsyncIterator[Children]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    children = Children(url, server.sockets[0].getsockname()[1])
    try:
        for _ in range(SENDERS):
            await children.start()
        yield children
    finally:
        for pid in list(children.running):
            await children.kill(pid)
        server.close()


@pytest.fixture
async def store_and_url() -> AsyncIterator[tuple[Store, str]]:
    async with own_database("senders") as url:
        await migrate(url)
        store = Store(
            connect(url), rules=RULES, owes=owes_source, now=lambda: datetime.now(UTC),
            ids=TicketIds(lambda: time.time_ns() // 1_000_000),
        )  # fmt: skip
        yield store, url
        await store.close()


async def owe(store: Store, tickets: list[int]) -> None:
    """Events of many tickets, in turn, while senders are at work."""
    for number, one in enumerate(tickets):
        await store.desk.execute(register(one, f"N{number}"))
    for _ in range(REMINDERS):
        for one in tickets:
            await store.desk.execute(command(Action.REMIND, cases.OPERATOR, one))


async def settled(store: Store) -> None:
    while True:
        if not await store.deliveries.owed_counts():
            return
        await asyncio.sleep(QUICK.poll_seconds)


@pytest.mark.postgresql
@pytest.mark.slow
async def test_deliveries_of_killed_senders_are_taken_over_asked_first_and_applied_once(
    store_and_url: tuple[Store, str],
) -> None:
    store, url = store_and_url
    peer = Recorder()
    tickets = [store.ids.next() for _ in range(TICKETS)]
    keys = [
        delivery_key(event_id(one, sequence), "city")
        for one in tickets
        for sequence in range(1, 2 + REMINDERS + 1)
    ]
    killed: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_SECONDS), senders(url, peer) as children:
        owing = asyncio.create_task(owe(store, tickets))
        for number in range(KILLS):
            peer.trap = ("before", "after")[number % 2]
            caught = await peer.caught.get()
            await children.kill(caught["pid"])
            killed.append(caught)
            await children.start()
            if owing.done():  # more to send for the next one
                await owing
                await store.desk.execute(command(Action.REMIND, cases.OPERATOR, tickets[number]))
        await owing
        await settled(store)
    assert {key: peer.applied[key] for key in keys} == dict.fromkeys(keys, 1)
    assert set(peer.applied.values()) == {1}
    assert all(numbers == sorted(numbers) for numbers in peer.order.values())
    assert peer.most_per_ticket == 1
    for caught in killed:
        calls = peer.calls[caught["key"]]
        who = [pid for _, pid in calls]
        assert who[0] == caught["pid"]
        assert caught["pid"] not in who[1:]
        again = ["ask"] if caught["trap"] == "after" else ["ask", "deliver"]
        assert [what for what, _ in calls] == ["deliver", *again]
    senders_seen = {pid for calls in peer.calls.values() for _, pid in calls}
    assert len(senders_seen) > SENDERS  # the work was spread, and the restarted took part
