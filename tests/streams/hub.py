"""A whole worker in the test's own loop: real store and broker, simulated peers, a set clock."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connectors.base import Body, Page
from schemas import commands as cmd
from schemas.clock_running import ClockPolicy
from schemas.default_limits import DEFAULT_LIMITS
from schemas.errors import PayloadNotUnderstood
from schemas.ids import TicketIds
from schemas.intake import Intake
from schemas.outbound import Outbound, Receipt
from schemas.proposal import Candidate, Proposal
from schemas.rules import Rules
from schemas.ticket import Registration, Source, Ticket
from streams.app import build_app
from streams.deps import StreamDeps, Timing
from streams.progress import Part, Progress
from streams.topics import DEAD_LETTERS, declared
from tests.schemas.cases import NOW
from tests.schemas.hub_time import calendar
from ticket_store.inbound import InboundMessage, MessageOutcome
from ticket_store.migrations import migrate
from ticket_store.store import Store, open_store

PATIENCE = 60.0  # seconds after which a test gives up waiting; never waited in full
POLICY = ClockPolicy(DEFAULT_LIMITS, calendar())
# Loops come round often, so that what another process would wake is soon found.
QUICK = Timing(relay=0.05, tick=0.05, sweep=0.05, reoffer=30.0, patience=600.0)


@dataclass
class SetClock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class FakePeer:
    """Speaks our own words: a body is a JSON list of intakes."""

    name: str = "city"
    source: Source = Source.HOTLINE12345

    async def check(self) -> None:
        return None

    def translate(self, body: bytes) -> Sequence[Intake]:
        try:
            return [Intake.model_validate(one) for one in json.loads(body)]
        except (ValueError, ValidationError) as error:
            raise PayloadNotUnderstood(self.name, type(error).__name__) from error

    async def deliver(self, outbound: Outbound) -> Receipt:
        return Receipt()

    async def ask(self, outbound: Outbound) -> Receipt | None:
        return None

    async def close(self) -> None:
        return None


@dataclass(frozen=True)
class FakePolled(FakePeer):
    """Serves its bodies in pages of two; fails as often as told before it answers."""

    bodies: list[Body] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    poll_seconds: float = 0.01

    async def poll(self, cursor: str) -> AsyncIterator[Page]:
        at = int(cursor or 0)
        while at < len(self.bodies):
            if self.failures:
                raise self.failures.pop()
            page = self.bodies[at : at + 2]
            at += len(page)
            yield Page(page, str(at))


@dataclass
class FixedProposer:
    dispatch: bool = False

    def propose(self, registration: Registration, ticket: Ticket) -> Proposal:
        likely = Candidate(department="d1", probability=0.97 if self.dispatch else 0.6)
        return Proposal(candidates=(likely,), dispatch=self.dispatch)


class TellingPart(Part):
    """Says when a round or a batch has ended, so that tests wait for what happens, not for time."""

    told: asyncio.Event

    def ends(self) -> None:
        super().ends()
        self.told.set()


class TellingProgress(Progress):
    def __init__(self) -> None:
        super().__init__(time.monotonic)
        self.told = asyncio.Event()

    def part(self, name: str) -> Part:
        if name not in self.parts:
            part = TellingPart(self.clock, self.clock())
            part.told = self.told
            self.parts[name] = part
        return self.parts[name]


@dataclass
class Hub:
    store: Store
    deps: StreamDeps
    clock: SetClock
    app: Any
    letters: list[dict[str, Any]]
    progress: TellingProgress

    async def receive(self, *intakes: Intake, no: str, peer: str = "city") -> int:
        """A peer's message becomes a row; its id."""
        text = json.dumps([json.loads(one.model_dump_json()) for one in intakes])
        return await self.receive_bytes(text.encode(), no=no, peer=peer)

    async def receive_bytes(self, content: bytes, *, no: str, peer: str = "city") -> int:
        source = self.deps.connectors[peer].source
        body = Body(content, no)
        [kept] = await self.store.inbound.keep(peer, source, [body], self.clock.now)
        self.deps.wakes.inbound.set()
        return kept.message_id

    async def execute(self, command: cmd.Command) -> None:
        await self.store.desk.execute(command)
        self.deps.wakes.outbox.set()

    async def until(self, what: Callable[[], Any]) -> Any:
        """The first true answer of `what`, asked again after each round and batch."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self.progress.told.clear()
                if found := await what():
                    return found
                await self.progress.told.wait()

    async def settled(self, message_id: int) -> InboundMessage:
        async def outcome() -> InboundMessage | None:
            message = await self.store.inbound.read(message_id)
            return message if message.outcome is not None else None

        found: InboundMessage = await self.until(outcome)
        return found

    async def outcome(self, message_id: int) -> MessageOutcome | None:
        return (await self.settled(message_id)).outcome

    async def kinds(self, ticket_id: int) -> list[str]:
        return [one.event.kind for one in await self.store.tickets.history(ticket_id)]

    async def happened(self, ticket_id: int, *kinds: str) -> list[str]:
        """The ticket's kinds of events once all of `kinds` are among them."""

        async def there() -> list[str] | None:
            found = await self.kinds(ticket_id)
            return found if set(kinds) <= set(found) else None

        result: list[str] = await self.until(there)
        return result

    async def wound(self, ticket_id: int) -> Any:
        """The ticket's clocks once they have caught up with its head and the outbox is empty."""

        async def caught_up() -> Any:
            if await self.store.outbox.take(1):
                return None
            behind = await self.store.clocks.behind(self.clock.now + timedelta(days=1), 1000)
            if ticket_id in {one for one, _ in behind}:
                return None
            return await self.store.clocks.of([ticket_id])

        return (await self.until(caught_up))[ticket_id]


