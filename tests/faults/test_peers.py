"""Every kind of peer behind a bad line: the right error, and each event delivered once in the end.

The phone log is a folder: there is no wire to spoil, and its half-written files are tested with it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Connector
from connectors.registry import build_peers
from hub.demo.peers.books import Book
from hub.demo.peers.hotline12345 import NewOrder
from hub.demo.peers.server import HttpPeer
from hub.demo.town import Town
from schemas.areas import NO_AREAS
from schemas.errors import PeerUnavailable
from schemas.events import Recorded
from schemas.outbound import DeliveryState, Outbound, Receipt
from schemas.ticket import Source, Ticket
from streams.poll import Poller
from tests.faults.proxy import FaultProxy
from tests.faults.toxics import (
    Bandwidth,
    Latency,
    ResetPeer,
    Slicer,
    Stream,
    Timeout,
    Toxic,
)
from tests.schemas import cases
from tests.streams.hub import FixedProposer, TellingProgress, deps_of
from tests.ticket_store.hub_case import Clock, opened, register, seeded
from tests.ticket_store.test_sender import settled, until
from ticket_store.breaker import BreakerRule, Circuit
from ticket_store.schedule import Schedule
from ticket_store.sender import Sender, SenderRules
from ticket_store.store import Store

PATIENCE = 30.0
CALL_SECONDS = 0.4  # of a call to the peer; what takes longer is given up
PEERS = ("hotline", "province", "portal")
RULES = SenderRules(
    schedule=Schedule(waits=(0.05,), last_times=400, jitter=0.0),
    poll_seconds=0.02,
    breaker=BreakerRule(failures=3, first_wait_seconds=0.05, longest_wait_seconds=0.1),
)


@dataclass(frozen=True)
class Fault:
    """toxic: None is `down`. slow: it costs time, and nothing fails.

    arrives: whether the peer has applied what it was told, though nobody heard so.
    doubt:   whether a call that changes something may have arrived, for all we know.
    """

    toxic: Toxic | None
    stream: Stream = Stream.DOWNSTREAM
    slow: bool = False
    arrives: bool = False
    doubt: bool = True


FAULTS = {
    "latency": Fault(Latency(20, jitter=10), slow=True),
    "bandwidth": Fault(Bandwidth(rate=30), Stream.UPSTREAM, slow=True),
    "slicer": Fault(Slicer(100, 50, delay=500), slow=True),
    "timeout-of-calls": Fault(Timeout(), Stream.UPSTREAM),
    "timeout-of-answers": Fault(Timeout(), arrives=True),
    "timeout-and-closed": Fault(Timeout(50), arrives=True),
    "reset_peer": Fault(ResetPeer()),
    "down": Fault(None, doubt=False),
}


@dataclass
class Line:
    """One peer, and our connector to it with the proxy between."""

    connector: Any
    peer: HttpPeer
    book: Book
    proxy: FaultProxy
    order: Callable[[], str]  # something of the peer's to be polled; its number

    async def spoil(self, fault: Fault) -> None:
        if fault.toxic is None:
            await self.proxy.down()
        else:
            self.proxy.add(fault.toxic, fault.stream)

    async def mend(self) -> None:
        self.proxy.heal()
        await self.proxy.up()


@dataclass
class Noting:
    """The connector as the sender sees it; keeps what was tried and how it ended."""

    connector: Any
    tries: list[Exception | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, outbound: Outbound) -> Receipt:
        try:
            receipt: Receipt = await self.connector.deliver(outbound)
        except Exception as error:
            self.tries.append(error)
            self.told.set()
            raise
        self.tries.append(None)
        return receipt

    async def ask(self, outbound: Outbound) -> Receipt | None:
        self.asked.append(outbound.key)
        found: Receipt | None = await self.connector.ask(outbound)
        return found


@asynccontextmanager
async def line_to(name: str, folder: Path) -> AsyncIterator[Line]:
    """A simulated peer without faults of its own, behind a proxy."""
    town = Town(folder, seed=1, plan="none", now=lambda: datetime.now(UTC))
    async with town:
        peer: Any = getattr(town, name)
        port = int(peer.url.rpartition(":")[2])
        async with asyncio.timeout(PATIENCE), FaultProxy(port, seeded(1)) as proxy:
            entry = town.entries(0.05)[name] | {"timeout_seconds": CALL_SECONDS}
            for key in ("url", "callback_url"):
                if key in entry:
                    entry[key] = entry[key].replace(peer.url, proxy.url)
            connector = build_peers({name: entry}, NO_AREAS)[name].connector
            try:
                yield Line(connector, peer, peer.book, proxy, _orders(name, town))
            finally:
                await connector.close()


def _orders(name: str, town: Town) -> Callable[[], str]:
    def of_province() -> str:
        number = f"P{len(town.province.messages):06d}"
        town.province.issue(number, title="路灯不亮", content="小区门口的路灯不亮。")
        return number

    if name == "province":
        return of_province
    return lambda: town.hotline.place(NewOrder(title="路灯不亮", content="小区门口的路灯不亮。"))


def owes(ticket: Ticket, recorded: Recorded) -> tuple[str, ...]:
    return (ticket.peer,) if ticket.peer and recorded.event.kind == "ticket_accepted" else ()


async def owed(store: Store, line: Line) -> int:
    """A ticket of the peer whose acceptance it is owed; its id."""
    ticket_id = store.ids.next()
    connector: Connector = line.connector
    number = None if connector.source is Source.WEB_PORTAL else line.order()
    body = cases.registration(
        connector.source, peer=connector.name, source_ticket_no=number or f"web-{ticket_id}"
    )
    await store.desk.execute(register(ticket_id, registration=body))
    return ticket_id


@asynccontextmanager
async def sending(store: Store, noting: Noting) -> AsyncIterator[Sender]:
    sender = Sender(
        store.deliveries,
        store.desk,
        {noting.connector.name: noting},
        holder="me",
        now=lambda: datetime.now(UTC),
        rng=seeded(1),
        rules=RULES,
    )
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        await sender.stop()
        await task


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_delivery_over_a_bad_line_arrives_once(
    tmp_path: Path, name: str, fault: Fault
) -> None:
    async with (
        opened(tmp_path / "s.db", Clock(), owes=owes) as store,
        line_to(name, tmp_path) as line,
    ):
        await line.connector.check()  # a connection is kept, and spoilt with the others
        await owed(store, line)
        await line.spoil(fault)
        noting = Noting(line.connector)
        async with sending(store, noting):
            if not fault.slow:
                await noting.told.wait()
                [first, *_] = noting.tries
                assert isinstance(first, PeerUnavailable)
                assert first.uncertain is fault.doubt
                assert not fault.arrives or len(line.book) == 1
                await line.mend()
            await until(settled(store))
        counts = await store.deliveries.counts()
        assert counts == {line.connector.name: {DeliveryState.DELIVERED: 1}}
        assert len(line.book) == 1
        assert line.book.doubled == line.book.out_of_order == 0
        if fault.slow:
            assert (noting.tries, noting.asked) == ([None], [])
        elif fault.arrives:  # asked, and told that it has it: sent no second time
            assert noting.asked
            assert line.book.repeated == 0
        elif not fault.doubt:
            assert noting.asked == []


@pytest.mark.parametrize("name", ["hotline", "province"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_poller_over_a_bad_line_loses_no_message(
    tmp_path: Path, name: str, fault: Fault
) -> None:
    async with opened(tmp_path / "s.db", Clock()) as store, line_to(name, tmp_path) as line:
        deps = deps_of(store, Clock(), [line.connector], FixedProposer(), TellingProgress())
        poller = Poller(line.connector, deps)
        line.order()
        await poller.once()
        assert len(await store.inbound.browse()) == 1
        line.order()
        await line.spoil(fault)
        if fault.slow:
            await poller.once()
        else:
            with pytest.raises(PeerUnavailable) as refused:
                await line.connector.check()
            assert not refused.value.uncertain  # a question changes nothing
            before = poller.pause()
            await poller.once()  # told to the log, not raised
            assert poller.pause() > before
            assert len(await store.inbound.browse()) == 1
            await line.mend()
            await poller.once()
            assert poller.pause() == before
        messages = await store.inbound.browse()
        assert len(messages) == 2
        assert len({message.content for message in messages}) == 2


async def test_a_peer_that_is_lost_is_left_alone_and_found_again(tmp_path: Path) -> None:
    async with (
        opened(tmp_path / "s.db", Clock(), owes=owes) as store,
        line_to("hotline", tmp_path) as line,
    ):
        for _ in range(4):
            await owed(store, line)
        await line.proxy.down()
        noting = Noting(line.connector)
        async with sending(store, noting) as sender:
            [lane] = sender.lanes.values()
            await until(lambda: lane.breaker.circuit is not Circuit.CLOSED)
            await line.mend()
            await until(settled(store))
        assert len(line.book) == 4
        assert line.book.repeated == 0
