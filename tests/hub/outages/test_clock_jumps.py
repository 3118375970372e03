"""The machine's clock is set forward or back by an hour: what must not depend on it does not."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import PeerUnavailable
from schemas.events import WarningFired
from schemas.ids import TicketIds
from schemas.lifecycle import Action
from schemas.outbound import DeliveryState
from schemas.parties import Role
from schemas.winding import rebuild
from streams.sla_ticks import Ticks
from tests.schemas import cases
from tests.schemas.test_winding import on
from tests.streams.hub import (
    POLICY,
    FixedProposer,
    SetClock,
    TellingProgress,
    deps_of,
    open_test_store,
    running_hub,
)
from tests.streams.hub import FakePeer as StreamPeer
from tests.streams.test_flow_clocks import at_rest, registered
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
JUMPS = (HOUR, -HOUR, -7.0, -HOUR, HOUR, HOUR)  # the last two are a summer time that comes and goes
PASSWORD = "Correct-horse-7"
WANG = NewUser(user_name="wang", display_name="Wang", roles=frozenset({Role.OPERATOR}))


@pytest.mark.parametrize("jumps", [JUMPS, (-HOUR,) * 5, (HOUR,) * 5, (-7.0, 2.0) * 3])
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


async def test_a_clock_set_back_while_nobody_looked_keeps_nothing_waiting(tmp_path: Path) -> None:
    clock = Clock()
    rules = SenderRules(schedule=Schedule(waits=(300.0,) * 9, jitter=0.0), poll_seconds=0.001)
    async with opened(tmp_path / "s.db", clock, owes=owes_source) as store:
        keys = await tickets_with_events(store, 2)
        peer = FakePeer(raises=PeerUnavailable("city", "nobody there"))
        async with running(sender_of(store, {"city": peer}, rules)):
            await until(lambda: peer.calls >= 2)
        clock.advance(-HOUR)
        peer.raises = None
        async with running(sender_of(store, {"city": peer}, rules)):
            await until(settled(store))  # though the clock stands still
        assert sorted(peer.applied) == sorted(keys)
        assert peer.doubled() == []


@pytest.mark.parametrize("running_before", [True, False])
async def test_what_a_lost_process_was_at_is_taken_up_after_its_lease_and_not_before(
    tmp_path: Path, running_before: bool
) -> None:
    clock = Clock()
    rules = SenderRules(poll_seconds=0.001)
    async with opened(tmp_path / "s.db", clock, owes=owes_source) as store:
        keys = await tickets_with_events(store, 1)
        lost = await store.deliveries.take("city", clock(), "lost", rules.lease_seconds, 4, 9)
        assert len(lost) == 1
        peer = FakePeer()
        sender = sender_of(store, {"city": peer}, rules)
        if not running_before:
            clock.advance(-HOUR)
        async with running(sender):
            await until(lambda: sender.lanes["city"].seen == clock())
            if running_before:
                clock.advance(-HOUR)
                sender.wake()
                await until(lambda: sender.lanes["city"].seen == clock())
            clock.advance(rules.lease_seconds - 1)
            await until(lambda: sender.lanes["city"].seen == clock())
            assert (peer.calls, peer.asked) == (0, 0)
            clock.advance(1)
            await until(settled(store))
        assert peer.asked == 1
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


@pytest.mark.parametrize("back", [HOUR, 7.0])
async def test_limits_fire_once_when_the_clock_is_set_back_over_them(
    tmp_path: Path, back: float
) -> None:
    over = on("2026-11-27 00:00:00")
    async with running_hub(tmp_path) as hub:
        ticket_id = await registered(hub)
        said = await at_rest(hub, ticket_id, over)
        assert said["accept over"] == 1
        assert await at_rest(hub, ticket_id, over - timedelta(seconds=back)) == said
        later = await registered(hub)  # what begins while the clock is behind ends by it
        assert await at_rest(hub, ticket_id, over) == said
        assert await at_rest(hub, later, on("2026-12-01 12:00")) != {}
        again = await at_rest(hub, ticket_id, on("2026-12-01 12:00"))
        assert again == said + Counter({"reminder": 1})
        await hub.wound(later)


async def test_a_due_clock_is_asked_about_again_within_a_minute_after_a_jump_back(
    tmp_path: Path,
) -> None:
    """No stream runs here that would tell the clock what was fired: it stays due."""
    clock = SetClock()
    store = await open_test_store(tmp_path, clock)
    try:
        ticket_id = store.ids.next()
        await store.desk.execute(
            cases.command(Action.REGISTER, cases.OPERATOR, ticket_id=ticket_id, at=clock.now)
        )
        sheet = rebuild(await store.tickets.history(ticket_id), POLICY)
        assert sheet is not None
        assert await store.clocks.save(ticket_id, sheet.version, sheet.clocks)
        ticks = Ticks(deps_of(store, clock, (), FixedProposer(), TellingProgress()))

        async def commands_at(now: datetime) -> int:
            clock.now, before = now, store.writer.counters.jobs
            await ticks.once()
            return store.writer.counters.jobs - before

        over = clock.now + timedelta(days=60)
        assert await commands_at(over) > 0
        assert await commands_at(over + timedelta(seconds=59)) == 0
        assert await commands_at(over - timedelta(hours=1)) > 0  # repeats, by their ids
        history = await store.tickets.history(ticket_id)
        fired = [
            (one.event.clock, one.event.level)
            for one in history
            if isinstance(one.event, WarningFired)
        ]
        assert fired
        assert len(fired) == len(set(fired))
    finally:
        await store.close()


async def test_a_token_ends_with_its_days_and_never_by_going_back(tmp_path: Path) -> None:
    clock = Clock()
    async with reading_case(tmp_path, clock) as case:
        tokens = case.reading.people.tokens
        secret, _ = await tokens.create(
            "cli", "feed", frozenset({Role.OPERATOR}), lasts=timedelta(days=2)
        )
        for jump in (-HOUR, HOUR, HOUR, -7.0):
            clock.advance(jump)
            assert await tokens.find(secret) is not None
        clock.advance(48 * HOUR)
        assert await tokens.find(secret) is None
        clock.advance(-2 * HOUR)
        assert await tokens.find(secret) is not None


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
