"""`sutong migrate --from --to`: what it prints, how it ends, and that the hub goes on there."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.assembly import build
from hub.settings import load
from hub.stored import stored
from schemas.ids import ticket_no
from schemas.lifecycle import Action
from tests.hub.commands import Ran, sutong
from tests.postgresql import own_database
from tests.schemas.cases import LEADER, OPERATOR, TICKET_ID, command
from ticket_store.engine import connect
from ticket_store.partitions import look
from ticket_store.scope import scope_of
from ticket_store.ticket_query import TicketQuery

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:9/none"


@pytest.fixture
async def target() -> AsyncIterator[str]:
    async with own_database("move_command_test") as url:
        yield url


def file_of(home: Path) -> str:
    return f"sqlite+aiosqlite:///{home / 'tickets.db'}"


async def moved(home: Path, target: str, *more: str) -> Ran:
    """In a thread: a command has a loop of its own."""
    given = ("--from", file_of(home), "--to", target, *more)
    return await asyncio.to_thread(sutong, "migrate", *given)


async def a_ticket() -> None:
    hub = await build(load())
    try:
        await hub.store.desk.execute(command(Action.REGISTER, OPERATOR, accept=True))
    finally:
        await hub.close()


@pytest.mark.postgresql
async def test_the_hub_goes_on_where_the_store_moved(
    home: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await asyncio.to_thread(sutong, "migrate")).code == 0
    assert (await asyncio.to_thread(sutong, "user", "add", "li", "--role", "leader")).code == 0
    await a_ticket()
    ran = await moved(home, target, "--json")
    assert (ran.code, set(ran.json)) == (0, {"tables", "ok", "seconds"})
    assert ran.json["ok"] is True
    counts = ran.json["tables"]
    assert (counts["tickets"], counts["events"], counts["users"]) == (1, 2, 1)
    assert ran.out.count("\n") == 1
    assert "copied events 2/2" in ran.err
    assert "compared events 2/2" in ran.err
    assert "verified audit" in ran.err
    database = connect(target)
    stand = await look(database)
    await database.close()
    assert (stand.whole, stand.stray) == ((), {}), "every row lies in its month"
    again = await moved(home, target)
    assert again.code == 0
    assert "1 ticket(s)" in again.out
    assert "copied" not in again.err
    monkeypatch.setenv("SUTONG_DATABASE_URL", target)
    assert (await asyncio.to_thread(sutong, "migrate", "--json")).json["applied"] == []
    hub = await build(load())
    try:
        outcome = await hub.store.desk.execute(command(Action.REMIND, OPERATOR))
        assert outcome.ticket is not None
        assert outcome.ticket.version == 3
        found = await hub.store.search.find(TicketQuery(text="路灯不亮"), scope_of(LEADER))
        assert [ticket_no(row.ticket_id) for row in found.rows] == [ticket_no(TICKET_ID)]
    finally:
        await hub.close()
    verified = await asyncio.to_thread(sutong, "audit", "verify", "--json")
    assert (verified.code, verified.json["ok"]) == (0, True)
    late = await moved(home, target)
    assert (late.code, late.out) == (1, "")
    assert "a hub has written to the target since" in late.err


@pytest.mark.postgresql
async def test_a_copy_of_a_broken_chain_is_named_and_ends_with_1(home: Path, target: str) -> None:
    await asyncio.to_thread(sutong, "migrate")
    await a_ticket()
    async with stored(load()) as store:
        await store.database.write(
            lambda one: one.exec_driver_sql(
                "UPDATE events SET body = '{}' WHERE event_id % 1024 = 2"
            )
        )
    ran = await moved(home, target, "--json")
    assert (ran.code, ran.json["ok"]) == (1, False)
    (line,) = ran.json["differs"]
    assert "an event was changed" in line
    said = await moved(home, target)
    assert said.code == 1
    assert line in said.out
    assert "NOT EQUAL" in said.out


@pytest.mark.usefixtures("store")
async def test_a_hub_that_runs_is_not_moved(home: Path) -> None:
    async with stored(load()):
        ran = await moved(home, NOWHERE)
    assert (ran.code, ran.out) == (1, "")
    assert "stop the hub first" in ran.err


@pytest.mark.usefixtures("store")
def test_a_target_that_does_not_answer_is_said(home: Path) -> None:
    ran = sutong("migrate", "--from", file_of(home), "--to", NOWHERE)
    assert (ran.code, ran.out) == (1, "")
    assert "the store cannot be used now" in ran.err


def test_a_file_that_is_not_there_is_not_made(home: Path) -> None:
    ran = sutong("migrate", "--from", file_of(home), "--to", NOWHERE)
    assert (ran.code, ran.out) == (1, "")
    assert "there is no file" in ran.err
    assert not home.exists()


@pytest.mark.parametrize(
    "given",
    [
        ["--from", "sqlite+aiosqlite:///a.db"],
        ["--to", NOWHERE],
        ["--from", NOWHERE, "--to", NOWHERE],
        ["--from", "sqlite+aiosqlite:///a.db", "--to", "sqlite+aiosqlite:///b.db"],
    ],
    ids=json.dumps,
)
@pytest.mark.usefixtures("home")
def test_both_ends_are_named(given: list[str]) -> None:
    ran = sutong("migrate", *given)
    assert (ran.code, ran.out) == (2, "")
    assert "--from sqlite+aiosqlite:///FILE and --to postgresql+asyncpg://" in ran.err
