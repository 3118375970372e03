"""Months on PostgreSQL: made ahead and behind, pruned, and put on a store in use without loss."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from schemas.ids import SEQUENCE_BITS, TicketIds, first_id_at
from schemas.lifecycle import Action
from tests.postgresql import own_database
from tests.schemas import cases
from tests.ticket_store.hub_case import RULES, Clock, command, owes_source, register, url_of
from ticket_store.bigrams import parsed
from ticket_store.engine import Database, connect
from ticket_store.migrations import migrate
from ticket_store.months import Month
from ticket_store.partitioning import partition
from ticket_store.partitions import (
    PARTED,
    Strayed,
    ensure_ahead,
    ensure_months,
    is_partitioned,
    look,
    partitions_of,
    place_strays,
)
from ticket_store.reading import ReadingSettings, open_reading
from ticket_store.store import Store
from ticket_store.words_postgresql import find_words

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
ON_SERVER = pytest.mark.postgresql
WHOLE = tuple(one.name for one in PARTED)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with own_database("months_test") as one:
        yield one


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    await migrate(url, NOW)
    one = connect(url)
    yield one
    await one.close()


async def store_on(url: str, clock: Clock, folder: Path, node: int = 0) -> Store:
    store = Store(
        connect(url), rules=RULES, owes=owes_source, now=clock,
        ids=TicketIds(clock.milliseconds, node),
    )  # fmt: skip
    settings = ReadingSettings(folder / "uploads", b"k" * 32)
    store.join(await open_reading(store.database, store.writer, store.desk, clock, settings))
    return store


async def made_whole(database: Database) -> None:
    """The tables as the release before had them: not partitioned, with all their rows."""

    def work(connection: Any) -> None:
        for one in PARTED:
            connection.execute(text(f"ALTER TABLE {one.name} RENAME TO parted"))
            connection.execute(text(f"CREATE TABLE {one.name} AS SELECT * FROM parted"))  # noqa: S608  names of ours
            connection.execute(text("DROP TABLE parted"))
            connection.execute(
                text(f"ALTER TABLE {one.name} ADD CONSTRAINT pk_{one.name} PRIMARY KEY ({one.key})")
            )
            if one.index:
                connection.execute(text(one.index))

    await database.write(work)
    assert (await look(database)).whole == WHOLE


async def rows(database: Database, statement: str, **values: Any) -> Sequence[Any]:
    return await database.read(lambda one: one.execute(text(statement), values).all())


async def plan(database: Database, statement: str, **values: Any) -> str:
    """What the server would do, with the partitions that it opens."""
    found = await rows(database, f"EXPLAIN (ANALYZE, COSTS OFF) {statement}", **values)
    return "\n".join(row[0] for row in found)


def opened(told: str, parted: str) -> set[str]:
    """The partitions that a plan has run, not those that it left out at its start."""
    lines = [line for line in told.splitlines() if "never executed" not in line]
    words = {word.strip("()") for line in lines for word in line.split()}
    return {word for word in words if word.startswith(f"{parted}_") and "pkey" not in word}


def test_a_month_is_a_range_of_ids() -> None:
    month = Month.parsed("2026-12")
    assert (str(month), month.label) == ("2026-12", "2612")
    assert month.plus(1) == Month(2027, 1)
    assert Month(2027, 1).plus(-13) == Month(2025, 12)
    assert Month.of_ticket(month.first_id) == month
    assert Month.of_ticket(month.first_id - 1) == Month(2026, 11)
    assert [one.number for one in Month(2026, 11).to(Month(2027, 1))] == [11, 12, 1]


@ON_SERVER
async def test_a_new_store_has_this_month_and_the_next_three(database: Database) -> None:
    for one in PARTED:
        there = await database.read(lambda c, n=one.name: partitions_of(c, n))  # type: ignore[misc]  # a lambda's default
        assert [part.name.removeprefix(f"{one.name}_") for part in there] == [
            "2611", "2612", "2701", "2702", "default",
        ]  # fmt: skip
    assert await ensure_ahead(database, NOW) == []
    stand = await look(database)
    assert (stand.whole, stand.stray, stand.ahead) == ((), {}, Month(2027, 2))


@ON_SERVER
async def test_months_behind_are_made_when_they_are_asked_for(database: Database) -> None:
    made = await ensure_months(
        database, datetime(2025, 12, 31, 23, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    )
    assert len(made) == 3 * len(PARTED)
    assert {"events_2512", "ticket_words_2601", "registrations_2602"} <= set(made)
    assert await ensure_months(database, datetime(2026, 1, 5, tzinfo=UTC), NOW) == [
        f"{one.name}_26{month:02d}" for month in range(3, 11) for one in PARTED
    ]


@ON_SERVER
async def test_two_that_make_months_at_once_make_each_once(url: str, database: Database) -> None:
    other = connect(url)
    span = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    made = await asyncio.gather(ensure_months(database, *span), ensure_months(other, *span))
    await other.close()
    assert sorted(made[0] + made[1]) == sorted(set(made[0] + made[1]))
    assert len(made[0] + made[1]) == 4 * len(PARTED)


@ON_SERVER
async def test_rows_without_a_month_are_kept_named_and_moved(database: Database) -> None:
    ids = [first_id_at(datetime(2025, month, 3, tzinfo=UTC)) for month in (3, 3, 7)]
    ids[1] += 1
    for one in ids:
        await database.write(
            lambda c, k=one: c.execute(text("INSERT INTO ticket_texts VALUES (:k, 'x')"), {"k": k})  # type: ignore[misc]  # a lambda's default
        )
    assert (await look(database)).stray == {"ticket_texts": 3}
    made = await place_strays(database)
    assert {"ticket_texts_2503", "ticket_texts_2507"} <= set(made)
    assert (await look(database)).stray == {}
    assert [row[0] for row in await rows(database, "SELECT ticket_id FROM ticket_texts_2503")] == (
        ids[:2]
    )
    assert len(await rows(database, "SELECT 1 FROM ticket_texts")) == 3
    assert await place_strays(database) == []


@ON_SERVER
async def test_a_failure_between_moving_and_attaching_leaves_the_rows_where_they_were(
    database: Database,
) -> None:
    key = first_id_at(datetime(2025, 3, 3, tzinfo=UTC))
    insert = text("INSERT INTO ticket_texts VALUES (:k, 'x')")
    await database.write(lambda one: one.execute(insert, {"k": key}))
    await database.write(lambda one: one.execute(text("CREATE VIEW ticket_texts_2503 AS SELECT 1")))
    with pytest.raises(DBAPIError):
        await place_strays(database)
    assert (await look(database)).stray == {"ticket_texts": 1}


@ON_SERVER
async def test_the_word_index_of_a_month_is_made_as_the_first_one_was(database: Database) -> None:
    options = await rows(
        database,
        "SELECT reloptions FROM pg_class JOIN pg_index ON oid = indexrelid"
        " WHERE indrelid = 'ticket_words_2612'::regclass AND NOT indisunique",
    )
    assert options == [(["gin_pending_list_limit=512"],)]


async def two_years(database: Database) -> None:
    """24 months with 300 tickets each, 3,000 events and bodies, and their statistics."""
    first, last = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    await ensure_months(database, first, last)

    def fill(connection: Any) -> None:
        for month in Month.of(first).to(Month.of(last)):
            for statement in FILL:
                connection.execute(text(statement), {"low": month.first_id})
        for one in (*WHOLE, "ticket_rows"):
            connection.execute(text(f"ANALYZE {one}"))

    await database.write(fill)


ID = "CAST(:low AS bigint) + n * 4096"
FILL = (
    "INSERT INTO ticket_rows (ticket_id, version, clock_version, state, matter_kind, urgency,"  # noqa: S608  all of it is ours
    " source, title, departments, cards, received_at, updated_at, due_at, warn_at)"
    f" SELECT {ID}, 1, 1, 'closed', '', '', '', '', '', '', 0, 0, 0, 0"
    " FROM generate_series(1, 300) n",
    f"INSERT INTO ticket_words SELECT {ID}, array_to_tsvector(ARRAY['路灯', 'w' || n])"  # noqa: S608  as above
    " FROM generate_series(1, 300) n",
    f"INSERT INTO ticket_texts SELECT {ID}, 'x' FROM generate_series(1, 300) n",  # noqa: S608  as above
    f"INSERT INTO events SELECT (({ID}) << 10) | 1, 0, '\\x00', '', 'x', '{{}}'"  # noqa: S608  as above
    " FROM generate_series(1, 3000) n",
    f"INSERT INTO registrations SELECT (({ID}) << 10) | 1, '{{}}'"  # noqa: S608  as above
    " FROM generate_series(1, 3000) n",
)


@ON_SERVER
async def test_questions_open_only_the_months_that_they_are_about(database: Database) -> None:
    await two_years(database)
    june = Month(2026, 6)
    told = await plan(
        database,
        "SELECT ticket_id FROM (SELECT ticket_id FROM ticket_words WHERE words @@ CAST('w7' AS"
        " tsquery) AND ticket_id >= :low AND ticket_id < :high OFFSET 0) h ORDER BY 1 DESC LIMIT 9",
        low=june.first_id, high=june.plus(1).first_id,
    )  # fmt: skip
    months = {one.removesuffix("_words_idx") for one in opened(told, "ticket_words")}
    assert months == {"ticket_words_2606"}
    key = june.first_id + 4096
    told = await plan(database, "SELECT text FROM ticket_texts WHERE ticket_id = :key", key=key)
    assert opened(told, "ticket_texts") == {"ticket_texts_2606"}
    first = key << SEQUENCE_BITS
    between = "SELECT * FROM events WHERE event_id BETWEEN :first AND :last ORDER BY event_id"
    told = await plan(database, between, first=first, last=first | 1023)
    assert opened(told, "events") == {"events_2606"}
    assert "Seq Scan" not in told


@ON_SERVER
@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_joins_on_the_key_prune_at_execution(database: Database, mode: str) -> None:
    """Writers send rows as arrays: each key is looked up in its month alone."""
    await two_years(database)
    keys = [(Month(2026, month).first_id + 4096 * 5) << 10 | 1 for month in (3, 9)]

    def work(connection: Any) -> str:
        connection.execute(text(f"SET plan_cache_mode = {mode}"))
        connection.execute(
            text(
                "PREPARE change (bigint[], text[]) AS UPDATE registrations r SET body = given.body"
                " FROM unnest($1, $2) AS given (event_id, body) WHERE r.event_id = given.event_id"
            )
        )
        found = connection.execute(
            text(
                "EXPLAIN (ANALYZE, COSTS OFF) EXECUTE change"
                f" (ARRAY[{keys[0]}, {keys[1]}], ARRAY['a', 'b'])"
            )
        ).all()
        return "\n".join(row[0] for row in found)

    told = await database.write(work)
    assert "Nested Loop" in told
    scanned = {
        line.split(" on ")[1].split()[0]
        for line in told.splitlines()
        if " Scan " in line and " on registrations_" in line and "never executed" not in line
    }
    assert scanned == {"registrations_2603", "registrations_2609"}, told
    bodies = await rows(database, "SELECT body FROM registrations WHERE body IN ('a', 'b')")
    assert len(bodies) == 2


@ON_SERVER
async def test_arrays_are_inserted_into_their_months(database: Database) -> None:
    await ensure_months(database, datetime(2026, 9, 1, tzinfo=UTC), NOW)
    keys = [Month(2026, month).first_id << 10 | 1 for month in (9, 12)]
    insert = text(
        "INSERT INTO supplements (event_id, body)"
        " SELECT * FROM unnest(CAST(:keys AS bigint[]), CAST(:bodies AS text[]))"
        " ON CONFLICT (event_id) DO UPDATE SET body = excluded.body"
    )
    for bodies in (["a", "b"], ["c", "d"]):
        values = {"keys": keys, "bodies": bodies}
        await database.write(lambda one, v=values: one.execute(insert, v))  # type: ignore[misc]  # a lambda's default
    assert await rows(database, "SELECT body FROM supplements_2609") == [("c",)]
    assert await rows(database, "SELECT body FROM supplements_2612") == [("d",)]


@ON_SERVER
async def test_words_are_found_newest_first_over_all_months(database: Database) -> None:
    await two_years(database)
    high = 1 << 62

    def find(word: str, low: int, end: int, limit: int) -> Any:
        return lambda one: list(find_words(one, parsed(word), low, end, limit))

    everything = await database.read(find("路灯", 0, high, 10_000))
    assert everything == sorted(everything, reverse=True)
    assert len(everything) == 24 * 300
    assert await database.read(find("路灯", 0, high, 700)) == everything[:700]
    assert len(await database.read(find("w7", 0, high, 100))) == 24
    low, end = Month(2025, 4).first_id, Month(2025, 9).first_id
    assert await database.read(find("w7", low, end, 3)) == [
        Month(2025, number).first_id + 7 * 4096 for number in (8, 7, 6)
    ]


class Answers:
    """Counts what was answered, and lets others wait for a number of it."""

    def __init__(self) -> None:
        self.count = 0
        self._more = asyncio.Condition()

    async def add(self) -> None:
        async with self._more:
            self.count += 1
            self._more.notify_all()

    async def reach(self, count: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self.count >= count)


async def work(store: Store, answers: Answers, stop: asyncio.Event) -> int:
    """Commands one after the other until told to stop; how many."""
    count = 0
    while not stop.is_set():
        ticket_id = store.ids.next()
        for one in (
            register(ticket_id, f"N{ticket_id}"),
            command(Action.SUPPLEMENT, cases.OPERATOR, ticket_id, text="路灯不亮"),
        ):
            await store.desk.execute(one)
            await answers.add()
            count += 1
    return count


@ON_SERVER
async def test_a_store_in_use_is_partitioned_without_loss(
    url: str, database: Database, tmp_path: Path
) -> None:
    await made_whole(database)
    clock = Clock(NOW)
    stores = [await store_on(url, clock, tmp_path / str(n), n) for n in range(2)]
    stop, answers = asyncio.Event(), Answers()
    load = [asyncio.create_task(work(one, answers, stop)) for one in stores for _ in range(4)]
    await answers.reach(100)
    made = await partition(database, NOW)
    await answers.reach(answers.count + 100)
    stop.set()
    counts = await asyncio.gather(*load)
    assert set(WHOLE) <= set(made)
    for one in PARTED:
        assert await database.read(lambda c, n=one.name: is_partitioned(c, n)), one.name  # type: ignore[misc]  # a lambda's default
    report = await stores[0].audit.verify()
    assert (report.ok, report.rows) == (True, sum(counts)), report
    events = await rows(database, "SELECT count(*) FROM events")
    assert events == [(report.rows + sum(counts) // 2,)]  # registered, accepted, supplemented
    assert (await look(database)).stray == {}
    for store in stores:
        await store.close()


@ON_SERVER
async def test_what_was_there_is_the_first_partition_and_the_next_months_follow(
    url: str, database: Database, tmp_path: Path
) -> None:
    store = await store_on(url, Clock(NOW), tmp_path)
    await store.desk.execute(register(store.ids.next(), "N1"))
    await made_whole(database)
    await partition(database, NOW)
    there = await database.read(lambda one: partitions_of(one, "events"))
    assert [one.name for one in there] == [
        "events_before", "events_2701", "events_2702", "events_default",
    ]  # fmt: skip
    assert there[0].high == Month(2027, 1).first_id << 10
    # the next month begins too soon: a clock that runs ahead would be refused by the CHECK
    left = await rows(database, "SELECT conname FROM pg_constraint WHERE conname LIKE 'ck_%months'")
    assert left == []
    assert (await store.audit.verify()).ok
    await store.close()


@ON_SERVER
@pytest.mark.parametrize("statements", range(2, 60, 8))
async def test_killed_at_any_statement_it_goes_on_when_called_again(
    url: str, database: Database, tmp_path: Path, statements: int
) -> None:
    """The session is ended by the server, as a kill of the process ends it."""
    store = await store_on(url, Clock(NOW), tmp_path)
    await store.desk.execute(register(store.ids.next(), "N1"))
    await made_whole(database)
    victim = connect(url)
    left = statements

    def counted(work: Any) -> Any:
        def run(connection: Any) -> Any:
            execute = connection.execute

            def one(*given: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
                return execute(*given)

            connection.execute = one
            return work(connection)

        return run

    class Dying:
        dialect = victim.dialect

        async def read(self, work: Any) -> Any:
            return await victim.read(work)

        async def write(self, work: Any) -> Any:
            if left <= 0:  # nothing is mended by a process that is dead
                raise OSError
            return await victim.write(counted(work))

    with pytest.raises(KeyboardInterrupt):
        await partition(Dying(), NOW)  # type: ignore[arg-type]  # a database that dies
    await victim.close()
    await store.desk.execute(register(store.ids.next(), "N2"))
    await partition(database, NOW)
    await store.desk.execute(register(store.ids.next(), "N3"))
    report = await store.audit.verify()
    assert (report.ok, report.rows) == (True, 3)
    assert await look(database) == Strayed((), {}, Month(2027, 2))
    await store.close()


@ON_SERVER
async def test_a_conversion_that_cannot_go_on_leaves_no_bound_behind(
    url: str, database: Database, tmp_path: Path
) -> None:
    """A CHECK that stays would refuse every new ticket once its month is over."""
    store = await store_on(url, Clock(NOW), tmp_path)
    await store.desk.execute(register(store.ids.next(), "N1"))
    await made_whole(database)
    await database.write(lambda one: one.execute(text("CREATE TABLE events_before (x int)")))
    with pytest.raises(DBAPIError):
        await partition(database, NOW)
    left = await rows(database, "SELECT conname FROM pg_constraint WHERE conname LIKE 'ck_%months'")
    assert left == []
    await store.close()


async def test_on_sqlite_there_is_nothing_to_do(store_file: Path) -> None:
    await migrate(url_of(store_file), NOW)
    database = connect(url_of(store_file))
    assert await partition(database, NOW) == []
    assert await ensure_months(database, NOW - timedelta(days=400), NOW) == []
    assert json.dumps((await look(database)).stray) == "{}"
    await database.close()
