"""Migrations lead from nothing to the tables that the code describes, once, whoever starts them."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

import ticket_store.store  # noqa: F401  registers every table
from schemas.errors import StoreBusy
from schemas.ids import TicketIds
from tests.ticket_store.hub_case import RULES, Clock, owes_nothing, url_of
from ticket_store.engine import connect
from ticket_store.metadata import metadata
from ticket_store.migrations import migrate, pending
from ticket_store.store import StoreNotMigrated, open_store


async def test_pending_then_applied_then_nothing(store_file: Path) -> None:
    url = url_of(store_file)
    lacking = await pending(url)
    assert lacking[0] == "0001"
    assert await migrate(url) == lacking
    assert await pending(url) == []
    assert await migrate(url) == []


async def test_the_tables_are_those_of_the_code(store_file: Path) -> None:
    await migrate(url_of(store_file))
    database = connect(url_of(store_file))

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"include_object": _ours, "compare_type": True}
        )
        return list(compare_metadata(context, metadata))

    try:
        assert await database.read(differences) == []
    finally:
        await database.close()


def _ours(_object: object, name: str | None, kind: str, *_rest: object) -> bool:
    return kind != "table" or not (name or "").startswith(("ticket_words_", "alembic"))


async def test_commands_from_before_fingerprints_are_kept(store_file: Path) -> None:
    await migrate(url_of(store_file))
    row = (b"c" * 16, 5, 1, 1, None)
    with closing(sqlite3.connect(store_file)) as file, file:
        file.execute("ALTER TABLE inbox DROP COLUMN fingerprint")
        file.execute("INSERT INTO inbox VALUES (?, ?, ?, ?, ?)", row)
        file.execute("DROP TABLE leases")
        file.execute("UPDATE alembic_version SET version_num = '0003'")
    assert await migrate(url_of(store_file)) == ["0004", "0005", "0006"]
    with closing(sqlite3.connect(store_file)) as file:
        assert file.execute("SELECT * FROM inbox").fetchall() == [(*row, None)]


async def test_two_who_migrate_at_once_do_it_once(store_file: Path) -> None:
    first, second = await asyncio.gather(migrate(url_of(store_file)), migrate(url_of(store_file)))
    assert sorted([bool(first), bool(second)]) == [False, True]


async def test_a_migration_that_fails_leaves_nothing_behind(store_file: Path) -> None:
    with closing(sqlite3.connect(store_file)) as file:
        file.execute("CREATE TABLE audit (x)")  # in the way of the first migration
    with pytest.raises(Exception, match="already exists"):
        await migrate(url_of(store_file))
    with closing(sqlite3.connect(store_file)) as file:
        tables = file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables == [("audit",)]


def opening(path: Path) -> object:
    clock = Clock()
    return open_store(
        url_of(path), rules=RULES, owes=owes_nothing, ids=TicketIds(clock.milliseconds), now=clock
    )


async def test_a_store_behind_the_program_is_not_opened(store_file: Path) -> None:
    with pytest.raises(StoreNotMigrated, match="0001"):
        await opening(store_file)  # type: ignore[misc]  # the coroutine of open_store


async def test_a_store_that_cannot_be_opened_is_busy(tmp_path: Path) -> None:
    with pytest.raises(StoreBusy, match="CANTOPEN"):
        await opening(tmp_path / "no such folder" / "hub.db")  # type: ignore[misc]  # as above


def test_anybody_on_the_machine_could_read_a_new_store(store_file: Path) -> None:
    url = f"sqlite+aiosqlite:///{store_file}"
    asyncio.run(pending(url))  # who only looks makes the file
    assert store_file.stat().st_mode & 0o077 == 0
    asyncio.run(migrate(url))
    assert store_file.stat().st_mode & 0o077 == 0
