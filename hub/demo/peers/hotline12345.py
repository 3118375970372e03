"""A simulated 12345 platform: a book of orders, a feed of their versions, pushes, and faults.

It is an independent reading of connectors/hotline12345/README.md: it shares only the signatures.
"""

import json
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from aiohttp import web

from connectors.signing import Keys, RecentNonces, Signed, sign, verify
from hub.demo.peers.books import Book, Update
from hub.demo.peers.faults import Fault, Faults
from hub.demo.peers.hotline12345_pushes import Pushes
from hub.demo.peers.server import HttpPeer
from schemas.errors import CredentialRefused

_ZONE = ZoneInfo("Asia/Shanghai")
_STATES = frozenset(
    "01 10 11 20 21 30 31 32 33 40 41 50 51 52 53 59".split()  # noqa: SIM905 - read as one row
)
_FIELDS = {"orderNo", "hubTicketNo", "sequence", "action", "event", "state", "time", "text"}
_FIRST_STATE = "10"


@dataclass(frozen=True)
class NewOrder:
    """What an operator of the platform writes down. Codes are the platform's."""

    title: str
    content: str
    appeal_type: str = "3"
    urgency: str = "0"
    area_code: str | None = "320508"
    category: str | None = None
    place: str | None = None
    citizen: Mapping[str, Any] | None = None
    accused: Mapping[str, Any] | None = None
    taken_at: datetime | None = None  # None: now


@dataclass
class _Order:
    """pushed: its versions are pushed to the hub instead of waiting in the feed."""

    fields: dict[str, Any]
    pushed: bool = False
    versions: list[bytes] = field(default_factory=list)


