"""A client that goes away in the middle of a body is nobody's mistake: no error, no trace."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from hub.assembly import build
from hub.settings import load
from hub.web import RunningWeb, running_web

PUSHING = {
    "dialect": "hotline12345", "url": "http://127.0.0.1:9", "app_key": "k", "app_secret": "s",
    "peer_app_key": "k", "peer_app_secret": "s",
}  # fmt: skip
PEERS: dict[str, Any] = {"portal": {"dialect": "web_portal"}, "city": PUSHING}
FORM = b"Content-Type: multipart/form-data; boundary=b\r\n"
PART = b"--b\r\nContent-Disposition: form-data; name=f; filename=x.png\r\n\r\nabc"
BEGUN = [
    ("/api/portal/v1/matters", b"Content-Type: application/json\r\nIdempotency-Key: k\r\n", b"{"),
    ("/api/portal/v1/attachments", FORM, PART),
    ("/api/portal/v1/attachments", b"Content-Type: image/png\r\n", b"abc"),
    ("/peers/city/orders", b"Content-Type: application/json\r\n", b"{"),
    ("/sign-in", b"Content-Type: application/x-www-form-urlencoded\r\n", b"a=1"),
]


@pytest.fixture
async def site(home: Path) -> AsyncIterator[RunningWeb]:
    hub = await build(load(home=home, port=0, peers=PEERS), migrating=True)
    async with running_web(hub, None) as running:
        yield running
    await hub.close()


async def begin(port: int, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    return reader, writer


@pytest.mark.parametrize(("path", "headers", "body"), BEGUN)
@pytest.mark.parametrize("chunked", [False, True])
async def test_who_leaves_in_the_middle_of_a_body(
    site: RunningWeb, path: str, headers: bytes, body: bytes, chunked: bool
) -> None:
    length = b"Content-Length: 1000\r\n\r\n" + body
    if chunked:
        length = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body)
    with capture_logs() as logs:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode()
        _, writer = await begin(site.port, head + headers + length)
        # an answered call on another connection: the first one is being read by now
        answer, other = await begin(site.port, b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in await answer.readline()
        writer.transport.abort()
        async with asyncio.timeout(30):
            while not logs:  # noqa: ASYNC110 - the log is a list and wakes nobody
                await asyncio.sleep(0)
        other.close()
    [line] = logs
    assert line == {
        "event": "client left", "log_level": "debug", "path": path, "method": "POST",
    }  # fmt: skip
