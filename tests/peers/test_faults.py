import random

import httpx
import pytest
from aiohttp import web

from hub.demo.peers.faults import PLANS, Fault, FaultPlan, Faults
from hub.demo.peers.server import HttpPeer


def faults(plan: FaultPlan | None = None) -> Faults:
    return Faults(plan or FaultPlan(), random.Random(7))  # noqa: S311 - a seed, to be repeated


class Counting(HttpPeer):
    """Counts what it was asked to change."""

    def __init__(self, dice: Faults) -> None:
        self.waited: list[float] = []
        super().__init__(dice, self._note_wait)
        self.changed = 0

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.post("/change", self._change), web.get("/look", self._look)]

    async def _note_wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    async def _change(self, _request: web.Request) -> web.Response:
        self.changed += 1
        return web.json_response({"changed": self.changed})

    async def _look(self, _request: web.Request) -> web.Response:
        return web.json_response({})


def test_every_fault_has_a_share_in_the_plan() -> None:
    for plan in PLANS.values():
        assert all(0 <= getattr(plan, fault.value) <= 1 for fault in Fault)


def test_the_same_seed_strikes_the_same_calls() -> None:
    plan = PLANS["hard"]
    first, second = faults(plan), faults(plan)
    assert [first.strikes(Fault.SLOW) for _ in range(400)] == [
        second.strikes(Fault.SLOW) for _ in range(400)
    ]
    assert 0 < first.struck[Fault.SLOW] < 400


def test_the_plan_without_faults_never_strikes() -> None:
    dice = faults(PLANS["none"])
    assert not any(dice.strikes(fault) for fault in Fault for _ in range(50))


def test_stopped_faults_do_not_strike_any_more() -> None:
    dice = faults(FaultPlan(slow=1.0))
    dice.next_only(Fault.ECHO)
    dice.stop()
    assert not dice.strikes(Fault.SLOW)
    assert not dice.strikes(Fault.ECHO)


async def test_unavailable_says_503_and_does_nothing() -> None:
    peer = Counting(faults())
    peer.faults.next_only(Fault.UNAVAILABLE)
    async with peer, httpx.AsyncClient(base_url=peer.url) as client:
        assert (await client.post("/change")).status_code == 503
        assert peer.changed == 0
        assert (await client.post("/change")).status_code == 200


async def test_a_lost_answer_is_applied_all_the_same() -> None:
    peer = Counting(faults())
    peer.faults.next_only(Fault.ANSWER_LOST)
    async with peer, httpx.AsyncClient(base_url=peer.url) as client:
        with pytest.raises(httpx.TransportError):
            await client.post("/change")
        assert peer.changed == 1


async def test_only_answers_to_changes_are_lost() -> None:
    peer = Counting(faults())
    peer.faults.next_only(Fault.ANSWER_LOST)
    async with peer, httpx.AsyncClient(base_url=peer.url) as client:
        assert (await client.get("/look")).status_code == 200


async def test_a_slow_answer_waits_as_long_as_the_plan_says() -> None:
    peer = Counting(faults(FaultPlan(slow_seconds=9.5)))
    peer.faults.next_only(Fault.SLOW)
    async with peer, httpx.AsyncClient(base_url=peer.url) as client:
        await client.post("/change")
    assert peer.waited == [9.5]


async def test_a_stopped_peer_comes_back_on_the_same_port() -> None:
    peer = Counting(faults())
    await peer.start()
    before = peer.url
    await peer.stop()
    await peer.start()
    assert peer.url == before
    await peer.stop()
