"""Bodies too large, a full disk, a broker that is away: refused in time, and nothing taken lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Connection

from connectors.signing import Keys, Signed, sign
from console.api.bodies import LARGEST_JSON
from hub.assembly import Hub, build
from hub.broker_watch import LOOK_SECONDS, BrokerWatch
from hub.health import HEALTH, REFUSED_SECONDS
from hub.settings import load
from hub.web import build_web
from streams.embedded.schema import connect
from tests.hub.test_health import Seconds
from tests.hub.test_processes import MATTER

KEYS = Keys("city-app", "city-secret-0123456789abcdef")
PEERS: dict[str, Any] = {
    "portal": {"dialect": "web_portal"},
    "city": {
        "dialect": "hotline12345", "url": "http://127.0.0.1:9", "app_key": "k", "app_secret": "s",
        "peer_app_key": KEYS.app_key, "peer_app_secret": KEYS.secret,
    },
}  # fmt: skip
PAYLOADS = Path(__file__).parents[1] / "connectors" / "hotline12345" / "payloads"
ORDER = (PAYLOADS / "created__help.json").read_bytes()
PAGES_OF_ONE = "PRAGMA max_page_count=1"
PAGES_AGAIN = "PRAGMA max_page_count=1073741823"


class Site:
    """The web of a hub, and the clock that its health looks at."""

    def __init__(self, hub: Hub, client: TestClient[Any, Any], seconds: Seconds) -> None:
        self.hub, self.client, self.seconds, self._calls = hub, client, seconds, 0

    async def hand_in(self, key: str) -> Any:
        headers = {"Idempotency-Key": key}
        return await self.client.post("/api/portal/v1/matters", json=MATTER, headers=headers)

    async def push(self) -> Any:
        self._calls += 1
        signed = Signed("POST", "/peers/city/orders", ORDER)
        headers = sign(KEYS, signed, datetime.now(UTC), f"nonce-{self._calls:08}")
        return await self.client.post("/peers/city/orders", data=ORDER, headers=headers)

    async def missing(self) -> list[str]:
        answer = await self.client.get("/health/ready")
        told = await answer.json()
        assert answer.status == (503 if told["missing"] else 200)
        return list(told["missing"])

    async def kept(self) -> int:
        return len(await self.hub.store.inbound.browse())


@pytest.fixture
async def site(home: Path) -> AsyncIterator[Site]:
    hub = await build(load(home=home, port=0, peers=PEERS), migrating=True)
    app, seconds = build_web(hub, None), Seconds()
    health = app[HEALTH]
    health.monotonic = seconds
    health.broker._monotonic = seconds
    async with TestClient(TestServer(app)) as client:
        yield Site(hub, client, seconds)
    await hub.close()


async def pragma(hub: Hub, text: str) -> None:
    def work(connection: Connection) -> None:
        connection.exec_driver_sql(text)

    await hub.store.database.write(work)


async def refused(site: Site) -> None:
    """Both intakes say when to come back, and keep nothing."""
    before = await site.kept()
    for answer in (await site.hand_in("later"), await site.push()):
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert json.loads(await answer.read())["code"] in {"store_busy", "9001"}
    assert await site.kept() == before


async def taken(site: Site) -> None:
    assert (await site.hand_in("later")).status == 201
    assert (await site.push()).status == 200


async def test_a_full_disk(site: Site) -> None:
    first = await (await site.hand_in("first")).json()
    await pragma(site.hub, PAGES_OF_ONE)
    for number in range(200):  # pages that are there already take some
        if (await site.hand_in(f"filling {number}")).status == 503:
            break
    await refused(site)
    assert await site.missing() == ["store: writes were refused a moment ago, see the log"]
    await pragma(site.hub, PAGES_AGAIN)
    await taken(site)
    site.seconds.at += REFUSED_SECONDS
    assert await site.missing() == []
    assert await (await site.hand_in("first")).json() == first  # what was acknowledged is there


async def test_a_broker_that_is_away(site: Site, home: Path) -> None:
    assert await site.missing() == []  # no worker has made it yet: nothing is wrong
    await taken(site)
    before = await site.kept()
    make_broker(home)
    site.seconds.at += LOOK_SECONDS
    assert await site.missing() == []
    (home / "broker.db").rename(home / "aside.db")
    site.seconds.at += LOOK_SECONDS
    assert await site.missing() == ["broker: broker.db is gone"]
    await refused(site)
    (home / "broker.db").write_bytes(b"these are not the bytes of a log" * 100)
    site.seconds.at += LOOK_SECONDS
    assert await site.missing() == ["broker: file is not a database"]
    await refused(site)
    (home / "aside.db").replace(home / "broker.db")
    site.seconds.at += LOOK_SECONDS
    assert await site.missing() == []
    assert await site.kept() == before
    await taken(site)


def make_broker(home: Path) -> None:
    """As a worker leaves it."""
    connect(home / "broker.db").close()


async def test_many_calls_share_one_look(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, seconds = list[int](), Seconds()
    watch = BrokerWatch(f"sqlite:///{home}/broker.db", seconds)

    def look() -> str:
        looks.append(1)
        return "broker: gone"

    monkeypatch.setattr(watch, "_look", look)
    assert [await watch.problem() for _ in range(5)] == ["broker: gone"] * 5
    assert len(looks) == 1
    seconds.at = LOOK_SECONDS
    await watch.problem()
    assert len(looks) == 2


LIMITS = [
    ("/api/portal/v1/matters", "application/json", LARGEST_JSON),
    ("/api/portal/v1/attachments", "image/png", 10_000_000),
    ("/peers/city/orders", "application/json", 4 << 20),
]


@pytest.mark.parametrize(("path", "content_type", "largest"), LIMITS)
@pytest.mark.parametrize("says_its_length", [True, False])
async def test_a_body_too_large_is_refused_before_it_is_read_whole(
    site: Site, path: str, content_type: str, largest: int, says_its_length: bool
) -> None:
    """Its end never comes, so whoever waited for the whole would never answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.client.server.port)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
    head += "Idempotency-Key: k\r\n"
    if says_its_length:
        writer.write(f"{head}Content-Length: {1 << 40}\r\n\r\n".encode())
    else:
        writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n{largest + 1:x}\r\n".encode())
        writer.write(bytes(largest + 1) + b"\r\n")
    async with asyncio.timeout(30):
        assert (await reader.readline()).split()[1] == b"413"
    writer.transport.abort()
    assert await site.kept() == 0