async def open_test_store(folder: Path, clock: SetClock) -> Store:
    url = f"sqlite+aiosqlite:///{folder / 'tickets.db'}"
    await migrate(url)
    return await open_store(
        url,
        rules=Rules(knows_department=lambda code: code.startswith("d")),
        owes=lambda ticket, recorded: (),
        ids=TicketIds(lambda: int(clock.now.timestamp() * 1000)),
        now=clock,
    )


def deps_of(
    store: Store,
    clock: SetClock,
    peers: Iterable[Any],
    proposer: Any,
    progress: Progress,
    timing: Timing = QUICK,
) -> StreamDeps:
    connectors: Mapping[str, Any] = {peer.name: peer for peer in peers}
    return StreamDeps(
        store=store,
        connectors=connectors,
        proposer=proposer,
        ids=TicketIds(lambda: time.time_ns() // 1_000_000),  # a set clock repeats after a restart
        policy=lambda: POLICY,
        now=clock,
        progress=progress,
        timing=timing,
    )


@asynccontextmanager
async def running_hub(
    folder: Path,
    *peers: Any,
    clock: SetClock | None = None,
    proposer: Any = None,
    timing: Timing = QUICK,
    wrap: Callable[[Store], None] = lambda _: None,
) -> AsyncIterator[Hub]:
    """wrap: changes the store's books before the worker gets them, to let them fail."""
    clock = clock or SetClock()
    store = await open_test_store(folder, clock)
    wrap(store)
    progress = TellingProgress()
    peers = peers or (FakePeer(),)
    deps = deps_of(store, clock, peers, proposer or FixedProposer(), progress, timing)
    app: Any = build_app(f"sqlite:///{folder / 'log.db'}", deps, data_folder=folder)
    letters: list[dict[str, Any]] = []

    async def collect(stream: Any) -> None:
        async for letter in stream:
            letters.append(json.loads(letter))
            progress.told.set()

    app.agent(declared(app, DEAD_LETTERS), name="letters", concurrency=1)(collect)
    async with asyncio.timeout(PATIENCE):
        await app.start()
    try:
        yield Hub(store, deps, clock, app, letters, progress)
    finally:
        async with asyncio.timeout(PATIENCE):
            await app.stop()
            await store.close()
