"""Result codes of the province, pages that lead nowhere, and old or mistimed messages."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx
import pytest

from connectors.provincial.client import Client, Credentials
from connectors.provincial.codes import NAMESPACE, OPERATIONS
from connectors.provincial.connector import WSDL, ProvincialConnector
from connectors.provincial.signature import Profile, signature
from connectors.provincial.translate import Report
from connectors.soap_client import SoapAddress, SoapClient
from connectors.soap_server import Arguments, SoapService
from hub.demo.peers.faults import Fault, FaultPlan, Faults
from hub.demo.peers.provincial import ProvincialPeer
from schemas.errors import (
    ConnectorError,
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)

NOW = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)
REPORT = Report("reportDecline", "<report/>")


def client(returned: str) -> Client:
    """A province that always returns the same document."""

    async def handle(_: Arguments) -> Mapping[str, str]:
        return {"return": returned}

    service = SoapService(WSDL.read_bytes(), dict.fromkeys(OPERATIONS, handle))

    async def answering(request: httpx.Request) -> httpx.Response:
        reply = await service.answer(request.content, request.headers["content-type"])
        return httpx.Response(
            reply.status, content=reply.content, headers={"content-type": reply.content_type}
        )

    binding = f"{{{NAMESPACE}}}ComplaintExchange11"
    http = httpx.AsyncClient(transport=httpx.MockTransport(answering))
    soap = SoapClient("province", SoapAddress(WSDL, binding, "http://127.0.0.1:9/"), http)
    return Client("province", soap, Credentials("k", "s", Profile.WEAK), lambda: NOW)


def result(code: str, more: str = "") -> str:
    return f"<result><code>{code}</code><message>words</message>{more}</result>"


@pytest.mark.parametrize(
    ("code", "kind", "uncertain"),
    [
        ("1001", CredentialRefused, False),
        ("1002", CredentialRefused, False),
        ("1003", CredentialRefused, False),
        ("2001", RequestRefused, False),
        ("2002", RequestRefused, False),
        ("2003", RequestRefused, False),
        ("9001", PeerUnavailable, False),
        ("9002", PeerUnavailable, True),
        ("4711", PayloadNotUnderstood, False),
    ],
)
async def test_a_result_code_says_what_to_do_next(
    code: str, kind: type[ConnectorError], uncertain: bool
) -> None:
    province = client(result(code))
    with pytest.raises(ConnectorError) as refusal:
        await province.report(REPORT)
    error = refusal.value
    assert (type(error), error.peer_code, error.uncertain) == (kind, code, uncertain)
    await province.close()


async def test_a_report_taken_before_counts_as_done() -> None:
    province = client(result("0001"))
    assert (await province.report(REPORT)).code == "0001"
    await province.close()


async def test_an_unreadable_result_leaves_a_report_in_doubt_but_not_a_question() -> None:
    province = client("neither XML nor known")
    with pytest.raises(PeerUnavailable) as doubt:
        await province.report(REPORT)
    assert doubt.value.uncertain
    with pytest.raises(PayloadNotUnderstood):
        await province.ping()
    await province.close()


async def test_only_an_unknown_serial_number_means_that_it_never_arrived() -> None:
    unknown, refusing = client(result("3001")), client(result("2002"))
    assert await unknown.reported("1.province") is None
    with pytest.raises(RequestRefused):
        await refusing.reported("1.province")
    await unknown.close()
    await refusing.close()


@pytest.mark.parametrize("cursor", ["", "7"])
async def test_a_page_that_leads_nowhere_is_refused_and_not_asked_for_ever(cursor: str) -> None:
    items = f'<cursor>{cursor}</cursor><items><item messageNo="1">&lt;a/&gt;</item></items>'
    province = ProvincialConnector("province", client(result("0000", items)), 30.0, 50)
    with pytest.raises(PayloadNotUnderstood):
        _ = [page async for page in province.poll("7")]
    await province.close()


def test_the_strong_signature_covers_operation_and_every_argument() -> None:
    def sign(operation: str = "ping", *, key: str = "s", **arguments: str) -> str:
        return signature(Profile.HMAC_SHA256, key, "k", "1", operation, arguments)

    signed = {
        sign(),
        sign("other"),
        sign(key="t"),
        sign(a="1"),
        sign(a="2"),
        sign(b="1"),
        sign(a="1\nb=2"),
        sign(a="1", b="2"),
    }
    assert len(signed) == 8


def test_the_weak_signature_is_the_one_seen_in_the_field() -> None:
    signed = signature(Profile.WEAK, "secret", "app", "1764034200000", "ping", {"a": "1"})
    assert signed == "a9a923d40ac3d458a5945c192e42401d715f98de"


async def test_old_versions_and_wrong_clocks_reach_the_hub_as_they_are() -> None:
    plan = FaultPlan(clock_error_seconds=-3600)
    peer = ProvincialPeer(Faults(plan, random.Random(7)), lambda: NOW)  # noqa: S311  seeded dice of a fake
    async with peer:
        soap = SoapClient(
            "province",
            SoapAddress(WSDL, f"{{{NAMESPACE}}}ComplaintExchange11", peer.endpoint),
        )
        credentials = Credentials(peer.app_key, peer.secret, peer.profile)
        wire = Client("province", soap, credentials, lambda: NOW)
        province = ProvincialConnector("province", wire, 30.0, 50)
        peer.issue("SJ1", title="路灯", content="路灯不亮")
        peer.faults.next_only(Fault.WRONG_CLOCK)
        peer.faults.next_only(Fault.STALE)
        peer.issue("SJ1", content="路灯仍然不亮")
        (page,) = [page async for page in province.poll("")]
        versions = [province.translate(body.content)[0] for body in page.bodies]
        await province.close()
    texts = [one.registration.matter.text for one in versions if one.registration]
    hours = [one.peer_updated_at.hour for one in versions if one.peer_updated_at]
    assert texts == ["路灯不亮", "路灯仍然不亮", "路灯不亮"]
    assert hours == [9, 8, 9]
