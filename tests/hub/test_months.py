"""The months of a PostgreSQL store are kept ahead, and `sutong check` says where they are not."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from hub.check import findings_of
from hub.months import DAY_SECONDS, keep_months, problem_of
from hub.settings import load
from schemas.ids import first_id_at
from tests.postgresql import own_database
from ticket_store.engine import Database, connect
from ticket_store.migrations import migrate
from ticket_store.months import Month
from ticket_store.partitions import Strayed, look

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


class Enough(Exception):  # ends a loop that runs for ever
    pass


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with own_database("keep_months_test") as one:
        await migrate(one, NOW)
        yield one


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    one = connect(url)
    yield one
    await one.close()


async def add_stray(database: Database) -> None:
    key = first_id_at(datetime(2025, 3, 3, tzinfo=UTC))
    await database.write(
        lambda one: one.execute(text("INSERT INTO ticket_texts VALUES (:k, 'x')"), {"k": key})
    )


async def kept(database: Database, leads: list[bool], days: int = 31) -> list[Month | None]:
    """How far the months reach after each round; the worker starts, then a day is `days` long."""
    reached: list[Month | None] = []
    instant = NOW

    async def pause(seconds: float) -> None:
        nonlocal instant
        assert seconds == DAY_SECONDS
        reached.append((await look(database)).ahead)
        instant += timedelta(days=days)
        if len(reached) > len(leads):
            raise Enough

    turns = iter(leads)
    with suppress(Enough):
        await keep_months(database, lambda: instant, lambda: next(turns), pause)
    return reached


@pytest.mark.postgresql
async def test_the_leader_makes_the_months_and_nobody_else(database: Database) -> None:
    february = Month(2027, 2)
    assert await kept(database, [False, True]) == [february, february, february.plus(2)]


@pytest.mark.postgresql
async def test_rows_without_a_month_get_one_at_the_start(database: Database) -> None:
    await add_stray(database)
    await kept(database, [])
    assert (await look(database)).stray == {}


@pytest.mark.postgresql
async def test_a_fault_is_logged_and_the_hub_goes_on(database: Database) -> None:
    """A table of a month's name that is none of ours stands in the way until it is gone."""
    for statement in ("DROP TABLE events_2702", "CREATE TABLE events_2702 (x int)"):
        await database.write(lambda one, s=statement: one.execute(text(s)))  # type: ignore[misc]  # a lambda's default
    assert await kept(database, [False], days=0) == [Month(2027, 1)] * 2
    await database.write(lambda one: one.execute(text("DROP TABLE events_2702")))
    assert await kept(database, []) == [Month(2027, 2)]


@pytest.mark.postgresql
async def test_check_names_rows_without_a_month_and_months_that_lack(
    url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTONG_DATABASE_URL", url)

    async def look_at(now: datetime) -> tuple[bool, str]:
        [one] = [one for one in await findings_of(load(), lambda: now) if one.part == "months"]
        assert one.ok != bool(one.remedy)
        return one.ok, one.detail

    assert await look_at(NOW) == (True, "partitions up to 2027-02")
    late = await look_at(datetime(2027, 2, 3, tzinfo=UTC))
    assert late == (False, "2027-03 has no partitions; a worker or `sutong migrate` makes them")
    await add_stray(database)
    assert await look_at(NOW) == (False, "rows without a month of their own: 1 of ticket_texts")
    await migrate(url, NOW)
    assert (await look_at(NOW))[0]


async def test_on_sqlite_there_are_no_months_to_look_at(home: object) -> None:
    assert home is not None
    settings = load()
    settings.home.mkdir(parents=True)
    await migrate(settings.database)
    assert "months" not in {one.part for one in await findings_of(settings)}


def test_a_store_that_was_never_partitioned_is_named() -> None:
    assert problem_of(Strayed(("events",), {}, None), NOW) == "not partitioned yet: events"
    told = problem_of(Strayed((), {}, None), NOW)
    assert told is not None
    assert told.startswith("2026-12 has no partitions")
    assert problem_of(Strayed((), {}, Month(2026, 12)), NOW) is None
