"""A store in a folder of its own, its clock, and commands to put to it."""

import itertools
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from schemas import commands as cmd
from schemas.events import Recorded
from schemas.ids import TicketIds, new_command_id
from schemas.lifecycle import Action
from schemas.parties import Actor
from schemas.rules import Rules
from schemas.ticket import Ticket
from tests.schemas import cases
from ticket_store.engine import connect
from ticket_store.migrations import migrate
from ticket_store.store import Store

START = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
RULES = Rules(knows_department=lambda code: code.startswith("d"))


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  a test must repeat, not be unguessable


class Clock:
    """Goes only when told to."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def milliseconds(self) -> int:
        return int(self.now.timestamp() * 1000)


def owes_nothing(_ticket: Ticket, _recorded: Recorded) -> Sequence[str]:
    return ()


def owes_source(ticket: Ticket, recorded: Recorded) -> Sequence[str]:
    """Every event but a peer's own refusal, to the peer that the ticket came from."""
    return (ticket.peer,) if ticket.peer and recorded.event.kind != "peer_refused" else ()


_numbers = itertools.count(1)


def command_id(clock_ms: int = int(START.timestamp() * 1000)) -> UUID:
    return new_command_id(clock_ms, next(_numbers))


def command(action: Action, who: Actor, ticket_id: int, **changes: Any) -> Any:
    """A command of its own id, with the plainest fields that its action takes."""
    return cases.command(
        action, who, **({"ticket_id": ticket_id, "command_id": command_id(), "at": START} | changes)
    )


def register(ticket_id: int, number: str | None = None, **changes: Any) -> cmd.RegisterTicket:
    """Registered and accepted in one act; number: of the peer "city"."""
    given: dict[str, Any] = {"peer": "city", "source_ticket_no": number} if number else {}
    fields = {"registration": cases.registration(**given), "accept": True} | changes
    made: cmd.RegisterTicket = command(Action.REGISTER, cases.OPERATOR, ticket_id, **fields)
    return made


def url_of(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


async def migrated(path: Path) -> None:
    """Make an up-to-date store at `path`; the tables are built once and then copied."""
    if not _template:
        with tempfile.TemporaryDirectory() as folder:
            built = Path(folder) / "template.db"
            await migrate(url_of(built))
            _template.append(_bytes_of(built))
    _put(path, _template[0])


_template: list[bytes] = []


def _bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@asynccontextmanager
async def opened(
    path: Path, clock: Clock | None = None, *, owes: Any = owes_nothing, fresh: bool = True
) -> AsyncIterator[Store]:
    """The core of a store at `path`, without the reading side; made anew when `fresh`."""
    clock = clock or Clock()
    if fresh:
        await migrated(path)
    store = Store(
        connect(url_of(path)), rules=RULES, owes=owes, ids=TicketIds(clock.milliseconds), now=clock
    )
    try:
        yield store
    finally:
        await store.close()
