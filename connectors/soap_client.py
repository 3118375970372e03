"""Calls to SOAP peers: zeep over httpx, every foreign exception one of the four ConnectorErrors.

The only module that imports zeep. The WSDL comes from a package, the address from the settings;
nothing is fetched when a client is built, and it is built off the event loop, at the first call.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import zeep.exceptions
from lxml import etree
from pydantic import BaseModel, ValidationError
from zeep import AsyncClient, Settings
from zeep.helpers import serialize_object
from zeep.proxy import AsyncServiceProxy
from zeep.transports import AsyncTransport

from connectors.foreign_xml import (
    LIMITS,
    ForeignXmlRefused,
    XmlLimits,
    legal_characters,
    local_name,
    parse_xml,
)
from connectors.http_transport import AiohttpTransport
from connectors.outcomes import NO_CREDENTIAL, NOT_NOW, NOT_SENT
from schemas.errors import (
    ConnectorError,
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)

AnswerModel = TypeVar("AnswerModel", bound=BaseModel)

# zeep says it is typed and leaves these without annotations
_zeep_client: Any = AsyncClient
_proxy: Any = AsyncServiceProxy
_plain: Any = serialize_object
_http_refusal: Any = zeep.exceptions.TransportError

# the peer itself is in trouble: SOAP 1.1 and SOAP 1.2
SERVER_FAULTS = frozenset({"Server", "Receiver"})
# WS-Security 1.1.1 section 12 and the codes of WS-Trust that some servers use
CREDENTIAL_FAULTS = frozenset(
    {
        "FailedAuthentication",
        "FailedCheck",
        "InvalidSecurity",
        "InvalidSecurityToken",
        "MessageExpired",
        "SecurityTokenUnavailable",
        "UnsupportedSecurityToken",
    }
)
# the answer is no XML, no SOAP, or off the WSDL
_UNREADABLE = (
    ForeignXmlRefused,
    ValidationError,
    zeep.exceptions.XMLSyntaxError,
    zeep.exceptions.XMLParseError,
    zeep.exceptions.UnexpectedElementError,
)
_SMALL = 64 * 1024  # bytes of an answer that are parsed within the loop's turn
_MOST_DETAIL = 300  # characters of a peer's words in an error


@dataclass(frozen=True)
class SoapAddress:
    """Where and how a peer is called.

    binding:           qualified name of the WSDL's binding, "{namespace}name".
    timeout_seconds:   of a whole call, from connecting to the answer's last byte.
    credential_codes:  codes in a fault's detail that mean "your credentials are wrong".
    busy_codes:        codes in a fault's detail that mean "not now, and nothing was done".
    """

    wsdl: Path
    binding: str
    url: str
    timeout_seconds: float = 30.0
    connect_seconds: float = 5.0
    credential_codes: frozenset[str] = frozenset()
    busy_codes: frozenset[str] = frozenset()
    limits: XmlLimits = LIMITS


class SoapClient:
    """One peer's operations. Safe for concurrent calls on one event loop."""

    def __init__(
        self, name: str, address: SoapAddress, http: httpx.AsyncClient | None = None
    ) -> None:
        self._name, self._address = name, address
        self._http = http
        self._transport: _Transport | None = None
        self._service: Any = None
        self._building = asyncio.Lock()

    async def call(
        self, operation: str, answer: type[AnswerModel], *, changes: bool, **arguments: object
    ) -> AnswerModel:
        """Call once and return the decoded answer through its model.

        answer:   its fields are the response's elements; an answer of one element is `result`.
        changes:  whether the peer's books change; if so, an error after the call may have arrived
                  is marked `uncertain`.
        Raises:   the four ConnectorErrors.
        """
        sent = {
            key: legal_characters(value) if isinstance(value, str) else value
            for key, value in arguments.items()
        }
        service = await self._bound()  # reading the WSDL is our work, not the peer's time
        try:
            async with asyncio.timeout(self._address.timeout_seconds):
                decoded = _plain(await service[operation](**sent), dict)
            fields = decoded if isinstance(decoded, Mapping) else {"result": decoded}
            return answer.model_validate(fields)
        except zeep.exceptions.Fault as fault:
            raise self._of_fault(fault, changes=changes) from fault
        except zeep.exceptions.TransportError as error:
            raise self._of_status(operation, error, changes=changes) from error
        except NOT_SENT as error:
            raise PeerUnavailable(self._name, f"{operation}: {type(error).__name__}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            why = f"{operation}: {type(error).__name__} after the call was sent"
            raise PeerUnavailable(self._name, why, uncertain=changes) from error
        except _UNREADABLE as error:
            raise self._of_answer(operation, error, changes=changes) from error

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.close()

    async def _bound(self) -> Any:
        async with self._building:
            if self._service is None:
                http = self._http or httpx.AsyncClient(
                    transport=AiohttpTransport(),
                    timeout=httpx.Timeout(
                        self._address.timeout_seconds, connect=self._address.connect_seconds
                    ),
                    trust_env=False,
                )
                self._transport = _Transport(http, self._address.limits)
                self._service = await asyncio.to_thread(self._build, self._transport)
        return self._service

    def _build(self, transport: "_Transport") -> Any:
        settings = Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True)
        client = _zeep_client(str(self._address.wsdl), transport=transport, settings=settings)
        binding = client.wsdl.bindings[self._address.binding]
        # client.create_service() would build the proxy that does not await
        return _proxy(client, binding, address=self._address.url)

    def _of_fault(self, fault: zeep.exceptions.Fault, *, changes: bool) -> ConnectorError:
        code = str(fault.code or "-").rpartition(":")[2].partition(".")[0]
        subcodes = {etree.QName(sub).localname for sub in fault.subcodes or () if sub}
        theirs = _code_in(fault.detail)
        words = str(fault.message or "")[:_MOST_DETAIL]
        peer_code = theirs or next(iter(sorted(subcodes)), code)
        known = {code, *subcodes}
        if known & CREDENTIAL_FAULTS or theirs in self._address.credential_codes:
            return CredentialRefused(self._name, words, peer_code=peer_code)
        if code in SERVER_FAULTS or fault.code is None:
            maybe = changes and theirs not in self._address.busy_codes
            return PeerUnavailable(self._name, words, peer_code=peer_code, uncertain=maybe)
        return RequestRefused(self._name, words, peer_code=peer_code)

    def _of_status(
        self, operation: str, error: zeep.exceptions.TransportError, *, changes: bool
    ) -> ConnectorError:
        status = int(error.status_code or 0)
        words, code = f"HTTP {status} on {operation}", str(status)
        if status in NO_CREDENTIAL:
            return CredentialRefused(self._name, words, peer_code=code)
        if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            return RequestRefused(self._name, words, peer_code=code)
        done = changes and status >= httpx.codes.INTERNAL_SERVER_ERROR and status not in NOT_NOW
        return PeerUnavailable(self._name, words, peer_code=code, uncertain=done)

    def _of_answer(self, operation: str, error: Exception, *, changes: bool) -> ConnectorError:
        """An answer that nobody can read: of a change it says at least that the call arrived."""
        if isinstance(error, ValidationError):  # pydantic's own text quotes the peer's values
            places = [".".join(map(str, one["loc"])) for one in error.errors()]
            words = f"{operation}: answer off its schema at {', '.join(places)}"
        else:
            words = f"{operation}: answer not understood: {str(error)[:_MOST_DETAIL]}"
        if changes:
            return PeerUnavailable(self._name, words, uncertain=True)
        return PayloadNotUnderstood(self._name, words)


