"""A store moves from SQLite to PostgreSQL whole, whatever happens on the way, or is refused."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

from schemas.errors import StoreBusy
from schemas.lifecycle import Action
from schemas.parties import Role
from tests.postgresql import own_database
from tests.schemas import cases
from tests.ticket_store.filled import ALL
from tests.ticket_store.hub_case import START, Clock, command, migrated, register, url_of
from tests.ticket_store.move_case import PASSWORD, TEXT, filled, opened_at
from ticket_store import move_source
from ticket_store.engine import connect
from ticket_store.migrations import StoreNotUsable, migrate, pending
from ticket_store.models import audit, deliveries, tickets
from ticket_store.move import Moved, MoveRefused, Step, move
from ticket_store.move_source import HeldFile, as_server_takes, moved_tables
from ticket_store.people_models import users
from ticket_store.ticket_query import TicketQuery

ROOT = Path(__file__).resolve().parents[2]
TICKETS = 30
BATCH = 4  # rows: the tables have many batches, so that a kill falls within one
END_THE_OTHERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
YEAR = '{"year": 2031, "source": "test"}'
ON_SERVER = pytest.mark.postgresql


@pytest.fixture
async def target() -> AsyncIterator[str]:
    async with own_database("move_test") as url:
        yield url


@pytest.fixture
async def tickets_made(store_file: Path, clock: Clock) -> list[int]:
    """The file holds a store that stands, with something in every table."""
    await migrated(store_file)
    async with opened_at(url_of(store_file), store_file.parent, clock) as store:
        made = await filled(store, clock, TICKETS)
    run_sql(store_file, "INSERT INTO follow_ups VALUES (1, 2, 3, 1, 0)")
    run_sql(store_file, "INSERT INTO calendar_years VALUES (2031, 1, ?, 'li', 5)", YEAR)
    run_sql(store_file, "INSERT INTO own_keys VALUES ('k', x'00ff5c09')")
    run_sql(store_file, "INSERT INTO leases VALUES ('leader', 'w0', 7)")
    return made


def run_sql(file: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(statement, values)
        connection.commit()


def bytes_of(file: Path) -> bytes:
    return file.read_bytes()


async def on_server(url: str, statement: str) -> Any:
    """One value, or None."""
    database = connect(url)
    try:
        return await database.write(
            lambda one: (
                found.scalar() if (found := one.execute(text(statement))).returns_rows else None
            )
        )
    finally:
        await database.close()


async def moved(file: Path, target: str, steps: list[Step] | None = None) -> Moved:
    return await move(url_of(file), target, (steps if steps is not None else []).append)


@ON_SERVER
async def test_the_hub_goes_on_with_the_same_tickets_and_clocks(
    store_file: Path, target: str, tickets_made: list[int], clock: Clock
) -> None:
    before = bytes_of(store_file)
    found = await moved(store_file, target)
    assert found.differs == ()
    assert {name for name, rows in found.tables.items() if not rows} == set()
    assert found.tables["tickets"] == TICKETS
    assert "leases" not in found.tables
    assert await on_server(target, "SELECT count(*) FROM leases") == 0
    assert bytes_of(store_file) == before
    first = tickets_made[0]
    async with opened_at(target, store_file.parent, clock) as store:
        due = await store.clocks.due(START + timedelta(hours=1), 100)
        assert {one.ticket_id for one in due} == set(tickets_made)
        by_text = await store.search.find(TicketQuery(text=TEXT), ALL, 100)
        assert {row.ticket_id for row in by_text.rows} == set(tickets_made)
        outcome = await store.desk.execute(command(Action.REMIND, cases.OPERATOR, first))
        assert outcome.ticket is not None
        assert outcome.ticket.version == 5
        clock.advance(1)
        new = store.ids.next()
        await store.desk.execute(register(new, "later"))
        await store.people.sign_in("wang", PASSWORD)
        await store.people.tokens.create("admin", "second", frozenset({Role.LEADER}))
        assert await store.inbound.cursor("city") == "c\t1"
        assert await store.attachments.content((await store.attachments.of(first))[0]) == b"x"
        assert await store.outbox.length() == 4 * TICKETS + 1 + 3
        report = await store.audit.verify()
        assert (report.ok, report.detail) == (True, "")


@ON_SERVER
@pytest.mark.usefixtures("tickets_made")
async def test_a_copy_killed_twice_goes_on_and_ends_equal(store_file: Path, target: str) -> None:
    first = await child(store_file, target, kill_at=15)
    second = await child(store_file, target, kill_at=70)
    assert "done" not in {line[0] for line in [*first, *second]}
    with pytest.raises(
        StoreNotUsable, match="is being copied to it"
    ):  # a hub does not open a half of a store
        await pending(target)
    last = await child(store_file, target)
    assert last[-1] == ["done", "equal"]
    copied = [[line[1:3] for line in run if line[0] == "copy"] for run in (first, second, last)]
    assert copied[1][0] == [copied[0][-1][0], copied[1][0][1]]  # the table that was cut, and there
    assert int(copied[1][0][1]) >= int(copied[0][-1][1]) > 0
    cut = copied[1][-1][0]
    assert {name for name, _ in copied[1]} & {name for name, _ in copied[2]} <= {cut}
    again: list[Step] = []
    assert (await moved(store_file, target, again)).differs == ()
    assert "copy" not in {step.doing for step in again}


@ON_SERVER
@pytest.mark.usefixtures("tickets_made")
@pytest.mark.parametrize("doing", ["copy", "compare"])
async def test_a_database_that_goes_away_is_come_back_to(
    store_file: Path, target: str, doing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move_source, "MOST_ROWS", BATCH)
    ended: list[Step] = []

    def end_all_sessions(step: Step) -> None:
        if step.doing == doing and step.table == "events" and step.rows and not ended:
            ended.append(step)
            thread = Thread(target=lambda: asyncio.run(on_server(target, END_THE_OTHERS)))
            thread.start()
            thread.join()

    with pytest.raises(StoreBusy):
        await move(url_of(store_file), target, end_all_sessions)
    assert ended
    steps: list[Step] = []
    assert (await moved(store_file, target, steps)).differs == ()
    assert next(step.rows > 0 for step in steps if step.table == "events")


async def child(file: Path, target: str, kill_at: int | None = None) -> list[list[str]]:
    """The steps that a copy said; `kill_at`: killed after so many."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.ticket_store.move_child", url_of(file), target, str(BATCH),
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    while line := await process.stdout.readline():
        lines.append(line.decode().split(maxsplit=3))
        if len(lines) == kill_at:
            process.send_signal(signal.SIGKILL)
    assert await process.wait() == (0 if kill_at is None else -signal.SIGKILL)
    return lines


