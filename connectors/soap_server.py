"""The answering side of SOAP, WSDL first and without a framework: bytes in, bytes and status out.

Speaks SOAP 1.1 and 1.2 by the request's own envelope. The body is checked against the WSDL's
schema before a handler sees it. What the HTTP layer must do itself: cut off oversized and
compressed bodies.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from connectors.foreign_xml import (
    LIMITS,
    ForeignXmlRefused,
    XmlLimits,
    legal_characters,
    local_name,
    parse_xml,
)

SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
_WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"
_XSD: Final = "http://www.w3.org/2001/XMLSchema"
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_NAMES = {"wsdl": _WSDL, "xsd": _XSD}
_MEDIA = {SOAP_11: "text/xml; charset=utf-8", SOAP_12: "application/soap+xml; charset=utf-8"}
_SENDER = {SOAP_11: "Client", SOAP_12: "Sender"}
_RECEIVER = {SOAP_11: "Server", SOAP_12: "Receiver"}
_PARSE_ON_LOOP_BYTES = 32_768  # more than this takes long enough to be felt by other calls

Arguments = Mapping[str, Any]
"""Element name to text, None (absent text), a nested mapping, or a list of them if repeated."""
Handler = Callable[[Arguments], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True)
class SoapReply:
    """What the HTTP layer sends back."""

    status: int
    content: bytes
    content_type: str


class SoapFault(Exception):
    """Raised by a handler to answer with a typed fault.

    ours:     the receiver is in trouble (Server, Receiver) and the caller may try again.
    code:     goes into the detail element with the message.
    subcode:  the qualified name that SOAP 1.2 shows, e.g. of WS-Security.
    """

    def __init__(
        self, message: str, *, code: str = "-", ours: bool = False, subcode: str | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.ours, self.subcode = message, code, ours, subcode


class VersionMismatch(SoapFault):
    """The envelope is of no SOAP version that is spoken here."""


class MustUnderstand(SoapFault):
    """A header that the caller calls mandatory is unknown here."""


@dataclass(frozen=True)
class _Operation:
    request: str  # qualified name of the body's element
    response: str
    fields: tuple[str, ...]  # of the response, in the schema's order


class SoapService:
    """One WSDL's operations, each with its handler. Document/literal, wrapped."""

    def __init__(
        self,
        wsdl: bytes,
        handlers: Mapping[str, Handler],
        *,
        fault_element: str | None = None,
        limits: XmlLimits = LIMITS,
    ) -> None:
        """Raises: ValueError when handlers and the WSDL's operations are not the same set.

        fault_element: qualified name of the element with `code` and `message` in a fault's detail.
        """
        root = etree.fromstring(wsdl, etree.XMLParser(resolve_entities=False, no_network=True))
        schema = root.find("wsdl:types/xsd:schema", _NAMES)
        if schema is None:
            raise ValueError("the WSDL embeds no schema")
        # re-serialised: a schema inside another document loses its namespaces in libxml2
        alone = etree.fromstring(etree.tostring(schema))
        self._schema = etree.XMLSchema(alone)
        self._operations = _operations(root, alone)
        self._handlers = dict(handlers)
        if set(self._operations) != set(handlers):
            odd = sorted(set(self._operations) ^ set(handlers))
            raise ValueError(f"operation or handler without the other: {', '.join(odd)}")
        self._by_element = {one.request: name for name, one in self._operations.items()}
        self._fault_element, self._limits = fault_element, limits
        self.wsdl = wsdl

    async def answer(self, content: bytes, content_type: str = "") -> SoapReply:
        """The reply to one request; never raises for what a caller sent.

        A handler's other exceptions are not swallowed: the HTTP layer logs them and says 500.
        """
        version = SOAP_12 if "application/soap+xml" in content_type.lower() else SOAP_11
        try:
            if len(content) > _PARSE_ON_LOOP_BYTES:
                root = await asyncio.to_thread(parse_xml, content, content_type, self._limits)
            else:
                root = parse_xml(content, content_type, self._limits)
            version = _version(root)
            name, arguments = self._read(root, version)
            result = await self._handlers[name](arguments)
        except ForeignXmlRefused as refusal:
            return self._fault(SoapFault(str(refusal)), version, 413 if refusal.too_large else None)
        except SoapFault as fault:
            return self._fault(fault, version)
        return self._reply(self._operations[name], result, version)

    def fault(self, fault: SoapFault, version: str = SOAP_11) -> SoapReply:
        """A fault without a request, for what the HTTP layer refuses."""
        return self._fault(fault, version)

    def _read(self, root: etree._Element, version: str) -> tuple[str, Arguments]:
        _check_headers(root, version)
        body = root.find(f"{{{version}}}Body")
        if body is None or len(body) != 1:
            raise SoapFault("the envelope needs a Body with one element")
        element = body[0]
        name = self._by_element.get(str(element.tag))
        if name is None:
            raise SoapFault(f"unknown operation {local_name(element)}")
        # the schema wants a document of its own, not a branch of the envelope
        alone = etree.fromstring(etree.tostring(element, with_tail=False))
        if not self._schema.validate(alone):
            log: Any = self._schema.error_log  # iterable, which its type does not say
            why = next((error.type_name for error in log), "-")
            raise SoapFault(f"{local_name(element)} is off its schema: {why}")
        value = _value(alone)
        return name, value if isinstance(value, dict) else {}

    def _reply(self, operation: _Operation, result: Mapping[str, str], version: str) -> SoapReply:
        envelope, body = _envelope(version)
        element = etree.SubElement(body, operation.response)
        namespace = etree.QName(operation.response).namespace
        for field in operation.fields:
            if field in result:
                etree.SubElement(element, f"{{{namespace}}}{field}").text = legal_characters(
                    result[field]
                )
        unknown = set(result) - set(operation.fields)
        if unknown or not self._schema.validate(etree.fromstring(etree.tostring(element))):
            raise ValueError(f"{operation.response}: the handler's answer is off the schema")
        return _serialised(envelope, 200, version)

    def _fault(self, fault: SoapFault, version: str, status: int | None = None) -> SoapReply:
        envelope, body = _envelope(version)
        code = (_RECEIVER if fault.ours else _SENDER)[version]
        if isinstance(fault, VersionMismatch | MustUnderstand):
            code = type(fault).__name__
        element = etree.SubElement(body, f"{{{version}}}Fault")
        message = legal_characters(fault.message)
        if version == SOAP_11:
            etree.SubElement(element, "faultcode").text = f"soap:{code}"
            etree.SubElement(element, "faultstring").text = message
            detail_name = "detail"
        else:
            _code_12(etree.SubElement(element, f"{{{SOAP_12}}}Code"), code, fault.subcode)
            reason = etree.SubElement(element, f"{{{SOAP_12}}}Reason")
            text = etree.SubElement(reason, f"{{{SOAP_12}}}Text", {_XML_LANG: "en"})
            text.text = message
            detail_name = f"{{{SOAP_12}}}Detail"
        if self._fault_element and fault.code != "-":
            detail = etree.SubElement(element, detail_name)
            typed = etree.SubElement(detail, self._fault_element)
            namespace = etree.QName(self._fault_element).namespace
            etree.SubElement(typed, f"{{{namespace}}}code").text = fault.code
            etree.SubElement(typed, f"{{{namespace}}}message").text = message
        # SOAP 1.1 answers every fault with 500; SOAP 1.2 a sender's with 400
        usual = 400 if version == SOAP_12 and code == "Sender" else 500
        return _serialised(envelope, status or usual, version)


