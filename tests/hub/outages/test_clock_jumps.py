"""The machine's clock jumps: numbers stay one's own, times of a ticket rise, waits end."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub import node
from hub.node import in_service
from hub.process_name import ProcessName
from hub.settings import Settings
from hub.stored import utc_now
from schemas.errors import PeerUnavailable
from schemas.ids import TicketIds, created_at
from schemas.lifecycle import Action
from tests.schemas import cases
from tests.ticket_store.fake_peer import FakePeer
from tests.ticket_store.hub_case import Clock, command, opened, owes_source, register
from tests.ticket_store.test_sender import running, sender_of, settled, tickets_with_events, until
from ticket_store.breaker import Breaker, BreakerRule, Circuit
from ticket_store.sender import SenderRules

JUMPS = (3600, -3600, -7200, 1, -5, 86_400, -86_400)  # seconds


def test_numbers_rise_over_every_jump() -> None:
    clock = Clock()
    ids, given = TicketIds(clock.milliseconds, 3), []
    for jump in JUMPS:
        given += [ids.next() for _ in range(200)]
        clock.advance(jump)
    given.append(ids.next())
    assert given == sorted(set(given))


async def test_started_again_behind_its_own_tickets_it_gives_no_number_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    ahead = utc_now() + timedelta(hours=1)

    me = ProcessName.mine()

    async def a_life(told: datetime, number: int) -> list[int]:
        monkeypatch.setattr(node, "utc_now", lambda: told)
        monkeypatch.setattr(ProcessName, "mine", lambda: replace(me, pid=me.pid + number))
        async with in_service(settings, migrating=True) as (hub, held):
            assert held.number == 0
            made = [hub.ids.next() for _ in range(3)]
            for one in made:
                await hub.store.desk.execute(register(one))
            return made

    first = await a_life(ahead, 1)
    assert created_at(first[0]) > utc_now() + timedelta(minutes=50)
    second = await a_life(ahead - timedelta(hours=1), 0)
    assert min(second) > max(first)


async def test_the_times_of_a_ticket_never_go_back(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "tickets.db", clock) as store:
        ticket_id = store.ids.next()
        await store.desk.execute(register(ticket_id, at=clock.now))
        for jump in JUMPS:
            clock.advance(jump)
            asked: Any = command(Action.REMIND, cases.OPERATOR, ticket_id, at=clock.now)
            await store.desk.execute(asked)
        times = [recorded.at for recorded in await store.tickets.history(ticket_id)]
        assert times == sorted(times)
        assert (await store.audit.verify()).ok


async def test_a_wait_is_not_longer_by_the_hour_that_the_clock_went_back(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "tickets.db", clock, owes=owes_source) as store:
        keys = await tickets_with_events(store, 3)
        peer = FakePeer()
        peer.raises = PeerUnavailable("city", "no route to host")
        rules = SenderRules(poll_seconds=0.001, breaker=BreakerRule(failures=1_000))
        async with running(sender_of(store, {"city": peer}, rules)):
            await until(lambda: peer.calls >= 30, clock)
            clock.advance(-3600)
            peer.raises = None
            await until(settled(store))  # with the clock standing still: at once
        assert sorted(peer.applied) == sorted(keys)
        assert peer.doubled() == []


def test_a_breaker_probes_when_the_clock_went_back() -> None:
    clock = Clock()
    breaker = Breaker(BreakerRule(failures=1, first_wait_seconds=10.0), clock)
    assert breaker.failed()
    assert breaker.circuit is Circuit.OPEN
    clock.advance(-3600)
    assert (breaker.circuit, breaker.seconds_to_probe()) == (Circuit.HALF_OPEN, 0.0)
