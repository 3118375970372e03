"""The answering side: both SOAP versions, typed faults, hostile envelopes."""

from collections.abc import Mapping

import pytest
from lxml import etree

from connectors.foreign_xml import XmlLimits
from connectors.provincial.codes import NAMESPACE, OPERATIONS
from connectors.provincial.connector import WSDL
from connectors.soap_server import SOAP_11, SOAP_12, Arguments, SoapFault, SoapReply, SoapService

NAMES = {"s11": SOAP_11, "s12": SOAP_12, "p": NAMESPACE}
VERSIONS = [SOAP_11, SOAP_12]
MEDIA = {SOAP_11: "text/xml; charset=utf-8", SOAP_12: "application/soap+xml; charset=utf-8"}
CREDENTIALS = "<appKey>k</appKey><timestamp>1</timestamp><signature>s</signature>"
PING = f'<ping xmlns="{NAMESPACE}">{CREDENTIALS}</ping>'


class Desk:
    """Handlers that write down what they were given and answer or fault as told."""

    def __init__(self) -> None:
        self.calls: list[Arguments] = []
        self.answer: Mapping[str, str] = {"return": "fine"}
        self.fault: Exception | None = None

    async def handle(self, arguments: Arguments) -> Mapping[str, str]:
        self.calls.append(arguments)
        if self.fault is not None:
            raise self.fault
        return self.answer


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def service(desk: Desk) -> SoapService:
    return build(desk)


def build(desk: Desk, **more: XmlLimits) -> SoapService:
    return SoapService(
        WSDL.read_bytes(),
        dict.fromkeys(OPERATIONS, desk.handle),
        fault_element=f"{{{NAMESPACE}}}exchangeFault",
        **more,
    )


def envelope(body: str, version: str = SOAP_11, header: str = "") -> bytes:
    return (
        f'<s:Envelope xmlns:s="{version}"><s:Header>{header}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def read(reply: SoapReply) -> etree._Element:
    return etree.fromstring(reply.content)


def fault_code(reply: SoapReply) -> str:
    root = read(reply)
    code = root.findtext(".//faultcode") or root.findtext(".//s12:Code/s12:Value", None, NAMES)
    return (code or "").rpartition(":")[2]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_call_is_answered_in_its_own_version(
    service: SoapService, desk: Desk, version: str
) -> None:
    reply = await service.answer(envelope(PING, version), MEDIA[version])
    assert reply.status == 200
    assert reply.content_type == MEDIA[version]
    assert read(reply).tag == f"{{{version}}}Envelope"
    assert read(reply).findtext(".//p:pingResponse/p:return", None, NAMES) == "fine"
    assert desk.calls == [{"appKey": "k", "timestamp": "1", "signature": "s"}]


async def test_an_answer_loses_what_xml_cannot_hold(service: SoapService, desk: Desk) -> None:
    desk.answer = {"return": "a\x0b<b>"}
    reply = await service.answer(envelope(PING))
    assert read(reply).findtext(".//p:return", None, NAMES) == "a<b>"


async def test_gbk_under_the_name_of_utf_8_is_read(service: SoapService, desk: Desk) -> None:
    body = envelope(PING.replace(">k<", ">苏州<")).decode().encode("gbk")
    declared = b'<?xml version="1.0" encoding="UTF-8"?>' + body
    assert (await service.answer(declared, MEDIA[SOAP_11])).status == 200
    assert desk.calls[0]["appKey"] == "苏州"


async def test_a_large_call_is_parsed_off_the_loop_with_the_same_result(
    service: SoapService, desk: Desk
) -> None:
    text = "长" * 50_000
    body = (
        f'<reportDecline xmlns="{NAMESPACE}">{CREDENTIALS}<reportXml>{text}</reportXml>'
        "</reportDecline>"
    )
    assert (await service.answer(envelope(body))).status == 200
    assert desk.calls[0]["reportXml"] == text


@pytest.mark.parametrize(
    ("ours", "version", "code", "status"),
    [
        (False, SOAP_11, "Client", 500),
        (True, SOAP_11, "Server", 500),
        (False, SOAP_12, "Sender", 400),
        (True, SOAP_12, "Receiver", 500),
    ],
)
async def test_a_handlers_fault_is_typed(
    service: SoapService, desk: Desk, ours: bool, version: str, code: str, status: int
) -> None:
    desk.fault = SoapFault("no\x01 more", code="1001", ours=ours, subcode="{urn:w}FailedCheck")
    reply = await service.answer(envelope(PING, version), MEDIA[version])
    assert (fault_code(reply), reply.status) == (code, status)
    assert read(reply).findtext(".//p:exchangeFault/p:code", None, NAMES) == "1001"
    assert read(reply).findtext(".//p:exchangeFault/p:message", None, NAMES) == "no more"
    subcode = read(reply).findtext(".//s12:Subcode/s12:Value", None, NAMES)
    assert subcode == ("sub:FailedCheck" if version == SOAP_12 else None)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (envelope(""), "Client"),
        (envelope(PING + PING), "Client"),
        (envelope(f'<unknown xmlns="{NAMESPACE}"/>'), "Client"),
        (envelope(f"<ping>{CREDENTIALS}</ping>"), "Client"),
        (envelope(PING.replace("<appKey>k</appKey>", "")), "Client"),
        (envelope(PING.replace(">k<", f">{'k' * 201}<")), "Client"),
        (envelope(PING.replace("</ping>", "<more/></ping>")), "Client"),
        (envelope(PING, header='<x s:mustUnderstand="1"/>'), "MustUnderstand"),
        (envelope(PING, "urn:another"), "VersionMismatch"),
        (b"<a/>", "VersionMismatch"),
        (b"not xml", "Client"),
        (b"", "Client"),
        (b"<!DOCTYPE a><a/>", "Client"),
        (envelope(PING.replace(">k<", ">&undefined;<")), "Client"),
    ],
)
async def test_what_is_off_the_contract_never_reaches_a_handler(
    service: SoapService, desk: Desk, content: bytes, code: str
) -> None:
    reply = await service.answer(content, MEDIA[SOAP_11])
    assert (fault_code(reply), reply.status) == (code, 500)
    assert desk.calls == []