@ON_SERVER
@pytest.mark.usefixtures("tickets_made")
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE deliveries SET peer_code = 'x' WHERE destination = 'city'", "deliveries"),
        ("DELETE FROM ticket_words WHERE ticket_id > 0", "the word index: 0 tickets of 30"),
        ("UPDATE inbound SET content = '' WHERE message_id = 3", "inbound: 3 differs in content"),
        ("UPDATE users SET must_change = NOT must_change", "users: li differs in must_change"),
    ],
)  # fmt: skip
async def test_what_differs_is_named(
    store_file: Path, target: str, change: str, named: str
) -> None:
    await moved(store_file, target)
    await on_server(target, change)
    (differs,) = (await moved(store_file, target)).differs
    assert named in differs


@ON_SERVER
@pytest.mark.usefixtures("tickets_made")
async def test_a_fault_of_the_file_is_said_to_be_the_files(store_file: Path, target: str) -> None:
    run_sql(store_file, "UPDATE audit SET actor_id = 'somebody' WHERE row_no = 7")
    (fault,) = (await moved(store_file, target)).differs
    assert "row 7" in fault
    assert "the file has the same fault" in fault
    assert await pending(target) == []  # the copy itself is whole


@ON_SERVER
@pytest.mark.usefixtures("tickets_made")
async def test_a_target_that_a_hub_wrote_to_is_refused(
    store_file: Path, target: str, clock: Clock
) -> None:
    await moved(store_file, target)
    async with opened_at(target, store_file.parent, clock) as store:
        await store.audit.append("li", "look", "x", {})
    with pytest.raises(MoveRefused, match=r"has written to the target since \(audit\)"):
        await moved(store_file, target)


@ON_SERVER
@pytest.mark.usefixtures("tickets_made")
async def test_a_target_of_another_store_is_refused(store_file: Path, target: str) -> None:
    await migrate(target)
    await on_server(target, "INSERT INTO cursors VALUES ('city', '1')")
    with pytest.raises(MoveRefused, match=r"holds another store \(cursors\)"):
        await moved(store_file, target)
    assert await on_server(target, "SELECT to_regclass('moves')") is None


