"""A peer that is away for a day: nothing is given up, the order is kept, and nobody else waits."""

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

from schemas.errors import PeerUnavailable
from schemas.outbound import DeliveryState
from tests.schemas import cases
from tests.ticket_store.fake_peer import FakePeer
from tests.ticket_store.hub_case import Clock, opened, owes_source, register
from tests.ticket_store.test_sender import (
    assert_in_order,
    running,
    sender_of,
    settled,
    tickets_with_events,
    until,
)
from ticket_store.sender import SenderRules
from ticket_store.store import Store

STEP_MINUTES = 5
TURNS = 24 * 60 // STEP_MINUTES
RULES = SenderRules(poll_seconds=0.001)  # the schedule and the breaker of a hub in service


async def one_ticket(store: Store, number: str) -> int:
    """Another peer's; how many events it is owed."""
    body = cases.registration(peer="town", source_ticket_no=number)
    outcome = await store.desk.execute(register(store.ids.next(), registration=body))
    return len(outcome.events)


def _has(peer: FakePeer, count: int) -> bool:
    return len(peer.applied) == count


async def test_a_peer_away_for_a_day_costs_time_and_nothing_else(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "s.db", clock, owes=owes_source) as store:
        away = FakePeer(raises=PeerUnavailable("city", "nobody there", peer_code="-"))
        fine = FakePeer()
        owed = await tickets_with_events(store, 20, "city")
        async with running(sender_of(store, {"city": away, "town": fine}, RULES)) as sender:
            handed = 0
            for turn in range(TURNS):
                clock.advance(60 * STEP_MINUTES)
                if turn % 48 == 0:  # the other peer's tickets are delivered as on any day
                    handed += await one_ticket(store, f"town-{turn}")
                    await until(partial(_has, fine, handed))
                sender.wake()
                await asyncio.sleep(0.002)

            async def all_pending() -> bool:  # nothing dead, and nothing in doubt but while tried
                counted = (await store.deliveries.counts())["city"]
                return counted == {DeliveryState.PENDING: len(owed)}

            await until(all_pending)
            counts = await store.deliveries.counts()
            assert counts["town"] == {DeliveryState.DELIVERED: handed}
            assert 20 < away.calls < 2 * TURNS  # probed, not hammered
            away.raises = None
            back = clock()
            await until(settled(store), clock)
            assert clock() - back < timedelta(hours=1)  # not the half day of its next wait
        assert sorted(away.applied) == sorted(owed)
        assert away.doubled() == fine.doubled() == []
        assert_in_order(away)
        assert (await store.deliveries.counts())["city"] == {DeliveryState.DELIVERED: len(owed)}
