"""The demo's people and its portal, as they call the hub."""

import random
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connectors.signing import Keys
from hub.demo.api_client import ApiClient
from hub.demo.peers.faults import PLANS, Faults
from hub.demo.peers.web_portal import PortalPeer
from schemas.errors import StoreBusy
from schemas.ids import ticket_id_of
from tests.console.api_stage import api_stage, registration
from tests.console.portal_stage import FORM, portal_stage


async def test_people_work_through_their_lists(tmp_path: Path) -> None:
    async with api_stage(tmp_path / "tickets.db") as stage:
        for _ in range(3):
            await stage.create(accept=False)
        api = ApiClient(str(stage.client.make_url("/")).rstrip("/"))
        try:
            rows = await api.tickets(stage.tokens["leader"], state=["received", "accepted"])
            assert len(rows) == 3
            for row in rows:
                assert await api.act(stage.tokens["operator"], row, "accept")
                assert await api.act(stage.tokens["operator"], row, "accept")  # the same key
                assert not await api.act(stage.tokens["operator"], row, "reply", {"text": "x"})
                whole = await api.ticket(stage.tokens["leader"], row["ticket_id"])
                assert whole["ticket"]["state"] == "accepted"
        finally:
            await api.close()


async def test_the_portal_hands_in_asks_and_withdraws(tmp_path: Path) -> None:
    async with portal_stage(tmp_path / "tickets.db") as stage:
        rng = random.Random(1)  # noqa: S311 - a test must repeat, not be unguessable
        keys = Keys("hub", "0123456789abcdef")
        faults = Faults(PLANS["none"], rng)
        async with PortalPeer(stage.api.clock, rng, faults, hub_keys=keys) as peer:
            peer.connect(str(stage.api.client.make_url("/")).rstrip("/"))
            taken = await peer.submit(FORM)
            await stage.apply()
            assert (await peer.progress(taken))["state"] == "已收到，等待受理"
            assert await peer.supplement(taken, "补充一句") == 202
            assert await peer.rate(taken, 5) == 409
            assert await peer.withdraw(taken, "已自行解决") == 202
            await stage.apply()
        head = await stage.store.tickets.head(ticket_id_of(taken.ticket_no))
        assert head is not None
        assert head.state == "withdrawn"
        assert peer.changed == 0


async def test_a_busy_store_says_when_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_arguments: object, **_named: object) -> None:
        raise StoreBusy("disk full", retry_after_seconds=4)

    async with portal_stage(tmp_path / "tickets.db") as stage:
        monkeypatch.setattr(stage.store.desk, "execute", busy)
        monkeypatch.setattr(stage.store.inbound, "keep", busy)
        for path, body, who in (
            ("/api/v1/tickets", {"registration": registration()}, "operator"),
            ("/api/portal/v1/matters", FORM, None),
        ):
            answer = await stage.api.call("POST", path, who, key="k", json=body)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "4")
            assert (await answer.json())["code"] == "store_busy"


async def test_what_nobody_foresaw_is_logged_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_arguments: object) -> None:
        raise RuntimeError("secret inside")

    async with api_stage(tmp_path / "tickets.db") as stage:
        monkeypatch.setattr(stage.store.desk, "execute", broken)
        with capture_logs() as logs:
            answer = await stage.call(
                "POST", "/api/v1/tickets", "operator", json={"registration": registration()}
            )
        assert (answer.status, (await answer.json())["code"]) == (500, "internal")
        assert "secret" not in await answer.text()
        said = [(line["event"], line["path"]) for line in logs if line["log_level"] == "error"]
        assert said == [("request failed", "/api/v1/tickets")]
