"""A simulated citizens' portal: calls the hub's portal API, and keeps what its callback is told."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from aiohttp import web

from connectors.signing import Keys, RecentNonces, Signed, verify
from hub.demo.peers.books import Book, Update
from hub.demo.peers.faults import Fault, Faults
from hub.demo.peers.server import HttpPeer
from schemas.errors import CredentialRefused

_API = "/api/portal/v1/matters"
_NOT_NOW = frozenset({408, 425, 429, 500, 502, 503, 504})
_FIELDS = {"ticket_no", "sequence", "event", "state", "state_text", "line", "text", "at"}


class HubUnreachable(Exception):
    """The hub gave no answer in as many tries as the portal has patience for."""


@dataclass(frozen=True)
class Taken:
    """What a citizen was given for his matter."""

    ticket_no: str
    query_code: str


class PortalPeer(HttpPeer):
    """The portal. `book` is what its callback was told; `taken` what it handed in, by key, and
    `by_number` the same by the hub's number.

    hub_keys:  what the hub signs callbacks with.
    changed:   answers to the same Idempotency-Key that differed from the first one: must stay 0.
    acts:      what else its citizens did and the hub said it has.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        rng: random.Random,
        faults: Faults,
        *,
        hub_keys: Keys,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience: int = 600,
    ) -> None:
        """patience: tries of one call, a tenth of a second or more apart."""
        super().__init__(faults, pause)
        self.book = Book()
        self.taken: dict[str, Taken] = {}
        self.by_number: dict[str, Taken] = {}
        self.changed = 0
        self.acts: Counter[tuple[str, str]] = Counter()  # (ticket, what) that the hub took
        self._clock, self._rng, self._hub_keys = clock, rng, hub_keys
        self._patience = patience
        self._nonces = RecentNonces()
        self._hub_url = ""
        self._client: httpx.AsyncClient | None = None

    @property
    def callback_url(self) -> str:
        return f"{self.url}/callback"

    def connect(self, hub_url: str) -> None:
        """Name the hub; before the first call to it, and again when its address has changed."""
        self._hub_url = hub_url.rstrip("/")

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None
        await super().stop()

    # what its citizens do

    async def submit(self, form: Mapping[str, Any], key: str | None = None) -> Taken:
        """Hand in a matter; tried with the same key until the hub has answered."""
        key = key or f"portal-{self._rng.getrandbits(96):024x}"
        answer = await self._insist("POST", _API, key, form)
        if self.faults.strikes(Fault.DUPLICATE):
            again = await self._insist("POST", _API, key, form)
            self.changed += again.json() != answer.json()
        answer.raise_for_status()
        given = answer.json()
        taken = Taken(given["ticket_no"], given["query_code"])
        self.taken[key] = self.by_number[taken.ticket_no] = taken
        return taken

    async def progress(self, taken: Taken) -> dict[str, Any]:
        """State in the citizen's words and the public timeline."""
        answer = await self._insist("GET", self._of(taken), "", None)
        answer.raise_for_status()
        progress: dict[str, Any] = answer.json()
        return progress

    async def supplement(self, taken: Taken, text: str) -> int:
        return await self._act(taken, "supplements", {"text": text})

    async def withdraw(self, taken: Taken, reason: str) -> int:
        return await self._act(taken, "withdrawal", {"reason": reason})

    async def rate(self, taken: Taken, rating: int, text: str = "") -> int:
        return await self._act(taken, "rating", {"rating": rating, "text": text})

    async def _act(self, taken: Taken, what: str, form: Mapping[str, Any]) -> int:
        """HTTP status of the hub's answer; 409 is a lawful one (the state does not allow it)."""
        key = f"portal-{self._rng.getrandbits(96):024x}"
        answer = await self._insist("POST", self._of(taken, f"/{what}"), key, form)
        if answer.is_success:
            self.acts[taken.ticket_no, what] += 1
        return answer.status_code

    def _of(self, taken: Taken, what: str = "") -> str:
        return f"{_API}/{taken.ticket_no}{what}?query_code={taken.query_code}"

    async def _insist(
        self, method: str, path: str, key: str, form: Mapping[str, Any] | None
    ) -> httpx.Response:
        """Call until there is an answer other than "not now", with the same key each time."""
        if not self._hub_url:
            raise HubUnreachable("connect(hub_url) comes first")
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, timeout=30)
        headers = {"Idempotency-Key": key} if key else {}
        for _ in range(self._patience):
            try:
                answer = await self._client.request(
                    method, self._hub_url + path, json=form, headers=headers
                )
            except httpx.TransportError:
                pass
            else:
                if answer.status_code not in _NOT_NOW:
                    return answer
            await self._pause(0.1 + self._rng.random() / 10)
        raise HubUnreachable(f"{method} {path.partition('?')[0]}")

    # what the hub calls

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/callback", self._here),
            web.post("/callback", self._told),
            web.get("/callback/{key}", self._was_told),
        ]

    async def _here(self, request: web.Request) -> web.Response:
        return await self._refused(request) or web.json_response({"portal": "ok"})

    async def _told(self, request: web.Request) -> web.Response:
        if refusal := await self._refused(request):
            return refusal
        told, key = await request.json(), request.headers.get("Idempotency-Key", "")
        if not key or set(told) != _FIELDS:
            return web.json_response({"error": "off the contract"}, status=422)
        update = Update(told["ticket_no"], key, told["state"], told["sequence"], self._clock())
        fresh = self.book.apply(update)
        return web.json_response({"applied": fresh})

    async def _was_told(self, request: web.Request) -> web.Response:
        if refusal := await self._refused(request):
            return refusal
        if not self.book.has(request.match_info["key"]):
            return web.json_response({"error": "never arrived"}, status=404)
        return web.json_response({"applied": True})

    async def _refused(self, request: web.Request) -> web.Response | None:
        signed = Signed(request.method, request.rel_url.raw_path, await request.read())
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            verify("hub", self._hub_keys, signed, headers, self._clock(), self._nonces)
        except CredentialRefused as refusal:
            return web.json_response({"error": refusal.detail}, status=401)
        return None
