"""Calls to SOAP peers: what each kind of trouble becomes, and whether the call may have arrived."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from connectors.foreign_xml import XmlLimits
from connectors.provincial.codes import NAMESPACE, OPERATIONS
from connectors.provincial.connector import WSDL
from connectors.soap_client import SoapAddress, SoapClient
from connectors.soap_server import SOAP_11, SOAP_12, Arguments, SoapFault, SoapService
from schemas.errors import (
    ConnectorError,
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)

Answering = Callable[[httpx.Request], httpx.Response]
CREDENTIALS = {"appKey": "k", "timestamp": "1", "signature": "s"}
XML = {"content-type": "text/xml; charset=utf-8"}


class Returned(BaseModel):
    result: str


def client(answering: Any, version: str = "11", **changes: Any) -> SoapClient:
    address = SoapAddress(
        wsdl=WSDL,
        binding=f"{{{NAMESPACE}}}ComplaintExchange{version}",
        url="http://127.0.0.1:9/exchange",
        credential_codes=frozenset({"1001"}),
        busy_codes=frozenset({"9001"}),
        **changes,
    )
    http = httpx.AsyncClient(transport=httpx.MockTransport(answering))
    return SoapClient("peer", address, http)


async def ping(soap: SoapClient, *, changes: bool = True) -> str:
    try:
        return (await soap.call("ping", Returned, changes=changes, **CREDENTIALS)).result
    finally:
        await soap.close()


async def trouble(soap: SoapClient, *, changes: bool = True) -> ConnectorError:
    with pytest.raises(ConnectorError) as error:
        await ping(soap, changes=changes)
    return error.value


def says(status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> Answering:
    return lambda _: httpx.Response(status, content=content, headers=headers or XML)


def reply(text: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body><pingResponse xmlns="{NAMESPACE}">'
        f"<return>{text}</return></pingResponse></s:Body></s:Envelope>"
    ).encode()


def envelope(inside: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP_11}">{inside}</s:Envelope>'.encode()


def fault(code: str, detail: str = "", message: str = "words") -> bytes:
    return (
        f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body><s:Fault><faultcode>{code}</faultcode>'
        f"<faultstring>{message}</faultstring>{detail}</s:Fault></s:Body></s:Envelope>"
    ).encode()


@pytest.mark.parametrize("version", ["11", "12"])
async def test_a_call_and_its_answer_pass_through_the_wsdl(version: str) -> None:
    seen: list[Arguments] = []

    async def handle(arguments: Arguments) -> dict[str, str]:
        seen.append(arguments)
        return {"return": "苏州"}

    service = SoapService(WSDL.read_bytes(), dict.fromkeys(OPERATIONS, handle))

    async def answering(request: httpx.Request) -> httpx.Response:
        media = request.headers["content-type"]
        answer = await service.answer(request.content, media)
        assert ("soap+xml" in media) == (version == "12")
        return httpx.Response(
            answer.status, content=answer.content, headers={"content-type": answer.content_type}
        )

    soap = client(answering, version)
    arguments = {**CREDENTIALS, "cursor": "a\x0b\x00b", "limit": 5}
    answer = await soap.call("getIssuedTickets", Returned, changes=False, **arguments)
    await soap.close()
    assert answer.result == "苏州"
    assert seen[0]["cursor"] == "ab"  # what XML cannot hold is left out
    assert seen[0]["limit"] == "5"


async def test_an_answer_in_gbk_under_the_name_of_utf_8_is_read() -> None:
    content = b'<?xml version="1.0" encoding="UTF-8"?>' + reply("苏州").decode().encode("gbk")
    assert await ping(client(says(200, content))) == "苏州"


async def test_control_characters_in_an_answer_are_left_out() -> None:
    assert await ping(client(says(200, reply("a\x0bb&#1;c")))) == "abc"


@pytest.mark.parametrize(
    ("answering", "kind", "code", "uncertain"),
    [
        (says(500, fault("s:Server")), PeerUnavailable, "Server", True),
        (says(500, fault("s:Server.Timeout")), PeerUnavailable, "Server", True),
        (
            says(500, fault("s:Server", "<detail><e><code>9001</code></e></detail>")),
            PeerUnavailable,
            "9001",
            False,
        ),
        (says(500, fault("s:Client")), RequestRefused, "Client", False),
        (says(200, fault("s:Client")), RequestRefused, "Client", False),
        (
            says(500, fault("s:Client", "<detail><e><code>1001</code></e></detail>")),
            CredentialRefused,
            "1001",
            False,
        ),
        (
            says(500, fault("w:FailedAuthentication")),
            CredentialRefused,
            "FailedAuthentication",
            False,
        ),
        (says(500, b"<oops/>"), PeerUnavailable, "-", True),
        (says(500, b"oops", {"content-type": "text/html"}), PeerUnavailable, "500", True),
        (says(502, b"", {"content-type": "text/html"}), PeerUnavailable, "502", True),
        (says(503, fault("s:Server")), PeerUnavailable, "503", False),
        (says(429), PeerUnavailable, "429", False),
        (says(401, fault("s:Client")), CredentialRefused, "401", False),
        (says(403, b"", {"content-type": "text/html"}), CredentialRefused, "403", False),
        (says(404, b"", {"content-type": "text/html"}), PeerUnavailable, "404", False),
        (says(413, b"", {"content-type": "text/html"}), RequestRefused, "413", False),
        (says(200, b"not xml"), PeerUnavailable, "-", True),
        (says(200, b"<a/>"), PeerUnavailable, "-", True),
        (says(200, b"<!DOCTYPE a><a/>"), PeerUnavailable, "-", True),
        (says(200, reply("")), PeerUnavailable, "-", True),
        (says(200, b""), PeerUnavailable, "-", True),
        (says(200, envelope("")), PeerUnavailable, "-", True),
        (says(200, envelope("<s:Body/>")), PeerUnavailable, "-", True),
        (says(200, envelope("<s:Body><a/></s:Body>")), PeerUnavailable, "-", True),
        (says(200, envelope("<s:Body><s:Fault/></s:Body>")), PeerUnavailable, "-", True),
        (says(200, reply("<a/>")), PeerUnavailable, "-", True),
        (says(200, reply("x</return><return>y")), PeerUnavailable, "-", True),
        (says(202, b""), PeerUnavailable, "-", True),
        (says(302, b"", {"location": "/x"}), PeerUnavailable, "302", False),
        (says(200, b"x", {"content-type": "multipart/related"}), PeerUnavailable, "-", True),
    ],
)
async def test_each_answer_becomes_one_of_the_four_errors(
    answering: Answering, kind: type[ConnectorError], code: str, uncertain: bool
) -> None:
    error = await trouble(client(answering))
    assert (type(error), error.peer_code, error.uncertain) == (kind, code, uncertain)
    assert error.connector == "peer"


async def test_a_soap_12_fault_shows_its_subcode() -> None:
    service = SoapService(WSDL.read_bytes(), dict.fromkeys(OPERATIONS, _refuse))

    async def answering(request: httpx.Request) -> httpx.Response:
        answer = await service.answer(request.content, request.headers["content-type"])
        return httpx.Response(
            answer.status, content=answer.content, headers={"content-type": answer.content_type}
        )

    error = await trouble(client(answering, "12"))
    assert isinstance(error, CredentialRefused)
    assert error.peer_code == "FailedCheck"


async def _refuse(_: Arguments) -> dict[str, str]:
    raise SoapFault("no", subcode="{urn:wsse}FailedCheck")


@pytest.mark.parametrize(
    ("raised", "uncertain"),
    [
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
        (httpx.PoolTimeout, False),
        (httpx.ReadTimeout, True),
        (httpx.WriteError, True),
        (httpx.ReadError, True),
        (httpx.RemoteProtocolError, True),
    ],
)
async def test_a_broken_connection_is_in_doubt_only_once_the_call_was_sent(
    raised: type[httpx.TransportError], uncertain: bool
) -> None:
    def answering(_: httpx.Request) -> httpx.Response:
        raise raised("broken")

    error = await trouble(client(answering))
    assert isinstance(error, PeerUnavailable)
    assert error.uncertain is uncertain
    assert not (await trouble(client(answering), changes=False)).uncertain


async def test_an_answer_that_never_ends_is_cut_off_in_time() -> None:
    async def answering(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    error = await trouble(client(answering, timeout_seconds=0.3))
    assert isinstance(error, PeerUnavailable)
    assert error.uncertain


async def test_an_answer_over_the_limit_is_not_read_to_its_end() -> None:
    soap = client(says(200, reply("x" * 5000)), limits=XmlLimits(most_bytes=1000))
    error = await trouble(soap, changes=False)
    assert isinstance(error, PayloadNotUnderstood)
    assert "1000 bytes" in error.detail


@pytest.mark.parametrize("content", [b"not xml", b"<!DOCTYPE a><a/>", reply("")])
async def test_an_unreadable_answer_to_a_question_is_off_the_contract(content: bytes) -> None:
    error = await trouble(client(says(200, content)), changes=False)
    assert isinstance(error, PayloadNotUnderstood)


async def test_a_refusal_is_kept_short() -> None:
    error = await trouble(client(says(500, fault("s:Client", message="长" * 5000))))
    assert len(error.detail) == 300


async def test_the_client_is_built_once_and_an_unused_one_closes() -> None:
    await client(says(200)).close()
    soap = client(says(200, reply("x")))
    answers = await asyncio.gather(
        *(soap.call("ping", Returned, changes=False, **CREDENTIALS) for _ in range(5))
    )
    assert [answer.result for answer in answers] == ["x"] * 5
    await soap.close()


async def test_an_argument_that_the_wsdl_does_not_know_is_our_bug() -> None:
    soap = client(says(200, reply("x")))
    with pytest.raises(TypeError):
        await soap.call("ping", Returned, changes=False, **CREDENTIALS, stray="x")
    await soap.close()


def test_both_versions_are_named_in_the_wsdl() -> None:
    text = WSDL.read_text(encoding="utf-8")
    assert "http://127.0.0.1/" in text  # an address that nobody calls: the settings' one counts
    assert SOAP_12 not in text  # the binding's namespace, not the envelope's