class _Transport(AsyncTransport):
    """zeep's transport; answers have an upper limit, and are cleaned before zeep reads them."""

    def __init__(self, http: httpx.AsyncClient, limits: XmlLimits) -> None:
        super().__init__(  # type: ignore[no-untyped-call]  # see above
            client=http, wsdl_client=httpx.Client(trust_env=False)
        )
        self._limits = limits

    async def close(self) -> None:
        await self.client.aclose()
        self.wsdl_client.close()

    async def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> Any:
        """The answer, complete and clean; or an httpx error, TransportError, ForeignXmlRefused."""
        async with self.client.stream(
            "POST", address, content=message, headers=dict(headers)
        ) as response:
            status, media = response.status_code, response.headers.get("content-type", "")
            has_xml = "xml" in media.lower()
            if status in NO_CREDENTIAL | NOT_NOW or (status != httpx.codes.OK and not has_xml):
                raise _http_refusal(status_code=status)
            content = bytearray()
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > self._limits.most_bytes:
                    raise ForeignXmlRefused(
                        f"answer larger than {self._limits.most_bytes} bytes", too_large=True
                    )
        parse = partial(parse_xml, bytes(content), media, self._limits)
        root = parse() if len(content) <= _SMALL else await asyncio.to_thread(parse)
        if status == httpx.codes.OK and not any(
            local_name(part) == "Body" and len(part) for part in root
        ):
            raise ForeignXmlRefused("no envelope with a body")  # zeep would fail over it
        return httpx.Response(
            status,
            headers={"content-type": "text/xml; charset=utf-8"},
            content=etree.tostring(root, encoding="utf-8"),
            request=response.request,
        )


def _code_in(detail: Any) -> str:
    """The text of the first element named `code` in a fault's detail, or nothing."""
    if not isinstance(detail, etree._Element):  # zeep puts bytes here when there is no Fault
        return ""
    for element in detail.iter():
        if isinstance(element.tag, str) and local_name(element).lower() in {"code", "errorcode"}:
            return (element.text or "").strip()[:_MOST_DETAIL]
    return ""
