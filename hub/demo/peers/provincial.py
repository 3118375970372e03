"""The simulated province: a real SOAP server with its WSDL, its own book, and faults on demand."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from aiohttp import web
from lxml import etree

from connectors.foreign_xml import ForeignXmlRefused, legal_characters, local_name, parse_text
from connectors.provincial import codes
from connectors.provincial.connector import WSDL
from connectors.provincial.signature import Profile, signature
from connectors.soap_server import Arguments, SoapFault, SoapReply, SoapService
from hub.demo.peers.books import Book, Update
from hub.demo.peers.faults import Fault, Faults
from hub.demo.peers.server import HttpPeer
from schemas.ids import split_event_id

_NS = codes.NAMESPACE
_TIME = "%Y-%m-%d %H:%M:%S"
_WINDOW = {Profile.HMAC_SHA256: timedelta(minutes=5), Profile.WEAK: timedelta(hours=1)}
_MOST_BYTES = 1 << 20  # of a request
_REPORT_FIELDS = ("serialNo", "ticketNo", "hubTicketNo", "state", "stage", "reportTime")


class ProvincialPeer(HttpPeer):
    """Issues tickets, reminders and withdrawals; takes reports by serial number, each once.

    now:  the province's clock, aware.
    gbk:  answer in GBK under a declaration that says UTF-8, as some platforms do.
    """

    def __init__(
        self,
        faults: Faults,
        now: Callable[[], datetime],
        *,
        app_key: str = "sutong-demo",
        secret: str = "demo-secret",  # noqa: S107  of a simulated peer on loopback
        profile: Profile = Profile.HMAC_SHA256,
        gbk: bool = False,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(faults, pause)
        self.app_key, self.secret, self.profile, self.gbk = app_key, secret, profile, gbk
        self.book = Book()
        self.reports: dict[str, dict[str, str]] = {}  # fields by serial number
        self.tickets: dict[str, dict[str, str]] = {}  # fields of the newest version
        self.garbage = 0  # documents sent that nobody can understand
        self.unreadable: list[str] = []  # the same, themselves
        self.notes: Counter[tuple[str, str]] = Counter()  # (ticket, document) that were sent
        self._messages: list[str] = []
        self._now = now
        self._service = SoapService(
            WSDL.read_bytes(),
            {
                "ping": self._ping,
                "getIssuedTickets": self._issued,
                "queryReport": self._query,
                "reportAcceptance": self._taken("reportAcceptance"),
                "reportDecline": self._taken("reportDecline"),
                "reportHandling": self._taken("reportHandling"),
            },
            fault_element=f"{{{_NS}}}exchangeFault",
        )

    @property
    def endpoint(self) -> str:
        return f"{self.url}/exchange"

    def issue(self, ticket_no: str, **fields: str) -> None:
        """Issue a ticket, or a newer version of one; fields by the document's element names."""
        now = self._now()
        if self.faults.strikes(Fault.WRONG_CLOCK):
            now += timedelta(seconds=self.faults.plan.clock_error_seconds)
        time = now.astimezone(codes.ZONE).strftime(_TIME)
        older = self.tickets.get(ticket_no)
        first = {"ticketNo": ticket_no, "state": "01", "appealType": "3", "issueTime": time}
        newest = {**(older or first), **fields, "updateTime": time}
        self.tickets[ticket_no] = newest
        self._send("issuedTicket", newest)
        if older is not None and self.faults.strikes(Fault.STALE):
            self._send("issuedTicket", older)

    def remind(self, ticket_no: str, text: str, *, national: bool = False) -> None:
        self._note("reminder", ticket_no, text, kind="1" if national else "2")

    def withdraw(self, ticket_no: str, reason: str) -> None:
        self._note("withdrawal", ticket_no, reason)

    def supplement(self, ticket_no: str, text: str) -> None:
        self._note("supplement", ticket_no, text)

    @property
    def messages(self) -> tuple[str, ...]:
        """What lies there to be fetched, oldest first."""
        return tuple(self._messages)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.post("/exchange", self._exchange), web.get("/exchange", self._wsdl)]

    def unavailable(self) -> web.Response:
        fault = SoapFault("system busy", code=codes.BUSY_CODE, ours=True)
        return self._response(self._service.fault(fault))

    async def _wsdl(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._service.wsdl, content_type="text/xml")

    async def _exchange(self, request: web.Request) -> web.Response:
        content = await request.content.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(_MOST_BYTES, len(content))
        media = request.headers.get("content-type", "")
        return self._response(await self._service.answer(content, media))

    def _response(self, reply: SoapReply) -> web.Response:
        content = reply.content
        if self.gbk:
            content = content.decode().encode("gb18030")
        return web.Response(
            status=reply.status, body=content, headers={"content-type": reply.content_type}
        )

    def _note(self, name: str, ticket_no: str, text: str, **more: str) -> None:
        time = self._now().astimezone(codes.ZONE).strftime(_TIME)
        self.notes[ticket_no, name] += 1
        self._send(name, {"ticketNo": ticket_no, "content": text, "time": time, **more})

    def _send(self, name: str, fields: Mapping[str, str]) -> None:
        root = etree.Element(name)
        for field, value in fields.items():
            etree.SubElement(root, field).text = legal_characters(value)
        document = etree.tostring(root, encoding="unicode")
        if self.faults.strikes(Fault.GARBAGE):
            self.garbage += 1
            self.unreadable.append(document[: len(document) // 2])  # cut off: not well-formed
            self._messages.append(self.unreadable[-1])
        self._messages.append(document)
        if self.faults.strikes(Fault.DUPLICATE):
            self._messages.append(document)

    async def _ping(self, arguments: Arguments) -> dict[str, str]:
        self._authenticate("ping", arguments)
        return _result("0000", "v1")

    async def _issued(self, arguments: Arguments) -> dict[str, str]:
        self._authenticate("getIssuedTickets", arguments)
        cursor = arguments["cursor"] or "0"
        if not cursor.isdecimal():
            return _result("2003", "unknown cursor")
        start, end = int(cursor), int(cursor) + int(arguments["limit"])
        page = self._messages[start:end]
        root = etree.fromstring(_result("0000", "")["return"])
        etree.SubElement(root, "cursor").text = str(start + len(page))
        items = etree.SubElement(root, "items")
        for number, document in enumerate(page, start + 1):
            item = etree.SubElement(items, "item", messageNo=f"M{number:08d}")
            # both spellings occur at real platforms
            item.text = document if number % 2 else etree.CDATA(document)
        return {"return": etree.tostring(root, encoding="unicode")}

    async def _query(self, arguments: Arguments) -> dict[str, str]:
        self._authenticate("queryReport", arguments)
        report = self.reports.get(arguments["serialNo"] or "")
        if report is None:
            return _result(codes.NOT_FOUND, "no such serial number")
        return _result("0000", f"state {report['state']}")

    def _taken(self, operation: str) -> Callable[[Arguments], Awaitable[dict[str, str]]]:
        async def take(arguments: Arguments) -> dict[str, str]:
            self._authenticate(operation, arguments)
            try:
                root = parse_text(arguments["reportXml"] or "")
            except ForeignXmlRefused as refusal:
                return _result("2003", str(refusal))
            return self._take({local_name(child): child.text or "" for child in root})

        return take

    def _take(self, report: dict[str, str]) -> dict[str, str]:
        missing = [field for field in _REPORT_FIELDS if not report.get(field)]
        if missing or report["state"] not in codes.STATES:
            return _result("2003", f"missing or wrong: {', '.join(missing) or 'state'}")
        ticket_no, serial_no = report["ticketNo"], report["serialNo"]
        if ticket_no not in self.tickets:
            return _result("2001", f"unknown ticket {ticket_no}")
        event, _, _ = serial_no.partition(".")
        _, sequence = split_event_id(int(event))
        update = Update(ticket_no, serial_no, report["state"], sequence, self._now())
        if not self.book.apply(update):
            return _result("0001", "taken before")
        self.reports[serial_no] = report
        if self.faults.strikes(Fault.ECHO):
            time = self._now().astimezone(codes.ZONE).strftime(_TIME)
            mirrored = {"state": report["state"], "updateTime": time, "causedBy": serial_no}
            self._send("issuedTicket", {**self.tickets[ticket_no], **mirrored})
        return _result("0000", "taken")

    def _authenticate(self, operation: str, arguments: Arguments) -> None:
        """Raises: SoapFault with one of the credential codes."""
        given = {name: value or "" for name, value in arguments.items()}
        app_key, timestamp, signed = (
            given.pop(name) for name in ("appKey", "timestamp", "signature")
        )
        if app_key != self.app_key:
            raise SoapFault("unknown appKey", code="1002")
        known = signature(self.profile, self.secret, app_key, timestamp, operation, given)
        if signed != known:
            raise SoapFault("wrong signature", code="1001")
        age = self._now().timestamp() - int(timestamp) / 1000
        if abs(age) > _WINDOW[self.profile].total_seconds():
            raise SoapFault("stale timestamp", code="1003")


def _result(code: str, message: str) -> dict[str, str]:
    root = etree.Element("result")
    etree.SubElement(root, "code").text = code
    etree.SubElement(root, "message").text = legal_characters(message)
    return {"return": etree.tostring(root, encoding="unicode")}
