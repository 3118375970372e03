from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count

import httpx
import pytest
import respx

from connectors.http_client import HttpAddress, HttpClient
from connectors.signing import Keys, RecentNonces, Signed, verify
from schemas.errors import (
    ConnectorError,
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
URL = "http://peer.test/base"
KEYS = Keys("hub-app", "quite secret")


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
async def client(waits: list[float]) -> AsyncIterator[HttpClient]:
    numbers = count()

    async def note(seconds: float) -> None:
        waits.append(seconds)

    built = HttpClient(
        "peer",
        HttpAddress(URL, tries=3, most_bytes=100),
        KEYS,
        now=lambda: AT,
        nonce=lambda: f"nonce-{next(numbers):04d}",
        sleep=note,
        peer_code=lambda content: "T-1" if content == b"theirs" else "",
    )
    yield built
    await built.close()


async def test_a_call_is_signed_as_it_arrives(client: HttpClient, respx_mock: respx.Router) -> None:
    route = respx_mock.post(f"{URL}/orders").respond(200, content=b"ok")
    query = {"since": "a b", "limit": "2"}
    answer = await client.call("POST", "/orders", changes=True, body=b"{}", query=query)
    assert (answer.status, answer.content) == (200, b"ok")
    request = route.calls.last.request
    signed = Signed("POST", request.url.path, request.content, dict(request.url.params))
    verify("peer", KEYS, signed, request.headers, AT, RecentNonces())
    assert request.headers["content-type"].startswith("application/json")


async def test_a_call_without_a_body_says_nothing_about_one(
    client: HttpClient, respx_mock: respx.Router
) -> None:
    route = respx_mock.get(f"{URL}/orders").respond(204)
    await client.call("GET", "/orders", changes=False)
    assert "content-type" not in route.calls.last.request.headers


@pytest.mark.parametrize("changes", [True, False])
@pytest.mark.parametrize(
    ("status", "kind", "may_have_arrived"),
    [
        (302, PeerUnavailable, False),
        (400, RequestRefused, False),
        (401, CredentialRefused, False),
        (403, CredentialRefused, False),
        (404, RequestRefused, False),
        (408, PeerUnavailable, False),
        (409, RequestRefused, False),
        (422, RequestRefused, False),
        (429, PeerUnavailable, False),
        (500, PeerUnavailable, True),
        (502, PeerUnavailable, True),
        (503, PeerUnavailable, False),
        (504, PeerUnavailable, True),
    ],
)
async def test_each_status_is_one_error(
    client: HttpClient,
    respx_mock: respx.Router,
    status: int,
    kind: type[ConnectorError],
    may_have_arrived: bool,
    changes: bool,
) -> None:
    route = respx_mock.post(f"{URL}/x").respond(status)
    with pytest.raises(kind) as error:
        await client.call("POST", "/x", changes=changes, body=b"{}")
    assert type(error.value) is kind
    assert error.value.peer_code == str(status)
    assert error.value.uncertain == (may_have_arrived and changes)
    assert route.call_count == 1  # never repeated inside the call


async def test_the_peers_own_code_is_kept(client: HttpClient, respx_mock: respx.Router) -> None:
    respx_mock.get(f"{URL}/x").respond(409, content=b"theirs")
    with pytest.raises(RequestRefused) as error:
        await client.call("GET", "/x", changes=False)
    assert error.value.peer_code == "T-1"


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ConnectTimeout])
async def test_what_was_not_sent_is_tried_again_and_signed_anew(
    client: HttpClient,
    respx_mock: respx.Router,
    waits: list[float],
    failure: type[httpx.TransportError],
) -> None:
    route = respx_mock.post(f"{URL}/x").mock(
        side_effect=[failure("no"), failure("no"), httpx.Response(200)]
    )
    assert (await client.call("POST", "/x", changes=True, body=b"{}")).status == 200
    nonces = {call.request.headers["x-nonce"] for call in route.calls}
    assert len(nonces) == 3
    assert len(waits) == 2


async def test_no_connection_at_all_is_certain_not_to_have_arrived(
    client: HttpClient, respx_mock: respx.Router
) -> None:
    route = respx_mock.post(f"{URL}/x").mock(side_effect=httpx.ConnectError("no"))
    with pytest.raises(PeerUnavailable) as error:
        await client.call("POST", "/x", changes=True, body=b"{}")
    assert not error.value.uncertain
    assert route.call_count == 3


@pytest.mark.parametrize(
    "failure", [httpx.ReadTimeout, httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError]
)
@pytest.mark.parametrize("changes", [True, False])
async def test_what_was_cut_off_after_sending_is_uncertain_and_not_repeated(
    client: HttpClient,
    respx_mock: respx.Router,
    failure: type[httpx.TransportError],
    changes: bool,
) -> None:
    route = respx_mock.post(f"{URL}/x").mock(side_effect=failure("cut"))
    with pytest.raises(PeerUnavailable) as error:
        await client.call("POST", "/x", changes=changes, body=b"{}")
    assert error.value.uncertain == changes
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("changes", "kind"), [(True, PeerUnavailable), (False, PayloadNotUnderstood)]
)
async def test_an_answer_over_the_limit_is_not_read_on(
    client: HttpClient,
    respx_mock: respx.Router,
    changes: bool,
    kind: type[ConnectorError],
) -> None:
    respx_mock.post(f"{URL}/x").respond(200, content=b"x" * 101)
    with pytest.raises(kind) as error:
        await client.call("POST", "/x", changes=changes, body=b"{}")
    assert error.value.uncertain == changes


async def test_an_endless_refusal_is_cut_and_still_a_refusal(
    client: HttpClient, respx_mock: respx.Router
) -> None:
    respx_mock.get(f"{URL}/x").respond(404, content=b"x" * 70_000)
    with pytest.raises(RequestRefused):
        await client.call("GET", "/x", changes=False)


async def test_an_address_that_is_none_is_unavailable() -> None:
    client = HttpClient("peer", HttpAddress("nowhere://peer"), KEYS, now=lambda: AT)
    with pytest.raises(PeerUnavailable) as error:
        await client.call("GET", "/x", changes=True)
    assert not error.value.uncertain
    await client.close()


async def test_an_error_does_not_repeat_the_query(
    client: HttpClient, respx_mock: respx.Router
) -> None:
    respx_mock.get(f"{URL}/x").mock(side_effect=httpx.ReadTimeout("secret=1"))
    with pytest.raises(PeerUnavailable) as error:
        await client.call("GET", "/x", changes=False, query={"secret": "1"})
    assert "secret" not in str(error.value)
