"""The simulated portal's citizens, against a small hub that stands in for the portal API."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web

from connectors.signing import Keys
from hub.demo.peers.faults import Fault, FaultPlan, Faults
from hub.demo.peers.server import HttpPeer
from hub.demo.peers.web_portal import HubUnreachable, PortalPeer, Taken

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
FORM = {"title": "路灯不亮", "text": "三天", "citizen": {"name": "王某", "phone": "13800001234"}}


def dice() -> Faults:
    return Faults(FaultPlan(), random.Random(3))  # noqa: S311 - a seed, to be repeated


class SmallHub(HttpPeer):
    """Keeps what it was given by Idempotency-Key; a forgetful one gives a repeat a new number."""

    forgetful = False

    def __init__(self) -> None:
        super().__init__(dice())
        self.calls = 0
        self.given: dict[str, str] = {}
        self.acts: list[tuple[str, str]] = []

    def routes(self) -> list[web.AbstractRouteDef]:
        base = "/api/portal/v1/matters"
        return [
            web.post(base, self._matter),
            web.get(base + "/{no}", self._progress),
            web.post(base + "/{no}/{what}", self._act),
        ]

    async def _matter(self, request: web.Request) -> web.Response:
        key = request.headers["Idempotency-Key"]
        self.calls += 1
        if key not in self.given or self.forgetful:
            self.given[key] = f"ST{self.calls}"
        answer = {"ticket_no": self.given[key], "query_code": "Q"}
        return web.json_response(answer, status=201)

    async def _progress(self, request: web.Request) -> web.Response:
        known = request.query["query_code"] == "Q"
        return web.json_response({"state": "已受理"}, status=200 if known else 404)

    async def _act(self, request: web.Request) -> web.Response:
        self.acts.append((request.match_info["what"], request.headers["Idempotency-Key"]))
        return web.json_response({}, status=409 if request.match_info["what"] == "rating" else 200)


async def no_pause(_seconds: float) -> None:
    return None


@pytest.fixture
async def hub() -> AsyncIterator[SmallHub]:
    async with SmallHub() as hub:
        yield hub


@pytest.fixture
async def portal(hub: SmallHub) -> AsyncIterator[PortalPeer]:
    rng = random.Random(1)  # noqa: S311 - a seed, to be repeated
    peer = PortalPeer(
        lambda: AT, rng, dice(), hub_keys=Keys("hub", "s"), pause=no_pause, patience=5
    )
    async with peer:
        peer.connect(hub.url)
        yield peer


async def test_a_matter_is_handed_in_with_one_key_until_it_is_answered(
    hub: SmallHub, portal: PortalPeer
) -> None:
    hub.faults.next_only(Fault.UNAVAILABLE)
    hub.faults.next_only(Fault.ANSWER_LOST)
    taken = await portal.submit(FORM)
    assert len(hub.given) == 1
    assert list(portal.taken.values()) == [taken]
    assert await portal.progress(taken) == {"state": "已受理"}


@pytest.mark.parametrize(("forgetful", "changed"), [(False, 0), (True, 1)])
async def test_an_answer_that_changes_with_the_same_key_is_counted(
    hub: SmallHub,
    portal: PortalPeer,
    forgetful: bool,
    changed: int,
) -> None:
    hub.forgetful = forgetful
    portal.faults.next_only(Fault.DUPLICATE)
    await portal.submit(FORM)
    assert portal.changed == changed


async def test_citizens_supplement_withdraw_and_rate(hub: SmallHub, portal: PortalPeer) -> None:
    taken = await portal.submit(FORM)
    assert await portal.supplement(taken, "西门也不亮") == 200
    assert await portal.withdraw(taken, "好了") == 200
    assert await portal.rate(taken, 5) == 409
    assert [what for what, _ in hub.acts] == ["supplements", "withdrawal", "rating"]
    assert len({key for _, key in hub.acts}) == 3


async def test_patience_has_an_end(hub: SmallHub, portal: PortalPeer) -> None:
    await hub.stop()
    with pytest.raises(HubUnreachable):
        await portal.submit(FORM)


async def test_an_unconnected_portal_says_what_comes_first(portal: PortalPeer) -> None:
    portal.connect("")
    with pytest.raises(HubUnreachable, match="connect"):
        await portal.progress(Taken("ST", "Q"))
