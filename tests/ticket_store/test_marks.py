"""Marks and rates: what lists and figures are asked for that no state tells."""

import importlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from schemas.lifecycle import Action
from schemas.ticket import ReminderKind, Source
from tests.schemas import cases
from tests.ticket_store.filled import ALL, ids_of
from tests.ticket_store.hub_case import START, command
from tests.ticket_store.reading_case import DATABASES, ReadingCase, case_on, reading_case
from tests.ticket_store.test_search import plan
from ticket_store.marks import Mark
from ticket_store.personal_keys import PersonalKeys
from ticket_store.rates import Rates, rates_between
from ticket_store.row_queries import RowQueries
from ticket_store.scope import NOTHING, scope_of
from ticket_store.search_models import ticket_rows
from ticket_store.ticket_query import Order, Position, TicketQuery

D1, D2 = cases.handler("d1"), cases.handler("d2")
DAY = timedelta(days=1)


@pytest.fixture(params=DATABASES)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ReadingCase]:
    async with case_on(request.param, tmp_path) as opened:
        yield opened


async def dispatched(case: ReadingCase, source: Source = Source.HOTLINE12345) -> int:
    """To d1."""
    ticket_id = case.ids.next()
    body = cases.registration(source=source)
    await case.desk.execute(
        command(Action.REGISTER, cases.OPERATOR, ticket_id, accept=True, registration=body)
    )
    await case.desk.execute(
        command(Action.DISPATCH, cases.DISPATCHER, ticket_id, departments=("d1",))
    )
    case.clock.advance(1)
    return ticket_id


async def followed_up(
    case: ReadingCase, *, satisfied: bool, resolved: bool, source: Source = Source.HOTLINE12345
) -> int:
    """Mediated on the way."""
    ticket_id = await dispatched(case, source)
    for action, who in (
        (Action.ACKNOWLEDGE, D1),
        (Action.MEDIATE, D1),
        (Action.COMPLETE, D1),
        (Action.PASS_CLOSURE, cases.REVIEWER),
        (Action.REPLY, cases.OPERATOR),
    ):
        await case.desk.execute(command(action, who, ticket_id))
    said = {"satisfied": satisfied, "resolved": resolved, "at": case.clock.now}
    await case.desk.execute(command(Action.FOLLOW_UP, cases.OPERATOR, ticket_id, **said))
    return ticket_id


async def rated(case: ReadingCase, stars: int) -> int:
    """Only those who came by the portal are asked for stars."""
    source = Source.WEB_PORTAL
    ticket_id = await followed_up(case, satisfied=True, resolved=True, source=source)
    await case.desk.execute(command(Action.RATE, cases.CITIZEN, ticket_id, rating=stars))
    return ticket_id


async def marked(case: ReadingCase, mark: Mark, **asked: object) -> list[int]:
    query = TicketQuery.model_validate({"mark": mark, **asked})
    found = await ids_of(case, query)
    assert (await case.reading.search.count(query, ALL)).number == len(found)
    return found


async def test_reminders_are_found_by_kind_until_they_are_answered(case: ReadingCase) -> None:
    by_hand, above, quiet = [await dispatched(case) for _ in range(3)]
    await case.desk.execute(command(Action.REMIND, cases.OPERATOR, by_hand))
    done = await case.desk.execute(
        command(Action.REMIND, cases.PEER, above, reminder=ReminderKind.SUPERIOR)
    )
    assert await marked(case, Mark.REMINDED) == [above, by_hand]
    assert await marked(case, Mark.REMINDED_FROM_ABOVE) == [above]
    assert done.ticket is not None
    number = done.ticket.reminders[-1].reminder_no
    await case.desk.execute(
        command(Action.ANSWER_REMINDER, cases.OPERATOR, above, reminder_no=number)
    )
    assert await marked(case, Mark.REMINDED) == [by_hand]
    assert await marked(case, Mark.REMINDED_FROM_ABOVE) == []
    assert quiet not in await marked(case, Mark.REMINDED)


async def test_mediated_and_dissatisfied_outlast_the_end(case: ReadingCase) -> None:
    good = await followed_up(case, satisfied=True, resolved=True)
    bad = await followed_up(case, satisfied=False, resolved=False)
    assert await marked(case, Mark.MEDIATED) == [bad, good]
    assert await marked(case, Mark.EVALUATED) == [bad, good]
    assert await marked(case, Mark.DISSATISFIED) == [bad]
    assert await marked(case, Mark.UNRESOLVED) == [bad]
    poor, fair = await rated(case, 2), await rated(case, 3)
    assert await marked(case, Mark.POORLY_RATED) == [poor]
    assert await marked(case, Mark.EVALUATED) == [fair, poor, bad, good]
    assert await marked(case, Mark.MEDIATED, text="路灯") == [fair, poor, bad, good]
    by_due = TicketQuery(mark=Mark.MEDIATED, order=Order.DUE)
    assert await ids_of(case, by_due) == []  # no clock was wound
    for who, expected in ((D1, [fair, poor, bad, good]), (D2, [])):
        query = TicketQuery(mark=Mark.MEDIATED)
        assert await ids_of(case, query, 1, scope_of(who)) == expected


