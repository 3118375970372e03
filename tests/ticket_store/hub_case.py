"""A store in a folder of its own, its clock, and commands to put to it."""

import itertools
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
from ticket_store.migrations import migrate
from ticket_store.store import Store, open_store

START = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
RULES = Rules(knows_department=lambda code: code.startswith("d"))


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
    given = {"peer": "city", "source_ticket_no": number} if number else {}
    made: cmd.RegisterTicket = command(
        Action.REGISTER, cases.OPERATOR, ticket_id, registration=cases.registration(**given),
        accept=True, **changes,
    )  # fmt: skip
    return made


def url_of(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


@asynccontextmanager
async def opened(
    path: Path, clock: Clock | None = None, *, owes: Any = owes_nothing, fresh: bool = True
) -> AsyncIterator[Store]:
    """A store at `path`, migrated when `fresh`, closed at the end."""
    clock = clock or Clock()
    if fresh:
        await migrate(url_of(path))
    store = await open_store(
        url_of(path), rules=RULES, owes=owes, ids=TicketIds(clock.milliseconds), now=clock
    )
    try:
        yield store
    finally:
        await store.close()
