"""The sender loses nothing, doubles nothing, keeps the order, and lets no peer stall another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from schemas.errors import (
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
    StoreBusy,
)
from schemas.ids import delivery_key, event_id
from schemas.lifecycle import Action
from schemas.outbound import DeliveryState, Receipt
from tests.schemas import cases
from tests.ticket_store.fake_peer import FakePeer, Faults
from tests.ticket_store.hub_case import Clock, command, opened, owes_source, register, seeded
from ticket_store.breaker import BreakerRule
from ticket_store.deliveries import OwedDelivery
from ticket_store.endings import Ending
from ticket_store.lane import Lane
from ticket_store.schedule import Schedule
from ticket_store.sender import Sender, SenderRules
from ticket_store.store import Store

QUICK = SenderRules(
    schedule=Schedule(waits=(5.0,), last_times=30, jitter=0.0),
    poll_seconds=0.01,
    grace_seconds=0.05,
    breaker=BreakerRule(failures=1_000),
)
PATIENT_SECONDS = 30  # a test that hangs fails


def sender_of(
    store: Store,
    peers: Mapping[str, Any],
    rules: SenderRules = QUICK,
    kind: type[Sender] = Sender,
    holder: str = "me",
) -> Sender:
    return kind(
        store.deliveries, store.desk, peers, holder=holder, now=store.now, rng=seeded(1),
        rules=rules,
    )  # fmt: skip


@asynccontextmanager
async def running(sender: Sender) -> AsyncIterator[Sender]:
    task = asyncio.create_task(sender.run())
    try:
        async with asyncio.timeout(PATIENT_SECONDS):
            yield sender
    finally:
        await sender.stop()
        await task


async def until(true: Callable[[], Awaitable[bool] | bool], clock: Clock | None = None) -> None:
    """Let the loop turn until something is so; a clock given goes a second a turn."""
    while True:
        found = true()
        if await found if isinstance(found, Awaitable) else found:
            return
        if clock is not None:
            clock.advance(1)
        await asyncio.sleep(0.001)


async def tickets_with_events(store: Store, tickets: int, peer: str = "city") -> list[str]:
    """Tickets with four events each; returns the keys of what is owed."""
    ids = [store.ids.next() for _ in range(tickets)]
    for number, one in enumerate(ids):
        body = cases.registration(peer=peer, source_ticket_no=f"{peer}-{number}")
        await store.desk.execute(register(one, registration=body))
    for _ in range(2):
        await asyncio.gather(
            *(store.desk.execute(command(Action.REMIND, cases.OPERATOR, one)) for one in ids)
        )
    return [delivery_key(event_id(one, number), peer) for one in ids for number in range(1, 5)]


def settled(store: Store, *states: DeliveryState) -> Callable[[], Awaitable[bool]]:
    """Whether nothing is open any more (what is in `states` aside)."""

    async def check() -> bool:
        counts = await store.deliveries.owed_counts()
        return not any(set(by_state) - set(states) for by_state in counts.values())

    return check


def assert_in_order(peer: FakePeer) -> None:
    assert all(numbers == sorted(numbers) for numbers in peer.order.values())
    assert peer.most_per_ticket == 1


async def test_everything_arrives_once_and_in_order(store: Store) -> None:
    keys = await tickets_with_events(store, 10)
    peer = FakePeer()
    async with running(sender_of(store, {"city": peer})) as sender:
        await until(settled(store))
    lane = sender.lanes["city"]  # after the drain: a try is counted when its row is settled
    assert (lane.tried, lane.delivered, lane.failed) == (40, 40, 0)
    assert sorted(peer.applied) == sorted(keys)
    assert peer.doubled() == []
    assert (peer.calls, peer.asked) == (40, 0)
    assert 1 < peer.most_at_once <= QUICK.per_peer
    assert_in_order(peer)
    assert await store.deliveries.counts() == {"city": {DeliveryState.DELIVERED: 40}}


@pytest.mark.parametrize("seed", range(6))
async def test_with_faults_nothing_is_lost_and_nothing_doubled(
    seed: int, store: Store, clock: Clock
) -> None:
    keys = await tickets_with_events(store, 12)
    faults = Faults(
        unavailable=0.15, connection_lost=0.1, answer_lost=0.1, our_fault=0.05, ask_fails=0.2
    )
    peer = FakePeer(rng=seeded(seed), faults=faults)
    async with running(sender_of(store, {"city": peer})):
        await until(settled(store), clock)
    assert peer.lost(keys) == []
    assert peer.doubled() == []
    assert peer.asked > 0
    assert_in_order(peer)


class DiesSometimes(Sender):
    """Breaks off between its steps, as a killed process does; the row stays as it is then."""

    rng = seeded(7)

    async def send(self, lane: Lane, outbound: Any) -> Receipt:
        self._maybe_die()
        receipt = await super().send(lane, outbound)
        self._maybe_die()
        return receipt

    async def settle(self, lane: Lane, owed: OwedDelivery, ended: Receipt | Ending) -> None:
        if self.rng.random() < 0.1:
            raise asyncio.CancelledError
        await super().settle(lane, owed, ended)

    def _maybe_die(self) -> None:
        if self.rng.random() < 0.1:
            raise asyncio.CancelledError


async def test_broken_off_anywhere_nothing_is_lost_and_nothing_doubled(
    store: Store, clock: Clock
) -> None:
    keys = await tickets_with_events(store, 12)
    peer = FakePeer(faults=Faults(unavailable=0.1, answer_lost=0.1))
    async with running(sender_of(store, {"city": peer}, kind=DiesSometimes)):
        await until(settled(store), clock)
    assert peer.lost(keys) == []
    assert peer.doubled() == []
    assert_in_order(peer)


async def test_one_life_after_another_loses_and_doubles_nothing(
    store_file: Path, clock: Clock
) -> None:
    rng = seeded(3)
    peer = FakePeer(faults=Faults(unavailable=0.1, answer_lost=0.1))
    async with opened(store_file, clock, owes=owes_source) as store:
        keys = await tickets_with_events(store, 12)
    for _ in range(40):
        async with opened(store_file, clock, owes=owes_source, fresh=False) as store:
            sender = sender_of(store, {"city": peer})
            await sender.recover()
            life = asyncio.create_task(sender.run())
            enough = peer.calls + rng.randrange(1, 8)
            is_over = settled(store)
            while peer.calls < enough and not await is_over():
                clock.advance(1)
                await asyncio.sleep(0)
            for task in [life, *sender.lanes["city"].tries]:
                task.cancel()
            await asyncio.gather(life, *sender.lanes["city"].tries, return_exceptions=True)
            if await is_over():
                break
    else:
        pytest.fail("never done")
    assert peer.lost(keys) == []
    assert peer.doubled() == []
    assert_in_order(peer)


async def test_a_peer_that_hangs_stalls_nobody_else(store: Store) -> None:
    await tickets_with_events(store, 8, "city")
    town_keys = await tickets_with_events(store, 8, "town")
    city, town = FakePeer(gate=asyncio.Event()), FakePeer()
    async with running(sender_of(store, {"city": city, "town": town})):
        await until(lambda: len(town.applied) == len(town_keys))
        assert city.under_way.total() == QUICK.per_peer
        assert not city.applied
        assert city.gate is not None
        city.gate.set()
        await until(settled(store))


async def test_within_a_peer_the_quick_overtake_the_slow(store: Store) -> None:
    keys = await tickets_with_events(store, 3)
    peer = FakePeer()
    slow = int(keys[0].split(".")[0]) >> 10
    hang = asyncio.Event()

    class OneHangs(Sender):
        async def send(self, lane: Lane, outbound: Any) -> Receipt:
            if outbound.ticket_id == slow:
                await hang.wait()
            return await super().send(lane, outbound)

    async with running(sender_of(store, {"city": peer}, kind=OneHangs)):
        await until(lambda: len(peer.applied) == 8)
        assert slow not in peer.order
        hang.set()
        await until(settled(store))
    assert_in_order(peer)


async def test_what_is_committed_here_is_sent_without_waiting_for_the_poll(store: Store) -> None:
    peer = FakePeer()
    rules = SenderRules(poll_seconds=3_600.0)
    async with running(sender_of(store, {"city": peer}, rules)):
        await asyncio.sleep(0)
        await tickets_with_events(store, 2)
        await until(lambda: len(peer.applied) == 8)


async def test_what_another_process_committed_is_found(store: Store, store_file: Path) -> None:
    peer = FakePeer()
    async with (
        running(sender_of(store, {"city": peer})),
        opened(store_file, owes=owes_source, fresh=False) as web,
    ):
        await tickets_with_events(web, 2)
        await until(lambda: len(peer.applied) == 8)


async def test_a_lost_peer_is_left_alone_then_probed(store: Store, clock: Clock) -> None:
    keys = await tickets_with_events(store, 10)
    peer = FakePeer(raises=PeerUnavailable("city", "down", peer_code="503"))
    rules = SenderRules(
        schedule=Schedule(waits=(1.0, 3_600.0), last_times=3), poll_seconds=0.005,
        breaker=BreakerRule(failures=4, first_wait_seconds=30.0), per_peer=2,
    )  # fmt: skip
    with capture_logs() as logs:
        async with running(sender_of(store, {"city": peer}, rules)) as sender:
            lane = sender.lanes["city"]
            await until(lambda: lane.breaker.circuit == "open")
            await until(lambda: not lane.tries)
            calls = peer.calls
            assert calls <= 5  # four, and at most one that was under way
            for _ in range(50):  # it does not even ask the book
                sender.wake()
                await asyncio.sleep(0)
            assert peer.calls == calls

            clock.advance(31)  # a probe, in vain: twice as long
            await until(lambda: peer.calls == calls + 1 and not lane.tries)
            assert lane.breaker.seconds_to_probe() == 60.0
            peer.raises = None
            clock.advance(61)
            await until(settled(store))  # also what was to wait for an hour
    assert peer.lost(keys) == []
    lines = [entry["event"] for entry in logs]
    assert (lines.count("peer lost"), lines.count("peer back")) == (1, 1)


async def test_refused_credentials_stop_the_peer_until_released(store: Store, clock: Clock) -> None:
    keys = await tickets_with_events(store, 3)
    peer = FakePeer(raises=CredentialRefused("city", "bad signature", peer_code="401"))
    rules = SenderRules(per_peer=1, poll_seconds=0.005)
    found: list[int] = []  # how many were due, a look each

    class Looks(Sender):
        async def take(self, lane: Lane, limit: int) -> list[OwedDelivery]:
            taken = await super().take(lane, limit)
            found.append(len(taken))
            return taken

    with capture_logs() as logs:
        async with running(sender_of(store, {"city": peer}, rules, kind=Looks)) as sender:
            await until(lambda: peer.calls == 1)
            held = DeliveryState.HELD
            await until(lambda: not sender.lanes["city"].tries)
            clock.advance(100_000)
            looked = len(found)
            await until(lambda: len(found) >= looked + 5)
            assert peer.calls == 1
            assert (await store.deliveries.owed_counts())["city"][held] == 1

            peer.raises = None
            await store.deliveries.release_held("city", "u1")
            await until(settled(store))
    assert peer.lost(keys) == []
    assert_in_order(peer)
    assert [entry["event"] for entry in logs].count("credentials refused") == 1


async def refusals(store: Store, ticket_id: int) -> int:
    kinds = [one.event.kind for one in await store.tickets.history(ticket_id)]
    return kinds.count("peer_refused")


async def test_a_refusal_is_noted_on_the_ticket_once(store: Store, clock: Clock) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id, "N1", accept=False))
    peer = FakePeer(raises=RequestRefused("city", "order is closed", peer_code="E7"))

    class DiesAfterNoting(Sender):
        died = False

        async def _note_refusal(self, owed: OwedDelivery, ended: Ending) -> None:
            await super()._note_refusal(owed, ended)
            if not DiesAfterNoting.died:
                DiesAfterNoting.died = True
                raise asyncio.CancelledError

    sender = sender_of(store, {"city": peer}, kind=DiesAfterNoting)
    async with running(sender):
        await until(lambda: DiesAfterNoting.died)
        with pytest.raises(RuntimeError):
            await sender.recover()
        await until(settled(store, DeliveryState.REFUSED), clock)  # the lease runs out
        assert await refusals(store, ticket_id) == 1
        # chosen by a person to be tried again, and refused again: that is news
        await store.deliveries.replay(ticket_id, 1, "city", "u1")
        await until(settled(store, DeliveryState.REFUSED))
        assert await refusals(store, ticket_id) == 2
    (row,) = await store.deliveries.of_ticket(ticket_id)
    assert (row.state, row.peer_code, row.detail) == (
        DeliveryState.REFUSED, "E7", "order is closed",
    )  # fmt: skip


async def test_a_full_ticket_keeps_the_refusal_in_the_row_only(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id, "N1", accept=False))
    await asyncio.gather(
        *(store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id)) for _ in range(983))
    )
    await store.deliveries.counts()
    peer = FakePeer(raises=RequestRefused("city", "order is closed", peer_code="E7"))
    rules = SenderRules(per_peer=1, poll_seconds=0.005)
    with capture_logs() as logs:
        async with running(sender_of(store, {"city": peer}, rules)):
            await until(lambda: peer.calls >= 2)
    assert "refusal not noted" in [entry["event"] for entry in logs]
    assert await refusals(store, ticket_id) == 0
    first = (await store.deliveries.of_ticket(ticket_id))[0]
    assert first.state is DeliveryState.REFUSED


async def test_what_the_peer_cannot_have_understood_is_dead(store: Store) -> None:
    await tickets_with_events(store, 1)
    peer = FakePeer(raises=PayloadNotUnderstood("city", "no such field"))
    with capture_logs() as logs:
        async with running(sender_of(store, {"city": peer})):
            await until(settled(store, DeliveryState.DEAD))
    assert len(await store.deliveries.dead()) == 4
    assert peer.calls == 4
    assert [entry["event"] for entry in logs].count("delivery dead") == 4


@pytest.mark.parametrize("uncertain", [False, True])
async def test_after_the_last_wait_it_is_dead(uncertain: bool, store: Store, clock: Clock) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id, "N1", accept=False))
    peer = FakePeer(raises=PeerUnavailable("city", "down", uncertain=uncertain))
    rules = SenderRules(
        schedule=Schedule(waits=(1.0, 60.0), last_times=1, jitter=0.5), poll_seconds=0.005,
        breaker=BreakerRule(failures=99),
    )  # fmt: skip
    async with running(sender_of(store, {"city": peer}, rules)):
        await until(settled(store, DeliveryState.DEAD), clock)
    assert peer.calls == 3
    assert peer.asked == (2 if uncertain else 0)
    peer.raises = None
    peer.applied[delivery_key(event_id(ticket_id, 1), "city")] = 1  # it had arrived after all
    await store.deliveries.replay(ticket_id, 1, "city", "u1")
    async with running(sender_of(store, {"city": peer}, rules)):
        await until(settled(store))
    assert peer.asked == (3 if uncertain else 0)
    assert bool(peer.doubled()) is not uncertain  # without doubt there was nothing to ask


async def test_no_answer_in_time_is_in_doubt(store: Store, clock: Clock) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id, "N1", accept=False))
    peer = FakePeer(gate=asyncio.Event())
    rules = SenderRules(attempt_seconds=0.01, poll_seconds=0.005)
    async with running(sender_of(store, {"city": peer}, rules)) as sender:
        await until(lambda: sender.lanes["city"].failed == 1)
        (row,) = await store.deliveries.of_ticket(ticket_id)
        assert (row.state, row.detail) == (DeliveryState.UNCERTAIN, "no answer in time")
        assert peer.gate is not None
        peer.gate.set()
        await until(settled(store), clock)
    assert peer.doubled() == []


async def test_a_stop_leaves_what_hangs_in_doubt(store: Store) -> None:
    await tickets_with_events(store, 2)
    peer = FakePeer(gate=asyncio.Event())
    sender = sender_of(store, {"city": peer})
    async with running(sender):
        await until(lambda: peer.calls == 2)
    assert not sender.lanes["city"].tries
    counts = await store.deliveries.owed_counts()
    assert counts["city"][DeliveryState.UNCERTAIN] == 2
    assert await sender.recover() == 2


async def test_what_a_dead_one_was_sending_is_taken_up_by_its_name_and_asked(store: Store) -> None:
    """The lease would hold it for 90 s more."""
    await tickets_with_events(store, 2)
    lease, tries = QUICK.lease_seconds, QUICK.schedule.most_attempts
    taken = await store.deliveries.take("city", store.now(), "dead", lease, 9, tries)
    alive = await store.deliveries.take("city", store.now(), "alive", lease, 9, tries)
    assert (len(taken), alive) == (2, [])
    peer = FakePeer()
    sender = sender_of(store, {"city": peer})
    assert await sender.recover() == 0
    assert await sender.recover("dead") == 2
    async with running(sender):
        await until(settled(store))
    assert (peer.asked, peer.calls, peer.doubled()) == (2, 8, [])


async def test_a_stop_waits_for_what_ends_in_time(store: Store) -> None:
    await tickets_with_events(store, 1)
    peer = FakePeer(gate=asyncio.Event())
    rules = SenderRules(grace_seconds=20.0, poll_seconds=0.005)
    sender = sender_of(store, {"city": peer}, rules)
    async with running(sender):
        await until(lambda: peer.calls == 1)
        assert peer.gate is not None
        stopping = asyncio.create_task(sender.stop())
        await asyncio.sleep(0)
        peer.gate.set()
        await stopping
    assert (await store.deliveries.counts())["city"][DeliveryState.DELIVERED] == 1


async def test_stopping_what_never_ran_is_no_wait(store: Store) -> None:
    await sender_of(store, {"city": FakePeer()}).stop()


async def test_a_busy_store_and_a_fault_are_survived(store: Store, clock: Clock) -> None:
    keys = await tickets_with_events(store, 2)
    peer = FakePeer()
    troubles: list[Exception] = [StoreBusy("disk full"), RuntimeError("a fault"), StoreBusy("x")]

    class Troubled(Sender):
        async def take(self, lane: Lane, limit: int) -> list[OwedDelivery]:
            if len(troubles) > 1:
                raise troubles.pop()
            return await super().take(lane, limit)

        async def settle(self, lane: Lane, owed: OwedDelivery, ended: Receipt | Ending) -> None:
            if troubles:
                raise troubles.pop()  # the end of a try cannot be noted
            await super().settle(lane, owed, ended)

    with capture_logs() as logs:
        async with running(sender_of(store, {"city": peer}, kind=Troubled)):
            await until(settled(store), clock)
    assert peer.lost(keys) == []
    assert peer.doubled() == []
    assert peer.asked >= 1
    assert [entry["event"] for entry in logs].count("lane failed") == 1


async def test_a_try_that_trips_is_logged_and_taken_up_again(store: Store, clock: Clock) -> None:
    await tickets_with_events(store, 1)
    peer = FakePeer()
    trips = [ValueError("a fault of ours")]

    class Trips(Sender):
        async def settle(self, lane: Lane, owed: OwedDelivery, ended: Receipt | Ending) -> None:
            if trips:
                raise trips.pop()
            await super().settle(lane, owed, ended)

    with capture_logs() as logs:
        async with running(sender_of(store, {"city": peer}, kind=Trips)):
            await until(settled(store), clock)
    assert [entry["event"] for entry in logs] == ["try failed"]
    assert peer.doubled() == []


async def test_what_is_owed_to_a_stranger_waits_for_him(store: Store) -> None:
    await tickets_with_events(store, 1, "town")
    async with running(sender_of(store, {"city": FakePeer()})) as sender:
        sender.wake(["town"])
        await asyncio.sleep(0)
    counts = await store.deliveries.owed_counts()
    assert counts == {"town": {DeliveryState.PENDING: 4}}