async def test_rates_count_the_calls_of_a_span_within_the_scope(case: ReadingCase) -> None:
    await followed_up(case, satisfied=True, resolved=True)
    await followed_up(case, satisfied=True, resolved=False)
    case.clock.now = START + DAY
    await followed_up(case, satisfied=False, resolved=False)
    search = case.reading.search
    assert await search.rates(START, START + DAY, ALL) == Rates(2, 2, 1)
    assert await search.rates(START + DAY, START + 2 * DAY, ALL) == Rates(1, 0, 0)
    assert await search.rates(START, START + 2 * DAY, scope_of(D1)) == Rates(3, 2, 1)
    assert await search.rates(START, START + 2 * DAY, scope_of(D2)) == Rates(0, 0, 0)
    assert await search.rates(START, START + 2 * DAY, NOTHING) == Rates(0, 0, 0)
    assert await search.rates(START + 9 * DAY, START + 10 * DAY, ALL) == Rates(0, 0, 0)


async def test_a_call_that_led_to_rework_counts(case: ReadingCase) -> None:
    ticket_id = await dispatched(case)
    for action, who in (
        (Action.ACKNOWLEDGE, D1),
        (Action.COMPLETE, D1),
        (Action.PASS_CLOSURE, cases.REVIEWER),
        (Action.REPLY, cases.OPERATOR),
        (Action.REWORK, cases.OPERATOR),
    ):
        await case.desk.execute(command(action, who, ticket_id))
    assert (await case.reading.search.rates(START, START + DAY, ALL)).calls == 1
    assert await marked(case, Mark.DISSATISFIED) == [ticket_id]


async def test_lists_and_rates_are_driven_by_an_index(case: ReadingCase) -> None:
    keys, query = PersonalKeys(bytes(32)), TicketQuery(mark=Mark.REMINDED)
    for scope in (ALL, scope_of(D1)):
        rows = RowQueries(query, scope, case.clock.now, keys)
        steps = await plan(case, rows.page([ticket_rows.c.title], Position(1 << 50), 50))
        assert "ticket_marks USING PRIMARY KEY" in steps[0], steps
        assert not [one for one in steps if "TEMP B-TREE" in one], steps
        steps = await plan(case, rates_between(START, START + DAY, scope))
        assert "follow_ups USING PRIMARY KEY (at>? AND at<?)" in steps[0], steps


async def test_an_older_store_is_filled_from_heads_and_events(tmp_path: Path) -> None:
    """What the migration reads off the core is what the projection had written."""
    async with reading_case(tmp_path) as case:
        await followed_up(case, satisfied=False, resolved=True)
        await followed_up(case, satisfied=True, resolved=True)
        await rated(case, 1)
        reminded = await dispatched(case)
        await case.desk.execute(
            command(Action.REMIND, cases.PEER, reminded, reminder=ReminderKind.SUPERIOR)
        )
    file = tmp_path / "store.db"
    kept = contents(file)
    assert len(kept[0]) >= 8
    assert len(kept[1]) == 3
    with closing(sqlite3.connect(file)) as older:
        older.executescript("DELETE FROM ticket_marks; DELETE FROM follow_ups")
    filled_by_the_migration(file)
    assert contents(file) == kept


async def test_deadlines_of_an_older_store_are_wound_anew(tmp_path: Path) -> None:
    async with reading_case(tmp_path) as case:
        ticket_id = await dispatched(case)
        await case.reading.clocks.save(ticket_id, 2, [])
    file = tmp_path / "store.db"
    with closing(sqlite3.connect(file)) as older:
        older.executescript("UPDATE ticket_rows SET due_at = 5, clock_version = version")
    filled_by_the_migration(file)
    async with reading_case(tmp_path, fresh=False) as case:
        assert [one for one, _ in await case.reading.clocks.behind(START + DAY, 10)] == [ticket_id]


def filled_by_the_migration(file: Path) -> None:
    """As it fills a store that lacks the tables; later migrations do not matter here."""
    migration = importlib.import_module("ticket_store.migrations.versions.0003_marks")
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        migration.fill(connection)
    engine.dispose()


def contents(file: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    with closing(sqlite3.connect(file)) as store:
        marks = store.execute("SELECT * FROM ticket_marks ORDER BY mark, ticket_id").fetchall()
        return marks, store.execute("SELECT * FROM follow_ups ORDER BY at, event_id").fetchall()