@ON_SERVER
@pytest.mark.usefixtures("tickets_made")
async def test_a_file_that_was_written_to_since_is_refused(store_file: Path, target: str) -> None:
    await child(store_file, target, kill_at=30)
    run_sql(store_file, "UPDATE cursors SET cursor = 'c2'")
    with pytest.raises(MoveRefused, match="before it was written to again"):
        await moved(store_file, target)


@ON_SERVER
async def test_text_with_nul_is_taken_as_the_store_takes_it(store_file: Path, target: str) -> None:
    await migrated(store_file)
    run_sql(store_file, "INSERT INTO cursors VALUES (?, ?)", "city", "a\0b")
    assert (await moved(store_file, target)).differs == ()
    assert await on_server(target, "SELECT cursor FROM cursors") == "a\ufffdb"


@pytest.mark.usefixtures("tickets_made")
async def test_a_file_that_a_hub_has_open_is_refused(store_file: Path, clock: Clock) -> None:
    async with opened_at(url_of(store_file), store_file.parent, clock):
        with pytest.raises(MoveRefused, match="stop the hub first"):
            await moved(store_file, "postgresql+asyncpg://nobody@127.0.0.1:9/none")


async def test_nobody_gets_at_the_file_while_it_is_held(store_file: Path) -> None:
    await migrated(store_file)
    with HeldFile(store_file) as held, closing(sqlite3.connect(store_file, timeout=0)) as other:
        held.digest()  # reading its bytes gives no lock away
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("SELECT * FROM audit_head")
    with closing(sqlite3.connect(store_file, timeout=0)) as other:
        assert other.execute("SELECT count(*) FROM audit_head").fetchone() == (1,)


async def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    nowhere = "postgresql+asyncpg://nobody@127.0.0.1:9/none"
    for name, content, said in (
        ("missing", None, "there is no file"),
        ("empty", b"", "no tables"),
        ("text", b"no database, a letter " * 100, "is no store"),
    ):
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(MoveRefused, match=said):
            await moved(file, nowhere)
        assert file.exists() == (content is not None)


async def test_no_table_is_forgotten(store_file: Path) -> None:
    await migrated(store_file)
    with HeldFile(store_file) as held:
        assert held.unknown_tables() == []
    run_sql(store_file, "CREATE TABLE mine (x)")
    with HeldFile(store_file) as held:
        assert held.unknown_tables() == ["mine"]
    assert {"tickets", "sessions", "own_keys", "outbox"} <= {one.name for one in moved_tables()}


@pytest.mark.parametrize(
    ("table", "column", "value", "said"),
    [
        (deliveries, "in_doubt", 2, "neither true nor false"),
        (tickets, "version", "two", "no whole number"),
        (tickets, "version", 1 << 31, "too large"),
        (tickets, "state", "x" * 25, "too long"),
        (audit, "digest", "text", "no bytes"),
        (users, "display_name", b"bytes", "no text"),
    ],
)
def test_what_postgresql_does_not_take_is_named_without_the_value(
    table: Any, column: str, value: Any, said: str
) -> None:
    good = {
        one.name: {int: 5, str: "k", bytes: b"k", bool: 1}.get(one.type.python_type, 5)
        for one in table.columns
    }
    rows = [tuple(good.values()), tuple((good | {column: value}).values())]
    assert as_server_takes(table, rows[:1]) == [tuple(good.values())]
    with pytest.raises(MoveRefused) as refused:
        as_server_takes(table, rows)
    assert said in str(refused.value)
    assert column in str(refused.value)
    assert str(value) not in str(refused.value).removeprefix(table.name)


def test_a_batch_is_bounded_by_bytes_too(monkeypatch: pytest.MonkeyPatch, store_file: Path) -> None:
    monkeypatch.setattr(move_source, "MOST_BYTES", 1)
    asyncio.run(migrated(store_file))
    with closing(sqlite3.connect(store_file)) as file:
        rows = [(f"p{number:04}", "c") for number in range(450)]
        file.executemany("INSERT INTO cursors VALUES (?, ?)", rows)
        file.commit()
    table = next(one for one in moved_tables() if one.name == "cursors")
    with HeldFile(store_file) as held:
        batches = list(held.batches(table, ["p0009"]))
    assert [len(batch) for batch in batches] == [200, 200, 40]
    assert [row for batch in batches for row in batch] == rows[10:]
