"""The delivery book: order, leases, doubt, holds, and what waits for a person."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.events import Recorded
from schemas.lifecycle import Action
from schemas.outbound import DeliveryState, Receipt
from schemas.ticket import DispatchForm, Ticket
from tests.schemas import cases
from tests.ticket_store.hub_case import START, Clock, command, opened, owes_source, register
from ticket_store.deliveries import OwedDelivery
from ticket_store.engine import connect
from ticket_store.store import Store

MOST = 5


async def take(store: Store, limit: int = 10, **changes: object) -> list[OwedDelivery]:
    given: dict[str, object] = {
        "destination": "city", "now": store.now(), "holder": "me", "lease_seconds": 60.0,
        "limit": limit, "most_attempts": MOST,
    }  # fmt: skip
    return await store.deliveries.take(**(given | changes))  # type: ignore[arg-type]  # one of each


async def take_one(store: Store) -> OwedDelivery:
    (owed,) = await take(store)
    return owed


async def with_ticket(store: Store, number: str = "N1") -> int:
    """A ticket whose first two events are owed to its peer."""
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id, number))
    return ticket_id


async def states(store: Store, ticket_id: int) -> list[DeliveryState]:
    return [one.state for one in await store.deliveries.of_ticket(ticket_id)]


async def test_a_lane_is_delivered_in_order_one_at_a_time(store: Store) -> None:
    ticket_id, other = await with_ticket(store), await with_ticket(store, "N2")
    taken = await take(store)
    assert [(o.outbound.ticket_id, o.outbound.sequence) for o in taken] == [
        (ticket_id, 1), (other, 1),
    ]  # fmt: skip
    assert await take(store) == []  # leased, and the second ones wait for them
    await store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id))
    assert await take(store) == []

    assert await store.deliveries.settle(taken[0], DeliveryState.DELIVERED)
    second = await take_one(store)
    assert (second.outbound.ticket_id, second.outbound.sequence) == (ticket_id, 2)
    assert await store.deliveries.settle(second, DeliveryState.DELIVERED)
    third = await take_one(store)
    assert third.outbound.sequence == 3


async def test_destinations_do_not_wait_for_each_other(store_file: Path, clock: Clock) -> None:
    def owes_two(_ticket: Ticket, _recorded: Recorded) -> Sequence[str]:
        return ("city", "centre", "city")  # named twice is owed once

    async with opened(store_file, clock, owes=owes_two) as store:
        ticket_id = await with_ticket(store)
        assert len(await store.deliveries.of_ticket(ticket_id)) == 4
        owed = await take_one(store)
        assert [o.outbound.sequence for o in await take(store, destination="centre")] == [1]
        assert await store.deliveries.settle(owed, DeliveryState.DELIVERED)
        assert await take(store, destination="centre") == []


async def test_a_try_is_counted_and_in_doubt_before_it_is_made(
    store_file: Path, clock: Clock
) -> None:
    async with opened(store_file, clock, owes=owes_source) as store:
        ticket_id = await with_ticket(store)
        owed = await take_one(store)
        assert (owed.attempts, owed.state, owed.first_tried_at) == (1, DeliveryState.PENDING, START)
        (row, _) = await store.deliveries.of_ticket(ticket_id)
        assert (row.attempts, row.state, row.in_flight) == (1, DeliveryState.UNCERTAIN, True)
    # killed here: when the lease is over, the peer is asked
    async with opened(store_file, clock, owes=owes_source, fresh=False) as store:
        clock.advance(59)
        assert await take(store) == []
        assert await store.deliveries.next_due("city") == START + timedelta(seconds=60)
        clock.advance(1)
        again = await take_one(store)
    assert (again.attempts, again.state, again.first_tried_at) == (
        2,
        DeliveryState.UNCERTAIN,
        START,
    )
    assert again.outbound == owed.outbound
    assert again.outbound.key == owed.outbound.key


async def test_a_holder_that_is_alone_takes_up_its_own_at_once(store: Store) -> None:
    await with_ticket(store)
    await take_one(store)
    assert await store.deliveries.recover("somebody else", store.now()) == 0
    assert await store.deliveries.recover("me", store.now()) == 1
    assert (await take_one(store)).state is DeliveryState.UNCERTAIN


async def test_a_failed_try_waits_and_what_follows_waits_with_it(
    store: Store, clock: Clock
) -> None:
    ticket_id = await with_ticket(store)
    owed = await take_one(store)
    at = clock() + timedelta(seconds=30)
    assert await store.deliveries.settle(
        owed, DeliveryState.PENDING, next_try_at=at, detail="503", receipt=Receipt(peer_code="503")
    )
    (row, _) = await store.deliveries.of_ticket(ticket_id)
    assert (row.state, row.next_try_at, row.in_flight) == (DeliveryState.PENDING, at, False)
    assert (row.detail, row.peer_code) == ("503", "503")
    assert await take(store) == []
    assert await store.deliveries.next_due("city") == at
    clock.advance(30)
    again = await take_one(store)
    assert (again.state, again.attempts) == (DeliveryState.PENDING, 2)
    await store.deliveries.settle(again, DeliveryState.UNCERTAIN, next_try_at=at)
    assert (await take_one(store)).state is DeliveryState.UNCERTAIN


async def test_after_so_many_tries_it_is_dead_without_another(store: Store, clock: Clock) -> None:
    ticket_id = await with_ticket(store)
    for _ in range(MOST):  # each time the sender dies before it can settle
        await take_one(store)
        clock.advance(60)
    second = await take(store)
    assert second == []  # this round buried the first and gave the second its turn
    assert await states(store, ticket_id) == [DeliveryState.DEAD, DeliveryState.PENDING]
    (dead,) = await store.deliveries.dead()
    assert (dead.attempts, dead.detail, dead.sequence) == (MOST, "tried 5 times", 1)
    assert (await take_one(store)).outbound.sequence == 2


@pytest.mark.parametrize("state", [DeliveryState.REFUSED, DeliveryState.DEAD])
async def test_refused_and_dead_do_not_block(store: Store, state: DeliveryState) -> None:
    await with_ticket(store)
    await store.deliveries.settle(await take_one(store), state)
    assert (await take_one(store)).outbound.sequence == 2


async def test_refused_credentials_hold_the_whole_destination(store: Store, clock: Clock) -> None:
    first, other = await with_ticket(store), await with_ticket(store, "N2")
    one, two = await take(store)
    assert await store.deliveries.settle(one, DeliveryState.HELD, detail="401")
    assert await store.deliveries.settle(two, DeliveryState.HELD, detail="401", in_doubt=True)
    third = await with_ticket(store, "N3")
    clock.advance(3600)
    assert await take(store) == []
    (hold,) = await store.deliveries.holds()
    assert (hold.destination, hold.since, hold.detail) == ("city", START, "401")
    assert len(await store.deliveries.dead(state=DeliveryState.HELD)) == 2

    assert await store.deliveries.release_held("city", "u1") == 2
    assert await store.deliveries.release_held("city", "u1") == 0
    assert await store.deliveries.holds() == []
    taken = {o.outbound.ticket_id: o.state for o in await take(store)}
    assert taken == {
        first: DeliveryState.PENDING,
        other: DeliveryState.UNCERTAIN,  # it may have arrived: ask
        third: DeliveryState.PENDING,
    }


async def test_a_settled_row_is_not_settled_by_an_older_try(store: Store, clock: Clock) -> None:
    ticket_id = await with_ticket(store)
    slow = await take_one(store)
    clock.advance(60)
    quick = await take_one(store)
    assert not await store.deliveries.settle(slow, DeliveryState.REFUSED)
    assert not await store.deliveries.settle(
        slow, DeliveryState.PENDING, next_try_at=clock() + timedelta(days=1)
    )
    assert await store.deliveries.settle(quick, DeliveryState.DELIVERED, receipt=Receipt())
    assert not await store.deliveries.settle(quick, DeliveryState.DELIVERED)
    assert (await states(store, ticket_id))[0] is DeliveryState.DELIVERED


async def test_that_it_arrived_counts_whoever_found_out(store: Store, clock: Clock) -> None:
    ticket_id = await with_ticket(store)
    slow = await take_one(store)
    clock.advance(60)
    quick = await take_one(store)
    receipt = Receipt(peer_code="0", peer_answer="ok\0" + "x" * 3000)
    assert await store.deliveries.settle(slow, DeliveryState.DELIVERED, receipt=receipt)
    assert not await store.deliveries.settle(quick, DeliveryState.DEAD)
    (row, _) = await store.deliveries.of_ticket(ticket_id)
    assert (row.state, row.peer_code, row.settled_at) == (DeliveryState.DELIVERED, "0", clock())
    assert row.peer_answer == ("ok\ufffd" + "x" * 3000)[:2000]


async def test_dead_ones_are_replayed_in_their_turn(store: Store, clock: Clock) -> None:
    ticket_id = await with_ticket(store)
    await store.deliveries.settle(await take_one(store), DeliveryState.DEAD, in_doubt=True)
    later = await take_one(store)
    assert await store.deliveries.replay(ticket_id, 1, "city", "u1")
    assert not await store.deliveries.replay(ticket_id, 1, "city", "u1")
    assert await take(store) == []  # one in flight: the later one was on its way
    await store.deliveries.settle(later, DeliveryState.DELIVERED)
    again = await take_one(store)
    assert (again.outbound.sequence, again.attempts, again.replays) == (1, 1, 1)
    assert again.state is DeliveryState.UNCERTAIN
    await store.deliveries.settle(again, DeliveryState.REFUSED)
    assert await store.deliveries.replay(ticket_id, 1, "city", "u1")
    assert (await take_one(store)).state is DeliveryState.PENDING


async def test_a_person_may_say_that_it_arrived(store: Store) -> None:
    ticket_id = await with_ticket(store)
    owed = await take_one(store)
    assert not await store.deliveries.mark_delivered(ticket_id, 1, "city", "u1", "by phone")
    await store.deliveries.settle(owed, DeliveryState.DEAD, in_doubt=True)
    assert await store.deliveries.mark_delivered(ticket_id, 1, "city", "u1", "by phone")
    (row, _) = await store.deliveries.of_ticket(ticket_id)
    assert (row.state, row.detail) == (DeliveryState.DELIVERED, "by phone")
    assert (await store.audit.verify()).rows == 2


async def test_when_the_peer_is_back_nothing_waits_on(store: Store, clock: Clock) -> None:
    await with_ticket(store)
    await with_ticket(store, "N2")
    one, two = await take(store)
    tomorrow = clock() + timedelta(days=1)
    await store.deliveries.settle(one, DeliveryState.PENDING, next_try_at=tomorrow)
    assert await store.deliveries.hasten("city", clock()) == 1  # not the one in flight
    assert await store.deliveries.hasten("town", clock()) == 0
    assert (await take_one(store)).outbound == one.outbound
    await store.deliveries.settle(two, DeliveryState.DELIVERED)


async def test_counts_by_destination_and_state(store: Store) -> None:
    await with_ticket(store)
    await store.deliveries.settle(await take_one(store), DeliveryState.DELIVERED)
    await take_one(store)
    delivered, uncertain = DeliveryState.DELIVERED, DeliveryState.UNCERTAIN
    assert await store.deliveries.counts() == {"city": {delivered: 1, uncertain: 1}}
    assert await store.deliveries.owed_counts() == {"city": {uncertain: 1}}
    assert await store.deliveries.next_due("town") is None


async def test_an_outbound_is_the_same_whatever_has_happened_since(
    store_file: Path, clock: Clock
) -> None:
    def owes_city(_ticket: Ticket, _recorded: Recorded) -> Sequence[str]:
        return ("city",)

    async with opened(store_file, clock, owes=owes_city) as store:
        ticket_id = store.ids.next()
        draft = cases.registration(call_no="C1")
        await store.desk.execute(
            command(Action.SAVE_DRAFT, cases.SYSTEM, ticket_id, registration=draft)
        )
        before = await take_one(store)
        assert (before.outbound.source_ticket_no, before.outbound.call_no) == (None, "C1")
        await store.desk.execute(register(ticket_id, "N1"))
        newer = cases.registration(peer="city", source_ticket_no="N1", call_no="C2")
        await store.desk.execute(
            command(Action.NOTE_PEER_UPDATE, cases.PEER, ticket_id, registration=newer)
        )
        clock.advance(60)
        again = await take_one(store)
        assert again.outbound == before.outbound
        found = []
        while True:
            await store.deliveries.settle(again, DeliveryState.DELIVERED)
            found.append((again.outbound.source_ticket_no, again.outbound.call_no))
            if not (left := await take(store)):
                break
            (again,) = left
    assert found == [(None, "C1"), ("N1", None), ("N1", None), ("N1", "C2")]


async def test_departments_are_named_in_chinese(store_file: Path, clock: Clock) -> None:
    async with opened(store_file, clock, owes=owes_source) as plain:
        ticket_id = await with_ticket(plain)
        await plain.desk.execute(
            command(
                Action.DISPATCH, cases.DISPATCHER, ticket_id,
                departments=("d1", "d2"), form=DispatchForm.LEAD,
            )
        )  # fmt: skip
        await plain.desk.execute(command(Action.ACKNOWLEDGE, cases.handler("d2"), ticket_id))
    names = {"d1": "城管局", "d2": "住建局"}
    store = Store(
        connect(f"sqlite+aiosqlite:///{store_file}"), rules=cases.RULES, owes=owes_source,
        ids=plain.ids, now=clock, department_name=names.__getitem__,
    )  # fmt: skip
    named = []
    while taken := await take(store):
        named.append(taken[0].outbound.department_names)
        await store.deliveries.settle(taken[0], DeliveryState.DELIVERED)
    await store.close()
    assert named == [(), (), ("城管局", "住建局"), ("住建局",)]


async def test_a_row_that_cannot_be_read_does_not_stop_the_rest(
    store_file: Path, clock: Clock
) -> None:
    async with opened(store_file, clock, owes=owes_source) as store:
        broken, whole = await with_ticket(store), await with_ticket(store, "N2")
    with closing(sqlite3.connect(store_file)) as file:
        file.execute("UPDATE events SET kind = 'x' WHERE event_id = ?", (broken << 10 | 1,))
        file.commit()
    async with opened(store_file, clock, owes=owes_source, fresh=False) as store:
        owed = await take_one(store)
        assert owed.outbound.ticket_id == whole
        (dead,) = await store.deliveries.dead()
        assert (dead.ticket_id, dead.detail) == (broken, "unreadable: ValueError")


async def test_next_try_belongs_to_those_that_wait(store: Store) -> None:
    await with_ticket(store)
    owed = await take_one(store)
    with pytest.raises(ValueError, match="next try"):
        await store.deliveries.settle(owed, DeliveryState.PENDING)
    with pytest.raises(ValueError, match="next try"):
        await store.deliveries.settle(owed, DeliveryState.DEAD, next_try_at=START)


async def test_what_is_due_is_found_by_index(store: Store) -> None:
    sql = store.deliveries._sql
    for text, values in ((sql.due.text, (1, 0, "x", 0, 10, 0)), (sql.next_due.text, ("x", 0))):
        plan = str(
            await store.database.read(
                lambda one, text=text, values=values: one.exec_driver_sql(  # type: ignore[misc]  # bound now
                    f"EXPLAIN QUERY PLAN {text}", values
                ).all()
            )
        )
        assert "ix_deliveries_due" in plan
        assert "SCAN" not in plan
