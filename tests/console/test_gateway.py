"""Peers push to /peers/<name>/<path>: kept before "got it", refused in the peer's own words."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from connectors.base import Answer, Body, Push, Receiving
from connectors.hotline12345.connector import Settings, build
from connectors.signing import Keys, Profile, Signed, sign
from console.gateway import GatewayDeps, add_gateway
from console.refused_pushes import QUIET_SECONDS, RefusedPushes
from schemas.errors import CredentialRefused, PayloadNotUnderstood, StoreBusy
from schemas.intake import Intake
from schemas.outbound import Outbound, Receipt
from schemas.ticket import Source
from tests.console.api_stage import ApiStage, Seconds, api_stage
from tests.console.portal_stage import Wakes, nothing_in_the_way
from tests.console.stage import Clock
from ticket_store.store import Store

PAYLOADS = Path(__file__).parents[1] / "connectors" / "hotline12345" / "payloads"
KEYS = Keys("city-app", "city-secret-0123456789abcdef", Profile.HMAC_SHA256)
LARGEST = 10_000


@dataclass
class PlainPeer:
    """Takes any body but some words; answers in plain text."""

    name: str = "plain"
    source: Source = Source.HOTLINE12345
    seen: list[Push] = field(default_factory=list)

    async def check(self) -> None:
        return None

    def translate(self, body: bytes) -> Sequence[Intake]:
        raise PayloadNotUnderstood(self.name, "never asked")

    async def deliver(self, outbound: Outbound) -> Receipt:
        return Receipt()

    async def ask(self, outbound: Outbound) -> Receipt | None:
        return None

    async def close(self) -> None:
        return None

    def receive(self, push: Push) -> Sequence[Body]:
        self.seen.append(push)
        if push.content == b"who?":
            raise CredentialRefused(self.name, "nobody")
        if push.content == b"crash":
            raise RuntimeError("a bug")
        return [Body(part, part.decode(), "text/plain") for part in push.content.split()]

    def answer(self, outcome: Exception | None) -> Answer:
        if outcome is None:
            return Answer(200, b"OK", "text/plain", {"X-Peer": "yes"})
        status = 401 if isinstance(outcome, CredentialRefused) else 503
        return Answer(status, type(outcome).__name__.encode(), "text/plain")


@dataclass
class GatewayStage:
    api: ApiStage
    peer: PlainPeer
    wakes: Wakes
    seconds: Seconds
    refused: RefusedPushes

    async def push(self, content: bytes, path: str = "orders", **request: Any) -> Any:
        return await self.api.call("POST", f"/peers/plain/{path}", data=content, **request)


@asynccontextmanager
async def gateway_stage(path: Path) -> AsyncIterator[GatewayStage]:
    peer, wakes, seconds = PlainPeer(), Wakes(), Seconds()
    refused = RefusedPushes(seconds)

    def add(app: web.Application, store: Store, clock: Clock) -> None:
        city = build(
            "city",
            Settings.model_validate(
                {
                    "url": "http://127.0.0.1:9/", "app_key": "hub", "app_secret": "x" * 24,
                    "peer_app_key": KEYS.app_key, "peer_app_secret": KEYS.secret,
                }
            ),
            now=clock,
        )  # fmt: skip
        peers: dict[str, Receiving] = {"plain": peer, "city": city}
        add_gateway(
            app, GatewayDeps(store, peers, clock, wakes, nothing_in_the_way, LARGEST, refused)
        )

    async with api_stage(path, add) as api:
        yield GatewayStage(api, peer, wakes, seconds, refused)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[GatewayStage]:
    async with gateway_stage(tmp_path / "tickets.db") as stage:
        yield stage


async def test_bodies_are_rows_when_the_peer_is_answered(stage: GatewayStage) -> None:
    answer = await stage.push(b"one two")
    assert (answer.status, await answer.read(), answer.headers["X-Peer"]) == (200, b"OK", "yes")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    rows = await stage.api.store.inbound.browse(peer="plain")
    assert [(row.content, row.content_type) for row in rows] == [
        (b"two", "text/plain"), (b"one", "text/plain"),
    ]  # fmt: skip
    assert stage.wakes.count == 1
    assert (await stage.push(b"one")).status == 200
    assert stage.wakes.count == 1  # known already: nothing to relay


async def test_the_call_is_handed_on_as_it_was_sent(stage: GatewayStage) -> None:
    await stage.push(b"x", "a%2Fb/c?q=1&r=%E5%B7%A5", headers={"X-Sign": "S"})
    (push,) = stage.peer.seen
    assert (push.method, push.path, push.query) == ("POST", "a%2Fb/c", {"q": "1", "r": "工"})
    assert (push.headers["x-sign"], push.content) == ("S", b"x")


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [(b"who?", 401, b"CredentialRefused"), (b"crash", 503, b"RuntimeError")],
)
async def test_a_refusal_is_in_the_peers_words_and_keeps_nothing(
    stage: GatewayStage, content: bytes, status: int, words: bytes
) -> None:
    answer = await stage.push(content)
    assert (answer.status, await answer.read()) == (status, words)
    assert await stage.api.store.inbound.browse() == []
    assert stage.wakes.count == 0


async def test_a_busy_store_says_when_to_come_back(
    stage: GatewayStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_arguments: object, **_named: object) -> None:
        raise StoreBusy("disk full", retry_after_seconds=7)

    monkeypatch.setattr(stage.api.store.inbound, "keep", full)
    answer = await stage.push(b"one")
    assert (answer.status, await answer.read()) == (503, b"StoreBusy")
    assert answer.headers["Retry-After"] == "7"


async def test_a_body_has_a_largest_size(stage: GatewayStage) -> None:
    assert (await stage.push(b"x" * LARGEST)).status == 200
    assert (await stage.push(b"x" * (LARGEST + 1))).status == 413
    answer = await stage.push(b"x", headers={"Content-Encoding": "gzip"})
    assert answer.status == 415


async def test_an_unknown_peer_is_not_there(stage: GatewayStage) -> None:
    for path in ("/peers/nobody/orders", "/peers/plain", "/peers/"):
        answer = await stage.api.call("POST", path)
        assert (answer.status, answer.content_type) == (404, "application/problem+json")


async def test_the_city_platform_pushes_a_signed_order(stage: GatewayStage) -> None:
    content = (PAYLOADS / "created__help.json").read_bytes()
    signed = Signed("POST", "/peers/city/orders", content)
    headers: Mapping[str, str] = sign(KEYS, signed, stage.api.clock(), "nonce-0123456789")
    answer = await stage.api.call("POST", "/peers/city/orders", data=content, headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (200, "0")
    (row,) = await stage.api.store.inbound.browse(peer="city")
    assert row.content == content
    forged = await stage.api.call(
        "POST", "/peers/city/orders", data=content + b" ", headers=headers
    )
    assert forged.status == 401


BAD: dict[str, Callable[[dict[str, str], datetime], dict[str, str]]] = {
    "signature": lambda headers, _at: headers | {"X-Signature": "0" * 64},
    "digest": lambda headers, _at: headers | {"X-Body-Digest": "0" * 64},
    "missing": lambda headers, _at: {k: v for k, v in headers.items() if k != "X-Nonce"},
    "app_key": lambda headers, _at: headers | {"X-App-Key": "somebody"},
    "timestamp": lambda headers, at: headers | {"X-Timestamp": str(int(at.timestamp()) - 301)},
    "nonce": lambda headers, _at: headers,
}


@pytest.mark.parametrize("reason", BAD)
async def test_a_flood_of_refused_pushes_is_one_line_and_a_count(
    stage: GatewayStage, reason: str
) -> None:
    content = (PAYLOADS / "created__help.json").read_bytes()
    at = stage.api.clock()
    good = sign(KEYS, Signed("POST", "/peers/city/orders", content), at, "nonce-0123456789")
    send = partial(stage.api.call, "POST", "/peers/city/orders", data=content)
    if reason == "nonce":  # taken once already
        assert (await send(headers=good)).status == 200
    before = await stage.api.store.inbound.browse()
    with capture_logs() as logs:
        for _ in range(20):
            answer = await send(headers=BAD[reason](good, at))
            assert (answer.status, (await answer.json())["code"]) == (401, "1002")
        stage.seconds.at += QUIET_SECONDS
        assert (await send(headers=BAD[reason](good, at))).status == 401
    told = {"event": "pushes refused", "log_level": "warning", "peer": "city", "reason": reason}
    assert logs == [told | {"count": 1}, told | {"count": 20}]
    assert stage.refused.counts == {("city", reason): 21}
    assert await stage.api.store.inbound.browse() == before


async def test_one_garbage_again_and_again_is_one_line_one_letter_and_a_count(
    stage: GatewayStage,
) -> None:
    with capture_logs() as logs:
        for number in range(5):
            signed = Signed("POST", "/peers/city/orders", b"what is this")
            headers = sign(KEYS, signed, stage.api.clock(), f"nonce-garbage-{number}")
            answer = await stage.api.call(
                "POST", "/peers/city/orders", data=b"what is this", headers=headers
            )
            assert answer.status == 422
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("pushes refused", "warning"), ("push not understood", "info"),
    ]  # fmt: skip
    assert stage.refused.counts == {("city", "payload"): 5}
    (letter,) = await stage.api.store.inbound.dead_letters()
    assert (letter.content, letter.peer) == (b"what is this", "city")


@pytest.mark.parametrize("act", ["keep", "settle"])
async def test_a_letter_that_could_not_be_kept_was_counted_as_refused(
    stage: GatewayStage, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    async def full(*_arguments: object, **_named: object) -> None:
        raise StoreBusy("disk full")

    monkeypatch.setattr(stage.api.store.inbound, act, full)
    signed = Signed("POST", "/peers/city/orders", b"what is this")
    headers = sign(KEYS, signed, stage.api.clock(), "nonce-0123456789")
    with capture_logs() as logs:
        answer = await stage.api.call(
            "POST", "/peers/city/orders", data=b"what is this", headers=headers
        )
    assert answer.status == 503
    assert stage.refused.counts == {}
    assert [line for line in logs if "push" in line["event"]] == []


async def test_a_signed_complaint_that_was_not_understood_was_thrown_away(
    stage: GatewayStage,
) -> None:
    content = (PAYLOADS / "created__help.json").read_bytes().decode().encode("gbk")
    for nonce in ("nonce-0123456789", "nonce-0123456790"):  # the platform tries again
        signed = Signed("POST", "/peers/city/orders", content)
        headers: Mapping[str, str] = sign(KEYS, signed, stage.api.clock(), nonce)
        answer = await stage.api.call("POST", "/peers/city/orders", data=content, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (422, "2001")
    (row,) = await stage.api.store.inbound.dead_letters()
    assert (row.peer, row.content) == ("city", content)
    assert "json_invalid" in row.detail
    forged = await stage.api.call("POST", "/peers/city/orders", data=b"{}", headers=headers)
    assert forged.status == 401
    assert len(await stage.api.store.inbound.browse()) == 1