class Hotline12345Peer(HttpPeer):
    """The platform. `book` is what the hub delivered to it, `orders` what it sends.

    hub_keys:   what the hub signs its calls with; push_keys: what the platform signs pushes with.
    refusals:   answers (HTTP status, code) given to the next updates instead of applying them.
    unreadable: versions off the contract that were sent on purpose; in the feed (`garbage`) they
                become dead letters, pushed (`pushes.turned_away`) the gateway refuses them.
    pushes: what waits to be pushed, and what became of the pushed.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        rng: random.Random,
        faults: Faults,
        *,
        hub_keys: Keys,
        push_keys: Keys,
        pause: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(faults, **({"pause": pause} if pause else {}))
        self.book = Book()
        self.orders: dict[str, _Order] = {}
        self.refusals: deque[tuple[int, str]] = deque()
        self.unreadable = 0
        self.garbage: list[bytes] = []
        self.pushes = Pushes(self._pause)
        self._feed: list[bytes] = []
        self._clock, self._rng = clock, rng
        self._hub_keys, self._push_keys = hub_keys, push_keys
        self._nonces = RecentNonces()
        self._client: httpx.AsyncClient | None = None

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None
        await super().stop()

    # what its own people do

    def place(self, new: NewOrder, *, pushed: bool = False) -> str:
        """Take an order; its number. pushed: see `push_waiting`."""
        order_no = f"SZ{self._clock().astimezone(_ZONE):%Y%m%d}{len(self.orders) + 1:06d}"
        now = self._time(at=new.taken_at)
        self.orders[order_no] = _Order(
            {
                "orderNo": order_no,
                "version": 0,
                "title": new.title,
                "content": new.content,
                "appealType": new.appeal_type,
                "urgency": new.urgency,
                "areaCode": new.area_code,
                "category": new.category,
                "place": new.place,
                "citizen": new.citizen,
                "accused": new.accused,
                "state": _FIRST_STATE,
                "createTime": now,
            },
            pushed,
        )
        self._change(order_no, "created", "")
        return order_no

    def amend(self, order_no: str, **fields: Any) -> None:
        self._change(order_no, "updated", "", **fields)

    def supplement(self, order_no: str, text: str) -> None:
        self._change(order_no, "supplemented", text)

    def remind(self, order_no: str, text: str) -> None:
        self._change(order_no, "reminded", text)

    def withdraw(self, order_no: str, reason: str) -> None:
        self._change(order_no, "withdrawn", reason, state="51")

    def versions(self, order_no: str) -> list[bytes]:
        return list(self.orders[order_no].versions)

    async def push(self, hub_url: str, peer: str, content: bytes) -> tuple[int, str]:
        """Push one version to the hub's gateway, once; HTTP status and code of the answer.

        hub_url: base address of the hub; peer: how the hub calls this platform.
        """
        path = f"/peers/{peer}/orders"
        nonce = f"{self._rng.getrandbits(96):024x}"
        headers = sign(self._push_keys, Signed("POST", path, content), self._clock(), nonce)
        headers["Content-Type"] = "application/json"
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, timeout=30)
        url = hub_url.rstrip("/") + path
        answer = await self._client.post(url, content=content, headers=headers)
        return answer.status_code, str(answer.json().get("code", ""))

    @property
    def feed(self) -> tuple[bytes, ...]:
        """What lies there to be polled, oldest first."""
        return tuple(self._feed)

    async def push_waiting(self, hub_url: str, peer: str) -> None:
        """Push what waits; see `Pushes.send`. Raises: PushRefused."""
        await self.pushes.send(lambda content: self.push(hub_url, peer, content))

    def _send(self, order_no: str, *versions: bytes) -> None:
        """Into the feed, or to the hub's gateway."""
        if self.orders[order_no].pushed:
            self.pushes.add(order_no, versions)
        else:
            self._feed += versions

    def _change(self, order_no: str, event: str, text: str, **fields: Any) -> None:
        last = {"by": "12345", "key": None}
        late = []
        if event == "updated" and self.faults.strikes(Fault.STALE):
            late = [self._write(order_no, {"type": event, "text": text}, last)]
        version = self._write(order_no, {"type": event, "text": text}, last, **fields)
        self._send(order_no, version, *late)  # a version that a newer one overtakes
        if self.faults.strikes(Fault.DUPLICATE):
            self._send(order_no, version)
        if self.faults.strikes(Fault.GARBAGE):
            self.unreadable += 1
            self.garbage.append(self._garbage(order_no))
            self._send(order_no, self.garbage[-1])

    def _write(
        self, order_no: str, event: Mapping[str, Any], last: Mapping[str, Any], **fields: Any
    ) -> bytes:
        order = self.orders[order_no]
        order.fields |= fields | {
            "version": order.fields["version"] + 1,
            "event": dict(event),
            "lastUpdate": dict(last),
            "updateTime": self._time(order.fields.get("updateTime")),
        }
        order.versions.append(json.dumps(order.fields, ensure_ascii=False).encode())
        return order.versions[-1]

    def _time(self, before: str | None = None, at: datetime | None = None) -> str:
        """The platform's clock, which a fault puts wrong; later versions are later all the same."""
        now = (at or self._clock()).astimezone(_ZONE).replace(tzinfo=None, microsecond=0)
        if self.faults.strikes(Fault.WRONG_CLOCK):
            now += timedelta(seconds=self.faults.plan.clock_error_seconds)
        if before is not None:
            now = max(now, datetime.fromisoformat(before) + timedelta(seconds=1))
        return now.isoformat(sep=" ")

    def _garbage(self, order_no: str) -> bytes:
        """A version of an order that the interface does not know."""
        strange = {"appealType": "99", "version": 100_000 + self.unreadable}
        return json.dumps(self.orders[order_no].fields | strange, ensure_ascii=False).encode()

    # what the hub calls

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/api/version", self._version),
            web.get("/api/orders", self._page),
            web.post("/api/orders/{order_no}/status", self._update),
            web.get("/api/orders/{order_no}/status/{key}", self._applied),
        ]

    def unavailable(self) -> web.Response:
        return _answer(503, "9001", "busy")

    async def _version(self, request: web.Request) -> web.Response:
        return await self._refused(request) or _answer(200, "0", "12345 exchange 1.0")

    async def _page(self, request: web.Request) -> web.Response:
        if refusal := await self._refused(request):
            return refusal
        start = int(request.query.get("since") or 0)
        end = min(start + int(request.query["limit"]), len(self._feed))
        orders = b",".join(self._feed[start:end])
        more = json.dumps(end < len(self._feed))
        page = b'{"code":"0","orders":[%s],"next":"%d","more":%s}' % (orders, end, more.encode())
        return web.Response(body=page, content_type="application/json")

    async def _update(self, request: web.Request) -> web.Response:
        if refusal := await self._refused(request):
            return refusal
        if self.refusals:
            status, code = self.refusals.popleft()
            return _answer(status, code, "refused")
        order_no, key = request.match_info["order_no"], request.headers.get("Idempotency-Key", "")
        update = await request.json()
        if order_no not in self.orders:
            return _answer(404, "2002", "unknown order")
        if not key or not update.keys() >= _FIELDS or update["state"] not in _STATES:
            return _answer(400, "2003", "off the contract")
        fresh = self.book.apply(
            Update(order_no, key, update["state"], update["sequence"], self._clock())
        )
        if fresh and self.faults.strikes(Fault.ECHO):
            by = {"by": self._hub_keys.app_key, "key": key}
            state = update["state"]
            self._send(
                order_no, self._write(order_no, {"type": "updated", "text": ""}, by, state=state)
            )
        return _answer(200, "0" if fresh else "0001", "ok", key)

    async def _applied(self, request: web.Request) -> web.Response:
        if refusal := await self._refused(request):
            return refusal
        key = request.match_info["key"]
        if not self.book.has(key):
            return _answer(404, "2404", "never arrived")
        return _answer(200, "0", "ok", key)

    async def _refused(self, request: web.Request) -> web.Response | None:
        signed = Signed(
            request.method, request.rel_url.raw_path, await request.read(), dict(request.query)
        )
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            verify("hub", self._hub_keys, signed, headers, self._clock(), self._nonces)
        except CredentialRefused as refusal:
            return _answer(401, "1002", refusal.detail)
        return None


def _answer(status: int, code: str, message: str, receipt_no: str | None = None) -> web.Response:
    body = {"code": code, "message": message, "receiptNo": receipt_no}
    return web.json_response(body, status=status)
