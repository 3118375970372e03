"""The outbox gives events in commit order until they are struck off."""

import asyncio
from pathlib import Path

from schemas.lifecycle import Action
from tests.schemas import cases
from tests.ticket_store.hub_case import Clock, command, opened, register
from ticket_store.store import Store


async def test_events_come_in_commit_order_and_stay_until_done(store: Store) -> None:
    young, old = store.ids.next(), store.ids.next()
    young, old = max(young, old), min(young, old)
    await store.desk.execute(register(young))
    await store.desk.execute(register(old))
    await store.desk.execute(command(Action.REMIND, cases.OPERATOR, young))

    taken = await store.outbox.take(10)
    in_order = [(young, 1), (young, 2), (old, 1), (old, 2), (young, 3)]
    assert [(one.ticket_id, one.sequence) for one in taken] == in_order
    assert await store.outbox.take(2) == taken[:2]
    await store.outbox.done(in_order[:3])
    assert [(one.ticket_id, one.sequence) for one in await store.outbox.take(10)] == in_order[3:]
    assert await store.outbox.length() == 2
    await store.outbox.done(in_order)  # again, and the rest
    await store.outbox.done([])
    assert await store.outbox.take(10) == []


async def test_what_was_not_done_is_there_after_reopening(store_file: Path, clock: Clock) -> None:
    async with opened(store_file, clock) as store:
        ids = [store.ids.next() for _ in range(20)]
        await asyncio.gather(*(store.desk.execute(register(one)) for one in ids))
        await store.outbox.done([(one, 1) for one in ids])
    async with opened(store_file, clock, fresh=False) as store:
        left = await store.outbox.take(100)
        assert {(one.ticket_id, one.sequence) for one in left} == {(one, 2) for one in ids}


async def test_a_taken_event_is_the_one_in_the_history(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id, "N1"))
    assert await store.outbox.take(9) == await store.tickets.history(ticket_id)