async def test_an_optional_header_is_ignored(service: SoapService) -> None:
    reply = await service.answer(envelope(PING, header='<x s:mustUnderstand="0"/>'))
    assert reply.status == 200


async def test_a_call_over_the_limit_is_413(desk: Desk) -> None:
    service = build(desk, limits=XmlLimits(most_bytes=100))
    reply = await service.answer(envelope(PING))
    assert (reply.status, fault_code(reply)) == (413, "Client")


async def test_a_handlers_accident_is_not_swallowed(service: SoapService, desk: Desk) -> None:
    desk.fault = RuntimeError("a bug")
    with pytest.raises(RuntimeError, match="a bug"):
        await service.answer(envelope(PING))


@pytest.mark.parametrize("answer", [{}, {"return": "x", "more": "y"}])
async def test_an_answer_off_the_schema_is_our_bug(
    service: SoapService, desk: Desk, answer: dict[str, str]
) -> None:
    desk.answer = answer
    with pytest.raises(ValueError, match="off the schema"):
        await service.answer(envelope(PING))


def test_every_operation_needs_its_handler_and_no_other(desk: Desk) -> None:
    with pytest.raises(ValueError, match="ping"):
        SoapService(WSDL.read_bytes(), dict.fromkeys(OPERATIONS[1:], desk.handle))
    with pytest.raises(ValueError, match="stray"):
        SoapService(WSDL.read_bytes(), dict.fromkeys((*OPERATIONS, "stray"), desk.handle))


def test_a_wsdl_without_a_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="no schema"):
        SoapService(b"<definitions/>", {})


LISTS = f"""
<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:x="http://www.w3.org/2001/XMLSchema"
    xmlns:t="urn:t" targetNamespace="urn:t">
  <w:types><x:schema targetNamespace="urn:t" elementFormDefault="qualified">
    <x:element name="ask"><x:complexType><x:sequence>
      <x:element name="no" type="x:string" minOccurs="0" maxOccurs="5"/>
      <x:element name="who" minOccurs="0"><x:complexType><x:sequence>
        <x:element name="name" type="x:string"/></x:sequence></x:complexType></x:element>
    </x:sequence></x:complexType></x:element>
    <x:element name="askResponse"><x:complexType><x:sequence>
      <x:element name="ok" type="x:string"/></x:sequence></x:complexType></x:element>
  </x:schema></w:types>
  <w:message name="in"><w:part name="p" element="t:ask"/></w:message>
  <w:message name="out"><w:part name="p" element="t:askResponse"/></w:message>
  <w:portType name="t"><w:operation name="ask">
    <w:input message="t:in"/><w:output message="t:out"/></w:operation></w:portType>
</w:definitions>
<!-- {NAMESPACE} is not used here -->
"""


@pytest.mark.parametrize(
    ("fields", "arguments"),
    [
        ("", {}),
        ("<no>1</no>", {"no": "1"}),
        ("<no>1</no><no>2</no><no/>", {"no": ["1", "2", None]}),
        ("<who><name>甲</name></who>", {"who": {"name": "甲"}}),
    ],
)
async def test_repeated_and_nested_elements_are_decoded(
    desk: Desk, fields: str, arguments: dict[str, object]
) -> None:
    service = SoapService(LISTS.encode(), {"ask": desk.handle})
    desk.answer = {"ok": "1"}
    reply = await service.answer(envelope(f'<ask xmlns="urn:t">{fields}</ask>'))
    assert reply.status == 200
    assert desk.calls == [arguments]
