"""What the client makes of answers that no honest platform gives."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
import respx

from connectors.hotline12345.client import body_of, code_in
from connectors.hotline12345.connector import Hotline12345Connector, Settings, build
from schemas.errors import (
    ConnectorError,
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)
from tests.connectors.outbounds import event_of, outbound

URL = "http://platform.test/exchange"
STATUS = f"{URL}/api/orders/SZ20261125000017/status"
DELIVERY = outbound(event_of("ticket_accepted"))


@pytest.fixture
async def connector() -> AsyncIterator[Hotline12345Connector]:
    given = {"url": URL, "app_key": "hub-app", "app_secret": "s", "page_size": 2}
    at = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
    built = build("hotline", Settings.model_validate(given), now=lambda: at)
    yield built
    await built.close()


def page(orders: str, following: str, more: str) -> bytes:
    return f'{{"code":"0","orders":[{orders}],"next":"{following}","more":{more}}}'.encode()


async def messages(connector: Hotline12345Connector, cursor: str = "") -> list[str]:
    return [b.peer_message_no async for p in connector.poll(cursor) for b in p.bodies]


async def test_an_empty_page_that_says_more_is_walked_past(
    connector: Hotline12345Connector, respx_mock: respx.Router
) -> None:
    route = respx_mock.get(f"{URL}/api/orders")
    route.side_effect = [
        httpx.Response(200, content=page("", "5", "true")),
        httpx.Response(200, content=page('{"orderNo":"A","version":1}', "6", "false")),
    ]
    assert await messages(connector) == ["A:1"]
    assert [dict(call.request.url.params) for call in route.calls] == [
        {"since": "", "limit": "2"},
        {"since": "5", "limit": "2"},
    ]


async def test_pages_that_lead_nowhere_end(
    connector: Hotline12345Connector, respx_mock: respx.Router
) -> None:
    route = respx_mock.get(f"{URL}/api/orders").respond(200, content=page("", "5", "true"))
    assert await messages(connector, "5") == []
    assert route.call_count == 1


async def test_a_page_of_orders_that_leads_back_to_itself_is_an_error_not_a_loop(
    connector: Hotline12345Connector, respx_mock: respx.Router
) -> None:
    respx_mock.get(f"{URL}/api/orders").respond(200, content=page("{}", "5", "true"))
    with pytest.raises(PayloadNotUnderstood):
        await messages(connector, "5")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<html>sign in</html>", PayloadNotUnderstood),
        (b'{"code":"0"}', PayloadNotUnderstood),
        (b'{"code":"0","orders":[]}', PayloadNotUnderstood),
        (b'{"code":"0","orders":[],"next":5,"more":false}', PayloadNotUnderstood),
        (b'{"code":"0","orders":[],"next":"5","more":"no"}', PayloadNotUnderstood),
        (b'{"code":"1002","message":"signature"}', CredentialRefused),
        (b'{"code":"9001","message":"busy"}', PeerUnavailable),
        (b'{"code":"2099","message":"no"}', RequestRefused),
    ],
)
async def test_a_page_that_is_none_says_what_it_is(
    connector: Hotline12345Connector,
    respx_mock: respx.Router,
    content: bytes,
    kind: type[ConnectorError],
) -> None:
    respx_mock.get(f"{URL}/api/orders").respond(200, content=content)
    with pytest.raises(kind):
        await messages(connector)


@pytest.mark.parametrize("content", [b"", b"ok", b"[]", b"{}", b'{"code":0}'])
async def test_an_update_whose_answer_nobody_can_read_is_uncertain(
    connector: Hotline12345Connector, respx_mock: respx.Router, content: bytes
) -> None:
    respx_mock.post(STATUS).respond(200, content=content)
    with pytest.raises(PeerUnavailable) as error:
        await connector.deliver(DELIVERY)
    assert error.value.uncertain


async def test_the_receipt_keeps_the_answer_verbatim_and_cut(
    connector: Hotline12345Connector, respx_mock: respx.Router
) -> None:
    answer = b'{"code":"0","message":"' + b"x" * 3000 + b'"}'
    route = respx_mock.post(STATUS).respond(200, content=answer)
    receipt = await connector.deliver(DELIVERY)
    assert receipt.peer_answer == answer[:2000].decode()
    assert route.calls.last.request.headers["idempotency-key"] == DELIVERY.key


async def test_asking_through_a_proxy_that_says_404_is_no_answer(
    connector: Hotline12345Connector, respx_mock: respx.Router
) -> None:
    respx_mock.get(f"{STATUS}/{DELIVERY.key}").respond(404, content=b"nginx")
    with pytest.raises(RequestRefused):
        await connector.ask(DELIVERY)


def test_a_body_that_names_no_order_goes_by_its_digest() -> None:
    one, other = body_of(b'{"orderNo":5}'), body_of(b"\xff")
    assert one.peer_message_no.startswith("sha256:")
    assert one.peer_message_no != other.peer_message_no
    assert one == body_of(b'{"orderNo":5}')
    endless = b'{"orderNo":"' + b"9" * 100_000 + b'","version":1}'
    assert body_of(endless).peer_message_no.startswith("sha256:")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"code":"2001"}', "2001"),
        (b'{"code":2001}', ""),
        (b'["2001"]', ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_the_code_of_a_refusal_is_read_if_there_is_one(content: bytes, code: str) -> None:
    assert code_in(content) == code
