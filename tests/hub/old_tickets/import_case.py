"""What the tests of an import share: a store of either kind, the command, what is in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.assembly import Hub, build
from hub.settings import load
from tests.hub.commands import Ran, sutong
from tests.postgresql import own_database
from tests.schemas.cases import LEADER
from ticket_store.scope import scope_of
from ticket_store.ticket_query import TicketQuery

KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))


@asynccontextmanager
async def opened() -> AsyncIterator[Hub]:
    hub = await build(load())
    try:
        yield hub
    finally:
        await hub.close()


async def imported(*given: str, stdin: str | None = None) -> Ran:
    """In a thread: a command has a loop of its own."""
    return await asyncio.to_thread(sutong, "import", "--workers", "1", *given, stdin=stdin)


async def found(hub: Hub, **asked: Any) -> list[int]:
    page = await hub.store.search.find(TicketQuery(**asked), scope_of(LEADER), 500)
    return [one.ticket_id for one in page.rows]


async def counted(hub: Hub, table: str) -> int:
    count = f"SELECT COUNT(*) FROM {table}"  # noqa: S608 - ours
    number: int = await hub.store.database.read(lambda one: one.exec_driver_sql(count).scalar_one())
    return number


@pytest.fixture(params=KINDS)
async def any_store(
    request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Path]:
    """SUTONG_HOME of an empty store on either database."""
    if request.param == "sqlite":
        assert (await asyncio.to_thread(sutong, "migrate")).code == 0
        yield home
        return
    async with own_database("import_test") as url:
        monkeypatch.setenv("SUTONG_DATABASE_URL", url)
        assert (await asyncio.to_thread(sutong, "migrate")).code == 0
        yield home
