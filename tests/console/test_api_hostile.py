"""Whatever is sent to whatever route, the answer is a 4xx that explains itself, never a 500."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.api.bodies import LARGEST_JSON
from console.api.operations import DOCUMENTED, Operation
from tests.console.api_stage import registration
from tests.console.portal_stage import FORM, PortalStage, portal_stage

JSON = "application/json"
DEEP = 100_000
# name -> body and its content type
HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing that is JSON": (b"{", JSON),
    "an array": (b"[]", JSON),
    "a number": (b"7", JSON),
    "null": (b"null", JSON),
    "text after the object": (b"{} {}", JSON),
    "no UTF-8": (b'{"title": "\xff\xfe"}', JSON),
    "UTF-16": ('{"title": "x"}'.encode("utf-16"), JSON),
    "a lone surrogate": (b'{"title": "\\ud800", "text": "\\udfff"}', JSON),
    "NUL in a value": (b'{"title": "a\\u0000b"}', JSON),
    "NUL in a name": (b'{"a\\u0000b": 1}', JSON),
    "a raw control character": (b'{"title": "a\x01b"}', JSON),
    "arrays in arrays": (b'{"title": ' + b"[" * DEEP + b"]" * DEEP + b"}", JSON),
    "objects in objects": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, JSON),
    "a huge integer": (b'{"expected_version": ' + b"9" * 5000 + b"}", JSON),
    "a large integer": (b'{"rating": 99999999999999999999999, "into": 1}', JSON),
    "a huge exponent": (b'{"rating": 1e999}', JSON),
    "not a number": (b'{"rating": NaN}', JSON),
    "infinity": (b'{"rating": -Infinity}', JSON),
    "fields of objects": (b'{"__class__": {}, "constructor": {"prototype": {}}}', JSON),
    "too large": (b'{"title": "' + b"x" * LARGEST_JSON + b'"}', JSON),
    "a form": (b"title=x&text=y", "application/x-www-form-urlencoded"),
    "a multipart form without end": (b"--b\r\nContent-Dis", "multipart/form-data; boundary=b"),
    "a multipart form without boundary": (b"--b\r\n\r\nx\r\n--b--", "multipart/form-data"),
    "nested multipart": (
        b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
        b"--c\r\n\r\nx\r\n--c--\r\n--b--\r\n",
        "multipart/form-data; boundary=b",
    ),
    "XML": (b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>", "text/xml"),
    "another charset": (b'{"title": "x"}', "application/json; charset=utf-16"),
    "a broken content type": (b'{"title": "x"}', "application/json;;;=\xe9"),
    "text that says it is JSON": (b'{"title": "x"}', "text/plain+json"),
}  # fmt: skip


@dataclass
class Target:
    """A stage with a ticket that every path can name."""

    stage: PortalStage
    taken: dict[str, str]
    ticket_id: int

    @property
    def operations(self) -> list[Operation]:
        return self.stage.api.app[DOCUMENTED].operations

    def address(self, one: Operation) -> str:
        path = one.path.format(
            ticket_id=self.ticket_id, ticket_no=self.taken["ticket_no"], action="amend"
        )
        portal = "ticket_no" in one.path
        return f"{path}?query_code={self.taken['query_code']}" if portal else path

    async def send(self, one: Operation, content: bytes, **headers: str) -> tuple[int, str]:
        answer = await self.stage.api.call(
            one.method, self.address(one), "operator" if one.bearer else None, key="hostile",
            data=content, headers=headers,
        )  # fmt: skip
        return answer.status, await answer.text()


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[Target]:
    async with portal_stage(tmp_path / "tickets.db", per_minute=1_000_000) as stage:
        taken, ticket_id = await stage.registered()
        yield Target(stage, taken, ticket_id)


async def test_hostile_bodies_at_every_route_that_takes_one(target: Target) -> None:
    before = await target.stage.store.tickets.head(target.ticket_id)
    for one in target.operations:
        if one.method != "POST":
            continue
        for name, (content, content_type) in HOSTILE.items():
            status, text = await target.send(one, content, **{"Content-Type": content_type})
            assert 400 <= status < 500, (one.path, name, status, text)
            said = json.loads(text)
            assert said["status"] == status
            assert said["code"]
            assert said["title"]
    assert await target.stage.store.tickets.head(target.ticket_id) == before


async def test_compressed_bodies_are_not_unpacked(target: Target) -> None:
    for one in target.operations:
        if one.method == "POST":
            for coding in ("gzip", "deflate", "br", "x-what"):
                status, _ = await target.send(
                    one, b"\x1f\x8b\x08\x00garbage",
                    **{"Content-Type": JSON, "Content-Encoding": coding},
                )  # fmt: skip
                assert 400 <= status < 500, (one.path, coding, status)


ODD = (
    "%00", "%FF%FE", "%ED%A0%80", "%F0%9F%98%80", "'; DROP TABLE tickets; --", "x" * 5000, "*",
    '"', "%0d%0aX: y", "-1", "9" * 400, "NaN", "\\", "ST", "../..", "AND OR NOT NEAR(",
)  # fmt: skip


async def test_hostile_queries_at_every_parameter(target: Target) -> None:
    for one in target.operations:
        for parameter in one.parameters:
            if one.method != "GET" or parameter.place != "query":
                continue
            for value in ODD:
                answer = await target.stage.api.call(
                    "GET", f"{one.path.format(**_names(target))}?{parameter.name}={value}", "leader"
                )
                assert answer.status < 500, (one.path, parameter.name, value)


async def test_hostile_paths(target: Target) -> None:
    for value in ODD:
        plain = value.replace("/", "%2F").replace(" ", "%20")
        for path in (
            f"/api/v1/tickets/{plain}", f"/api/v1/tickets/{plain}/events",
            f"/api/portal/v1/matters/{plain}?query_code=0",
        ):  # fmt: skip
            assert (await target.stage.api.call("GET", path, "leader")).status == 404, path
        path = f"/api/v1/tickets/{target.ticket_id}/actions/{plain}"
        assert (await target.stage.api.call("POST", path, "leader")).status in (400, 404, 405)


def _names(target: Target) -> dict[str, object]:
    return {"ticket_id": target.ticket_id, "ticket_no": target.taken["ticket_no"]}


async def _raw(target: Target, sent: bytes) -> bytes:
    """The first line of the answer."""
    server = target.stage.api.client.server
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(sent)
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


HEAD = b"Host: x\r\nConnection: close\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "head_and_body",
    [
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"Content-Length: -5\r\n\r\n{}",
        b"Content-Length: 99999999999999999999\r\n\r\n{}",
        b"Idempotency-Key: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
        b"Authorization: Bearer \xff\r\nContent-Length: 2\r\n\r\n{}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [b"/api/v1/tickets", b"/api/portal/v1/matters"])
async def test_broken_requests(target: Target, path: bytes, head_and_body: bytes) -> None:
    answer = await _raw(target, b"POST " + path + b" HTTP/1.1\r\n" + HEAD + head_and_body)
    assert 400 <= int(answer.split()[1]) < 500, answer


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from(["counter", "2026-11-25T00:00:00Z", "320508", "scjg"])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def changed(whole: dict[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """`whole` with another value at `path`, which may lead through what is not there."""
    first, *rest = path
    inner = whole.get(first)
    return whole | {
        first: changed(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    }


PLACES = st.sampled_from(
    ["registration", "registration.matter", "registration.matter.title", "registration.citizen",
     "registration.citizen.phone", "registration.received_at", "registration.source",
     "registration.source_ticket_no", "accept", "title", "text", "kind", "area_code",
     "citizen.name", "accused", "accused.uscc", "attachments", "reason", "departments", "form",
     "review_no", "working_days", "expected_version", "matter.urgency", "rating", "query_code"]
)  # fmt: skip


async def test_random_bodies(target: Target) -> None:
    """One field after another gets a random value; whatever is not taken is explained."""
    bodies: list[dict[str, Any]] = []

    @settings(max_examples=150, database=None, derandomize=True, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(base=st.sampled_from(["api", "portal", "act"]), place=PLACES, value=VALUES)
    def collect(base: str, place: str, value: Any) -> None:
        start = {"api": {"registration": registration()}, "portal": FORM, "act": {}}[base]
        bodies.append(changed(start, place.split("."), value))

    collect()
    assert len(bodies) >= 100
    calls = [one for one in target.operations if one.method == "POST"]
    for number, body in enumerate(bodies):
        for one in calls:
            status, text = await target.send(
                one, json.dumps(body).encode(),
                **{"Content-Type": JSON, "Idempotency-Key": f"random-{number}"},
            )  # fmt: skip
            assert status < 500, (one.path, body, text)
