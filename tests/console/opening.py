"""Opens a store for a test: a copy of one that was migrated and peopled once."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from argon2 import PasswordHasher

from schemas.events import Recorded
from schemas.ids import TicketIds
from schemas.rules import Rules
from schemas.ticket import Ticket
from tests.console.stage import CAST, PASSWORD, Clock
from ticket_store.migrations import migrate
from ticket_store.passwords import Passwords
from ticket_store.people_values import NewUser
from ticket_store.reading import ReadingSettings
from ticket_store.store import Store, open_store


def owes_peer(ticket: Ticket, _recorded: Recorded) -> tuple[str, ...]:
    """Every event of a ticket that came from a peer is owed to it."""
    return (ticket.peer,) if ticket.peer else ()


@asynccontextmanager
async def opened(path: Path, clock: Clock) -> AsyncIterator[Store]:
    store = await open_store(
        f"sqlite+aiosqlite:///{path}",
        rules=Rules(),
        owes=owes_peer,
        ids=TicketIds(lambda: int(clock().timestamp() * 1000)),
        now=clock,
        reading=ReadingSettings(
            path.parent / "uploads",
            # argon2id with the least cost, so that tests spend their time elsewhere
            passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
        ),
    )
    try:
        yield store
    finally:
        await store.close()


async def make_template(path: Path) -> None:
    """A migrated store in which the whole cast has an account."""
    await migrate(f"sqlite+aiosqlite:///{path}")
    async with opened(path, Clock()) as store:
        for name, (role, department) in CAST.items():
            new = NewUser(
                user_name=name,
                display_name=f"{name} 某",
                roles=frozenset({role}),
                department=department,
            )
            await store.people.create("test", new, PASSWORD, must_change=False)


def copied(template: Path, folder: Path) -> Path:
    """A copy of the template in `folder`; the template's log is empty, as its store was closed."""
    path = folder / "tickets.db"
    for name in (template, template.with_name(template.name + "-wal")):
        if name.exists():
            shutil.copy(name, path.with_name(path.name + name.name.removeprefix(template.name)))
    return path