def _operations(root: etree._Element, schema: etree._Element) -> dict[str, _Operation]:
    elements = {
        f"{{{root.get('targetNamespace')}}}{message.get('name')}": _qualified(part, "element")
        for message in root.findall("wsdl:message", _NAMES)
        for part in message.findall("wsdl:part", _NAMES)
    }
    found = {}
    for operation in root.findall("wsdl:portType/wsdl:operation", _NAMES):
        ends = [
            elements[_qualified(end, "message")]
            for kind in ("input", "output")
            for end in operation.findall(f"wsdl:{kind}", _NAMES)
        ]
        name = operation.get("name", "")
        found[name] = _Operation(ends[0], ends[1], _fields(schema, ends[1]))
    return found


def _fields(schema: etree._Element, name: str) -> tuple[str, ...]:
    """The child elements of a wrapper element, whose type stands inside it or is named."""
    wrapper = schema.find(f"xsd:element[@name='{etree.QName(name).localname}']", _NAMES)
    if wrapper is None:
        raise ValueError(f"the WSDL's schema has no element {name}")
    kind = wrapper.get("type")
    holder: etree._Element | None = wrapper
    if kind is not None:
        holder = schema.find(f"xsd:complexType[@name='{kind.rpartition(':')[2]}']", _NAMES)
    if holder is None:
        raise ValueError(f"the WSDL's schema has no type {kind}")
    return tuple(child.get("name", "") for child in holder.iterfind(".//xsd:element", _NAMES))


def _qualified(element: etree._Element, attribute: str) -> str:
    prefix, _, name = element.get(attribute, "").rpartition(":")
    return f"{{{element.nsmap.get(prefix or None)}}}{name}"


def _version(root: etree._Element) -> str:
    for version in (SOAP_11, SOAP_12):
        if root.tag == f"{{{version}}}Envelope":
            return version
    raise VersionMismatch("neither a SOAP 1.1 nor a SOAP 1.2 envelope")


def _check_headers(root: etree._Element, version: str) -> None:
    for header in root.findall(f"{{{version}}}Header/*"):
        if header.get(f"{{{version}}}mustUnderstand") in {"1", "true"}:
            raise MustUnderstand(f"header {local_name(header)} is not understood here")


def _value(element: etree._Element) -> Any:
    """Text of a leaf, a mapping of the others; the schema has said that this is the shape."""
    if len(element) == 0:
        return element.text
    fields: dict[str, Any] = {}
    for child in element:
        name, value = local_name(child), _value(child)
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return fields


def _envelope(version: str) -> tuple[etree._Element, etree._Element]:
    envelope = etree.Element(f"{{{version}}}Envelope", nsmap={"soap": version})
    return envelope, etree.SubElement(envelope, f"{{{version}}}Body")


def _code_12(code: etree._Element, value: str, subcode: str | None) -> None:
    etree.SubElement(code, f"{{{SOAP_12}}}Value").text = f"soap:{value}"
    if subcode is not None:
        name = etree.QName(subcode)
        below = etree.SubElement(code, f"{{{SOAP_12}}}Subcode", nsmap={"sub": name.namespace})
        etree.SubElement(below, f"{{{SOAP_12}}}Value").text = f"sub:{name.localname}"


def _serialised(envelope: etree._Element, status: int, version: str) -> SoapReply:
    content = etree.tostring(envelope, encoding="utf-8", xml_declaration=True)
    return SoapReply(status, content, _MEDIA[version])
