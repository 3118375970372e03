"""A whole hub on a free port: worker, web process, demo users, a 12345 platform and a portal."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from connectors.signing import Keys
from console.rendering import fresh_command_id
from hub.assembly import Hub, build
from hub.demo.cast import USERS, DemoUser, create_users
from hub.demo.peers.books import Book, Update
from hub.demo.peers.faults import PLANS, Faults
from hub.demo.peers.hotline12345 import Hotline12345Peer
from hub.demo.peers.web_portal import PortalPeer
from hub.settings import Settings, load
from hub.web import running_web
from hub.worker import running_worker
from schemas.commands import AcceptTicket, Command, RegisterTicket
from schemas.matter import Matter
from schemas.parties import Actor, Citizen, Role
from schemas.ticket import HandlingMode, Registration, Source

PATIENCE_SECONDS = 30.0  # after which a test gives up waiting; never waited in full
CITY, PORTAL = "city", "portal"
_HUB, _CITY = Keys("hub", "of-the-test-hub"), Keys("city", "of-the-test-city")
_POLL_SECONDS = 0.2


class TellingBook(Book):
    """A peer's book that wakes whoever waits for what is written into it."""

    def __init__(self) -> None:
        super().__init__()
        self._written = asyncio.Event()

    def apply(self, update: Update) -> bool:
        fresh = super().apply(update)
        self._written.set()
        return fresh

    async def until_state(self, ticket_no: str, state_code: str) -> None:
        """Until the peer was told this state as the latest of the ticket."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.state_of(ticket_no) != state_code:
                self._written.clear()
                await self._written.wait()

    def states(self, ticket_no: str) -> list[str]:
        """The state codes in the order in which they came, each once in a row."""
        codes = [code for _, code, _ in self.applied[ticket_no]]
        return [code for n, code in enumerate(codes) if n == 0 or codes[n - 1] != code]


@dataclass(frozen=True)
class Stage:
    """url: of the web process. users: by name. committed: set after each commit of the store."""

    hub: Hub
    url: str
    city: Hotline12345Peer
    city_book: TellingBook
    portal: PortalPeer
    portal_book: TellingBook
    users: Mapping[str, DemoUser]
    committed: asyncio.Event

    async def register(
        self,
        title: str,
        text: str = "请尽快核实处理。",
        *,
        phone: str | None = None,
        confidential: bool = False,
        accept: bool = True,
    ) -> int:
        """A ticket of the counter, without its page; accept: it waits for the dispatch desk."""
        ticket_id = self.hub.ids.next()
        citizen = Citizen(name="丁小满", phone=phone, confidential=confidential) if phone else None
        registration = Registration(
            source=Source.COUNTER,
            received_at=self.hub.now(),
            matter=Matter(title=title, text=text),
            citizen=citizen,
            handling_mode=HandlingMode.DISPATCH,
        )
        await self.do(RegisterTicket, ticket_id, registration=registration, accept=accept)
        return ticket_id

    async def accept(self, ticket_id: int) -> None:
        """What another operator does meanwhile."""
        await self.do(AcceptTicket, ticket_id)

    async def do(self, command: type[Command], ticket_id: int, **fields: Any) -> None:
        await self.hub.store.desk.execute(
            command(
                command_id=UUID(fresh_command_id(self.hub.now())),
                ticket_id=ticket_id,
                actor=Actor(actor_id="zuoxi", roles=frozenset({Role.OPERATOR})),
                at=self.hub.now(),
                **fields,
            )
        )

    async def proposed(self, ticket_id: int) -> None:
        """Until the machine has named its candidates."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self._has(ticket_id, "proposal_made"):
                self.committed.clear()
                await self.committed.wait()

    async def _has(self, ticket_id: int, kind: str) -> bool:
        history = await self.hub.store.tickets.history(ticket_id)
        return any(recorded.event.kind == kind for recorded in history)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _settings(home: Path, city_url: str, callback_url: str) -> Settings:
    keys = {"app_key": _HUB.app_key, "app_secret": _HUB.secret}
    peers: dict[str, dict[str, Any]] = {
        CITY: keys
        | {
            "dialect": "hotline12345",
            "url": city_url,
            "peer_app_key": _CITY.app_key,
            "peer_app_secret": _CITY.secret,
            "poll_seconds": _POLL_SECONDS,
        },
        PORTAL: keys | {"dialect": "web_portal", "callback_url": callback_url},
    }
    return load(home=home, port=0, peers=peers)


@asynccontextmanager
async def running_stage(
    home: Path, *, now: Callable[[], datetime] = _utc_now
) -> AsyncIterator[Stage]:
    """Everything runs while the block runs, in the loop of the tests; no faults."""
    rng, none = random.Random(7), PLANS["none"]  # noqa: S311 - must repeat, guards nothing
    city = Hotline12345Peer(now, rng, Faults(none, rng), hub_keys=_HUB, push_keys=_CITY)
    portal = PortalPeer(now, rng, Faults(none, rng), hub_keys=_HUB)
    city.book = city_book = TellingBook()
    portal.book = portal_book = TellingBook()
    async with city, portal:
        hub = await build(_settings(home, city.url, portal.callback_url), now=now, migrating=True)
        committed = asyncio.Event()
        hub.store.desk.on_commit(lambda _outcomes: committed.set())
        try:
            await create_users(hub.store.people)
            async with running_worker(hub) as worker, running_web(hub, worker) as web:
                portal.connect(web.url)
                users = {user.user_name: user for user in USERS}
                yield Stage(hub, web.url, city, city_book, portal, portal_book, users, committed)
        finally:
            await hub.close()
