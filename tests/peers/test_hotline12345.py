"""The simulated platform on its own: pushes to a gateway, and an order's own history."""

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from aiohttp import web

from connectors.base import Push
from connectors.hotline12345.connector import Settings, build
from connectors.signing import Keys
from hub.demo.peers.faults import PLANS, Fault, FaultPlan, Faults
from hub.demo.peers.hotline12345 import Hotline12345Peer, NewOrder
from hub.demo.peers.hotline12345_pushes import PushRefused
from hub.demo.peers.server import HttpPeer

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
HUB, PLATFORM = Keys("hub-app", "hub secret"), Keys("platform", "push secret")


def platform(plan: FaultPlan | None = None) -> Hotline12345Peer:
    dice = Faults(plan or FaultPlan(), random.Random(5))  # noqa: S311 - a seed, to be repeated
    rng = random.Random(1)  # noqa: S311 - the same
    return Hotline12345Peer(lambda: AT, rng, dice, hub_keys=HUB, push_keys=PLATFORM)


class Gateway(HttpPeer):
    """Hands a push to the connector as the hub's gateway does."""

    def __init__(self, profile_keys: Keys = PLATFORM) -> None:
        super().__init__(Faults(FaultPlan(), random.Random(2)))  # noqa: S311 - a seed
        self.connector = build(
            "city",
            Settings.model_validate(
                {
                    "url": "http://127.0.0.1:9",
                    "app_key": "hub-app",
                    "app_secret": "hub secret",
                    "peer_app_key": profile_keys.app_key,
                    "peer_app_secret": profile_keys.secret,
                }
            ),
            now=lambda: AT,
        )
        self.bodies: list[bytes] = []

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.post("/peers/city/{path}", self._pushed)]

    async def _pushed(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.match_info["path"]
        push = Push("POST", path, headers, dict(request.query), await request.read())
        outcome: Exception | None = None
        try:
            self.bodies += [body.content for body in self.connector.receive(push)]
        except Exception as error:  # noqa: BLE001 - whatever it is becomes an answer
            outcome = error
        answer = self.connector.answer(outcome)
        return web.Response(status=answer.status, body=answer.content)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as gateway:
        yield gateway


async def test_a_push_is_taken_and_a_second_one_too(gateway: Gateway) -> None:
    peer = platform()
    content = peer.versions(peer.place(NewOrder("路灯不亮", "三天")))[0]
    assert await peer.push(gateway.url, "city", content) == (200, "0")
    assert await peer.push(gateway.url, "city", content) == (200, "0")
    assert gateway.bodies == [content, content]
    await peer.stop()


async def test_a_push_to_a_hub_with_other_keys_is_told_so() -> None:
    peer = platform()
    content = peer.versions(peer.place(NewOrder("路灯不亮", "三天")))[0]
    async with Gateway(Keys("platform", "another secret")) as gateway:
        assert await peer.push(gateway.url, "city", content) == (401, "1002")
        assert gateway.bodies == []
    await peer.stop()


@pytest.mark.parametrize("plan", PLANS)
def test_versions_of_an_order_rise_in_number_and_time_whatever_the_clock(plan: str) -> None:
    peer = platform(PLANS[plan])
    order_no = peer.place(NewOrder("路灯不亮", "三天"))
    for number in range(40):
        peer.amend(order_no, content=f"第{number}次")
    versions = [json.loads(version) for version in peer.versions(order_no)]
    for before, after in pairwise(versions):
        assert after["version"] == before["version"] + 1
        assert after["updateTime"] > before["updateTime"]
    assert versions[-1]["content"] == "第39次"


def test_hard_faults_reach_the_feed() -> None:
    peer = platform(PLANS["hard"])
    order_no = peer.place(NewOrder("路灯不亮", "三天"))
    for number in range(100):
        peer.amend(order_no, content=f"第{number}次")
    struck = peer.faults.struck
    assert min(struck[Fault.DUPLICATE], struck[Fault.STALE], struck[Fault.WRONG_CLOCK]) > 0
    assert peer.unreadable == struck[Fault.GARBAGE] > 0


def test_numbers_of_orders_are_all_different() -> None:
    peer = platform()
    numbers = {peer.place(NewOrder("路灯不亮", "三天")) for _ in range(50)}
    assert len(numbers) == 50


async def at_once(_seconds: float) -> None:
    """Nobody waits in a test."""


def pushing(plan: FaultPlan | None = None) -> Hotline12345Peer:
    return Hotline12345Peer(
        lambda: AT,
        random.Random(1),  # noqa: S311 - a seed, to be repeated
        Faults(plan or FaultPlan(), random.Random(5)),  # noqa: S311 - the same
        hub_keys=HUB,
        push_keys=PLATFORM,
        pause=at_once,
    )


async def test_a_pushed_order_is_pushed_until_the_hub_has_it_and_never_lies_in_the_feed(
    gateway: Gateway,
) -> None:
    peer = pushing()
    order_no = peer.place(NewOrder("路灯不亮", "三天"), pushed=True)
    peer.supplement(order_no, "又三天")
    gateway.faults.next_only(Fault.UNAVAILABLE, 3)
    await peer.push_waiting(gateway.url, "city")
    assert gateway.bodies == peer.versions(order_no) == peer.pushes.acknowledged
    assert peer.feed == ()
    assert len(peer.pushes) == 0
    await peer.stop()


async def test_pushed_garbage_is_turned_away_and_does_not_stop_the_rest(gateway: Gateway) -> None:
    peer = pushing(FaultPlan(garbage=1.0))
    order_no = peer.place(NewOrder("路灯不亮", "三天"), pushed=True)
    peer.amend(order_no, content="五天")
    await peer.push_waiting(gateway.url, "city")
    assert peer.pushes.turned_away == 2
    assert peer.pushes.acknowledged == peer.versions(order_no)
    assert len(peer.garbage) == 2
    await peer.stop()


async def test_a_push_that_no_good_hub_refuses_is_an_error() -> None:
    peer = pushing()
    peer.place(NewOrder("路灯不亮", "三天"), pushed=True)
    async with Gateway(Keys("somebody else", "another secret")) as gateway:
        with pytest.raises(PushRefused, match="401"):
            await peer.push_waiting(gateway.url, "city")
    await peer.stop()
