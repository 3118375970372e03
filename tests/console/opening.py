"""Opens a store for a test: migrated, with password hashes that cost next to nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from argon2 import PasswordHasher

from schemas.events import Recorded
from schemas.ids import TicketIds
from schemas.rules import Rules
from schemas.ticket import Ticket
from tests.console.stage import Clock
from ticket_store.migrations import migrate
from ticket_store.passwords import Passwords
from ticket_store.reading import ReadingSettings
from ticket_store.store import Store, open_store


def owes_peer(ticket: Ticket, _recorded: Recorded) -> tuple[str, ...]:
    """Every event of a ticket that came from a peer is owed to it."""
    return (ticket.peer,) if ticket.peer else ()


@asynccontextmanager
async def opened(path: Path, clock: Clock) -> AsyncIterator[Store]:
    url = f"sqlite+aiosqlite:///{path}"
    await migrate(url)
    store = await open_store(
        url,
        rules=Rules(),
        owes=owes_peer,
        ids=TicketIds(lambda: int(clock().timestamp() * 1000)),
        now=clock,
        reading=ReadingSettings(
            path.parent / "uploads",
            passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
        ),
    )
    try:
        yield store
    finally:
        await store.close()
