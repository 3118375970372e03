"""Opens a store for a test: all tables, cheap password hashes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy import insert

import ticket_store.clock_models
import ticket_store.people_models
import ticket_store.search_models
from schemas.ids import TicketIds
from schemas.rules import Rules
from tests.console.stage import Clock
from ticket_store.audit import START
from ticket_store.clocks import ClockBook
from ticket_store.engine import connect
from ticket_store.metadata import metadata
from ticket_store.models import audit_head
from ticket_store.passwords import Passwords
from ticket_store.people import PeopleBook
from ticket_store.personal_keys import PersonalKeys
from ticket_store.projection import Projection
from ticket_store.search import Search
from ticket_store.store import Store


@asynccontextmanager
async def opened(path: Path, clock: Clock) -> AsyncIterator[Store]:
    database = connect(f"sqlite+aiosqlite:///{path}")

    def make(connection):
        metadata.create_all(connection)
        connection.execute(insert(audit_head).values(head_id=1, rows=0, events=0, digest=START))

    await database.write(make)
    store = Store(
        database, rules=Rules(), owes=lambda t, r: (),
        ids=TicketIds(lambda: int(clock().timestamp() * 1000)), now=clock,
    )
    keys = PersonalKeys(b"0" * 32)
    store.search = Search(database, keys, clock)
    store.clocks = ClockBook(database, store.writer)
    store.people = PeopleBook(
        database, store.writer, clock,
        passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
    )
    store.desk.follow(Projection(database.dialect, keys).follow)
    yield store
    await store.close()
