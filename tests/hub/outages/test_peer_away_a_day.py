"""A peer is away for a day, by the clock as argument: nothing is given up, nobody else waits."""

from datetime import timedelta
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

# the hub's own waits and breaker; only how long a lane sleeps follows the test's clock
RULES = SenderRules(poll_seconds=0.001)
DAY, LOOK_SECONDS = timedelta(days=1), 300.0
TICKETS, EVENTS = 6, 4


async def test_a_day_away(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "tickets.db", clock, owes=owes_source) as store:
        keys = await tickets_with_events(store, TICKETS)
        away, there = FakePeer(), FakePeer()
        away.raises = PeerUnavailable("city", "no route to host")
        async with running(sender_of(store, {"city": away, "county": there}, RULES)):
            back_at = clock.now + DAY
            served = 0
            while clock.now < back_at:
                await _one_look(away, clock)
                if served < TICKETS and clock.now > back_at - DAY + (served + 1) * DAY / 8:
                    served += 1  # now and then something for the other peer, which has no share
                    body = cases.registration(peer="county", source_ticket_no=f"N{served}")
                    await store.desk.execute(register(store.ids.next(), registration=body))
                    await until(lambda: len(there.order) == served)  # noqa: B023 - done in its turn
            counts = await store.deliveries.counts()
            # none dead, none in doubt
            assert counts["city"] == {DeliveryState.PENDING: TICKETS * EVENTS}
            assert away.applied.total() == 0
            assert 24 < away.calls < 24 * 60  # backed off: not a call a second for a day

            away.raises = None
            gone_back = clock.now
            nothing_left = settled(store)
            while not await nothing_left():
                await _one_look(away, clock)
        assert clock.now - gone_back < timedelta(minutes=80)  # the longest wait and its jitter
    assert sorted(away.applied) == sorted(keys)
    assert away.doubled() == []
    assert_in_order(away)


async def _one_look(away: FakePeer, clock: Clock) -> None:
    """Five minutes pass; the lane has looked when it called, or when nothing was due."""
    clock.advance(LOOK_SECONDS)
    calls = away.calls
    turns = 0

    def looked() -> bool:
        nonlocal turns
        turns += 1
        return away.calls > calls or turns > 20

    await until(looked)
