"""The machine's clock is set forward or back by an hour: what must not depend on it does not."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.errors import PeerUnavailable
from schemas.ids import TicketIds
from schemas.lifecycle import Action
from schemas.outbound import DeliveryState
from schemas.parties import Role
from tests.schemas import cases
from tests.streams.hub import FakePeer as StreamPeer
from tests.streams.hub import SetClock, running_hub
from tests.streams.test_flow_intake import new
from tests.ticket_store.fake_peer import FakePeer
from tests.ticket_store.hub_case import Clock, command, opened, owes_source, register
from tests.ticket_store.reading_case import reading_case
from tests.ticket_store.test_leases import SECONDS, Ticking, lease
from tests.ticket_store.test_sender import running, sender_of, settled, tickets_with_events, until
from ticket_store.breaker import Breaker, BreakerRule, Circuit
from ticket_store.inbound import MessageOutcome
from ticket_store.people_values import NewUser
from ticket_store.schedule import Schedule
from ticket_store.sender import SenderRules

HOUR = 3600.0
JUMPS = (HOUR, -HOUR, -HOUR, HOUR, HOUR)  # the last two are a summer time that comes and goes
PASSWORD = "Correct-horse-7"
WANG = NewUser(user_name="wang", display_name="Wang", roles=frozenset({Role.OPERATOR}))


@pytest.mark.parametrize("jumps", [JUMPS, (-HOUR,) * 5, (HOUR,) * 5])
def test_ticket_ids_stay_unique_and_rise(jumps: Sequence[float]) -> None:
    clock = Clock()
    ids = TicketIds(clock.milliseconds)
    given: list[int] = []
    for jump in jumps:
        given += [ids.next() for _ in range(500)]
        clock.advance(jump)
    assert len(set(given)) == len(given)
    assert given == sorted(given)


async def test_the_events_of_a_ticket_never_go_back(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "s.db", clock) as store:
        ticket_id = store.ids.next()
        await store.desk.execute(register(ticket_id, "A1", at=clock()))
        for jump in JUMPS:
            clock.advance(jump)
            await store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id, at=clock()))
        times = [one.at for one in await store.tickets.history(ticket_id)]
        assert times == sorted(times)
        assert len(times) == 2 + len(JUMPS)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_what_waits_for_its_next_try_is_tried_within_its_wait(
    tmp_path: Path, jump: float
) -> None:
    clock = Clock()
    rules = SenderRules(
        schedule=Schedule(waits=(30.0,) * 50, jitter=0.0),
        breaker=BreakerRule(failures=3),
        poll_seconds=0.001,
    )
    async with opened(tmp_path / "s.db", clock, owes=owes_source) as store:
        keys = await tickets_with_events(store, 2)
        peer = FakePeer(raises=PeerUnavailable("city", "nobody there"))
        async with running(sender_of(store, {"city": peer}, rules)) as sender:
            await until(lambda: peer.calls >= 3, clock)
            clock.advance(jump)
            set_at = clock()
            peer.raises = None
            sender.wake()
            await until(settled(store), clock)
            assert clock() - set_at < timedelta(minutes=5)
        assert sorted(peer.applied) == sorted(keys)
        assert peer.doubled() == []


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_what_is_under_way_is_not_sent_beside_itself(tmp_path: Path, jump: float) -> None:
    """A lease that ends by the clock ends early when it is set forward."""
    clock = Clock()
    async with opened(tmp_path / "s.db", clock, owes=owes_source) as store:
        keys = await tickets_with_events(store, 1)
        peer = FakePeer(gate=asyncio.Event())
        assert peer.gate is not None
        async with running(sender_of(store, {"city": peer})) as sender:
            await until(lambda: peer.calls == 1)
            clock.advance(jump)
            for _ in range(20):  # so many looks at what is due
                sender.wake()
                await asyncio.sleep(0.005)
            assert (peer.calls, peer.asked) == (1, 0)
            peer.gate.set()
            await until(settled(store), clock)
        assert sorted(peer.applied) == sorted(keys)
        assert peer.doubled() == []
        assert await store.deliveries.counts() == {"city": {DeliveryState.DELIVERED: len(keys)}}


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_breaker_rests_for_no_longer_than_it_meant_to(jump: float) -> None:
    clock = Clock()
    breaker = Breaker(BreakerRule(failures=1), clock)
    breaker.failed()
    clock.advance(jump)
    assert breaker.seconds_to_probe() <= 5.0
    clock.advance(5.0)
    assert breaker.circuit is Circuit.HALF_OPEN


async def test_who_leads_is_measured_by_no_wall_clock(tmp_path: Path) -> None:
    clock, ticking = Clock(), Ticking()
    async with opened(tmp_path / "s.db", clock) as store:
        one, two = lease(store, "one", ticking), lease(store, "two", ticking)
        await one.beat()
        for jump in JUMPS:
            clock.advance(jump)
            ticking.at += SECONDS / 4
            assert await one.beat()
            assert not await two.beat()
            assert (one.held, two.held) == (True, False)


async def test_what_comes_in_after_the_clock_was_set_back_is_registered(tmp_path: Path) -> None:
    clock = SetClock()
    async with running_hub(tmp_path, StreamPeer(), clock=clock) as hub:
        first = await hub.settled(await hub.receive(new("A1"), no="1"))
        clock.now -= timedelta(hours=1)
        second = await hub.settled(await hub.receive(new("A2"), no="2"))
        assert [first.outcome, second.outcome] == [MessageOutcome.REGISTERED] * 2
        assert first.ticket_id != second.ticket_id


async def test_a_session_ends_by_its_hours_and_never_by_going_back(tmp_path: Path) -> None:
    clock = Clock()
    async with reading_case(tmp_path, clock) as case:
        people = case.reading.people
        await people.create("cli", WANG, PASSWORD)
        token, _ = await people.sign_in("wang", PASSWORD)
        clock.advance(-HOUR)
        assert await people.session(token) is not None
        clock.advance(HOUR)
        assert await people.session(token) is not None
        clock.advance(48 * HOUR)  # set forward by two days: signed out, and signs in again
        assert await people.session(token) is None
        again, _ = await people.sign_in("wang", PASSWORD)
        assert await people.session(again) is not None
