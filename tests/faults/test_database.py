"""PostgreSQL behind a bad line: what was acknowledged is kept, the rest is refused in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, make_url, text

from schemas.commands import Command
from schemas.errors import StoreBusy
from schemas.ids import TicketIds
from schemas.lifecycle import Action
from tests.faults.proxy import FaultProxy
from tests.faults.toxics import (
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    Stream,
    Timeout,
    Toxic,
)
from tests.postgresql import own_database
from tests.schemas import cases
from tests.ticket_store.hub_case import RULES, Clock, command, owes_source, register, seeded
from ticket_store.engine import connect
from ticket_store.migrations import migrate
from ticket_store.store import Store

WRITE_SECONDS = 1.5
# a round that comes while a group is under way waits for that one first; the rest is the machine's
ROUND_SECONDS = 2 * WRITE_SECONDS + 2.0
TICKETS, ROUNDS = 4, 3


@dataclass(frozen=True)
class Fault:
    """toxic: None is `down`. slow: it costs time, and nothing fails."""

    toxic: Toxic | None
    stream: Stream = Stream.DOWNSTREAM
    slow: bool = False


FAULTS = {
    "latency": Fault(Latency(5, jitter=3), slow=True),
    "latency beyond the limit": Fault(Latency(1000 * WRITE_SECONDS)),
    "bandwidth": Fault(Bandwidth(rate=500), Stream.UPSTREAM, slow=True),
    "slicer": Fault(Slicer(200, 100, delay=100), slow=True),
    "timeout of statements": Fault(Timeout(), Stream.UPSTREAM),
    "timeout of answers": Fault(Timeout()),
    "timeout and closed": Fault(Timeout(50)),
    "reset_peer": Fault(ResetPeer()),
    "reset_peer in the middle": Fault(ResetPeer(20)),
    "limit_data": Fault(LimitData(2_000)),
    "down": Fault(None),
}


def store_at(url: str, clock: Clock, node: int = 0) -> Store:
    ids = TicketIds(clock.milliseconds, node)
    database = connect(url, write_seconds=WRITE_SECONDS)
    return Store(database, rules=RULES, owes=owes_source, ids=ids, now=clock)


def through(proxy: FaultProxy, url: str) -> str:
    return make_url(url).set(port=proxy.port).render_as_string(hide_password=False)


@asynccontextmanager
async def behind_a_proxy() -> AsyncIterator[tuple[Store, Store, FaultProxy]]:
    """A store behind the proxy, and one of another process that reaches the server itself."""
    async with own_database("bad_line") as url:
        await migrate(url)
        port = make_url(url).port
        assert port is not None
        async with FaultProxy(port, seeded(4)) as proxy:
            clock = Clock()
            stores = store_at(through(proxy, url), clock), store_at(url, clock, 1)
            try:
                yield *stores, proxy
            finally:
                proxy.heal()
                for store in stores:
                    await store.close()


async def put(store: Store, asked: Command) -> bool:
    """Whether it was acknowledged; anything but done or busy fails the test."""
    try:
        await store.desk.execute(asked)
    except StoreBusy:
        return False
    return True


async def a_round(store: Store, ids: list[int]) -> tuple[list[Command], list[bool]]:
    asked = [command(Action.REMIND, cases.OPERATOR, one) for one in ids]
    async with asyncio.timeout(ROUND_SECONDS):
        done = await asyncio.gather(*(put(store, one) for one in asked))
    return asked, list(done)


@pytest.mark.postgresql
@pytest.mark.parametrize("name", FAULTS)
async def test_what_was_acknowledged_is_there_once(name: str) -> None:
    fault = FAULTS[name]
    async with behind_a_proxy() as (store, other, proxy):
        ids = [store.ids.next() for _ in range(TICKETS)]
        asked: list[Command] = [register(one, f"N{one}") for one in ids]
        assert all([await put(store, one) for one in asked])

        if fault.toxic is None:
            await proxy.down()
        else:
            proxy.add(fault.toxic, fault.stream)
        acknowledged: list[Command] = list(asked)
        for _ in range(ROUNDS):
            given, done = await a_round(store, ids)
            asked += given
            acknowledged += [one for one, was in zip(given, done, strict=True) if was]
            assert all(done) or not fault.slow

        proxy.heal()
        await proxy.up()
        given, done = await a_round(store, ids)
        assert all(done)  # at once, on the same store
        asked += given
        acknowledged += given

        before = [await other.tickets.history(one) for one in ids]
        kept = {one.command_id for history in before for one in history}
        assert {one.command_id for one in acknowledged} <= kept
        for one in asked:  # a caller that heard nothing repeats
            assert await put(store, one)
        for ticket_id in ids:
            history = await other.tickets.history(ticket_id)
            assert [one.sequence for one in history] == list(range(1, len(history) + 1))
            ticket = await other.tickets.head(ticket_id)
            assert ticket is not None
            assert ticket.version == len(history)
            # registered and accepted by one command; every other made one event
            assert len(history) == 2 + ROUNDS + 1
            made = {one.command_id for one in history}
            assert made == {one.command_id for one in asked if one.ticket_id == ticket_id}
        report = await other.audit.verify()
        assert report.ok
        assert report.rows == len(asked)


@pytest.mark.postgresql
async def test_a_lost_process_does_not_hold_up_the_others_with_what_it_locked() -> None:
    """Its line breaks between two statements, and nobody tells the server that it is gone."""
    async with behind_a_proxy() as (store, other, proxy):
        first, second = store.ids.next(), other.ids.next()
        assert await put(store, register(first, "N1"))
        locked = asyncio.Event()

        def locks_and_is_cut_off(connection: Connection) -> None:
            connection.execute(text("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE"))
            proxy.add(Timeout(), Stream.UPSTREAM)
            locked.set()
            connection.execute(text("SELECT 1"))

        lost = asyncio.create_task(store.database.write(locks_and_is_cut_off))
        await locked.wait()
        async with asyncio.timeout(10 * WRITE_SECONDS):
            while not await put(other, register(second, "N2")):
                pass
        with pytest.raises(TimeoutError):
            await lost
