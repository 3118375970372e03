"""`sutong calendar`: the table, and a notice that moves the deadlines which rested on a guess."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.calendar import clock_policy, keep_fresh
from hub.limits import limits_of
from hub.settings import Settings, load
from hub.stored import stored
from schemas.clocks import Clock
from schemas.ids import ticket_no
from schemas.lifecycle import Action
from schemas.parties import Role
from schemas.sla import Step
from schemas.winding import rebuild
from schemas.working_calendar import HUB_ZONE
from tests.hub.commands import sutong
from tests.schemas.cases import DISPATCHER, OPERATOR, actor, command, handler, registration
from ticket_store.calendar_seed import notice_from_file
from ticket_store.migrations import migrate
from ticket_store.scope import scope_of
from ticket_store.store import Store
from ticket_store.ticket_query import TicketQuery

# without a notice 2027-01-01, a Friday, counts as worked
NOTICE = """
year = 2027
source = "国办发明电〔2026〕测试号"
days_off = ["2027-01-01", "2027-02-05..2027-02-12"]
days_worked = ["2027-02-14"]
"""
LATE_DECEMBER = datetime(2026, 12, 31, 2, 0, tzinfo=UTC)
EARLY = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
LATE_ID, EARLY_ID = 1 << 40, 2 << 40


async def take_in(store: Store, settings: Settings, ticket_id: int, at: datetime) -> None:
    """A ticket, and its clocks as the worker winds them on the calendar in force."""
    written = registration().model_copy(
        update={"received_at": at, "source_ticket_no": str(ticket_id)}
    )
    steps = (
        command(Action.REGISTER, OPERATOR, ticket_id=ticket_id, at=at, registration=written),
        command(Action.ACCEPT, OPERATOR, ticket_id=ticket_id, at=at),
        command(Action.DISPATCH, DISPATCHER, ticket_id=ticket_id, at=at),
        command(Action.ACKNOWLEDGE, handler(), ticket_id=ticket_id, at=at),
    )
    for asked in steps:
        await store.desk.execute(asked)
    await wind(store, settings, ticket_id)


async def wind(store: Store, settings: Settings, ticket_id: int) -> None:
    policy = clock_policy(settings, limits_of(None), store.calendars.calendar())
    sheet = rebuild(await store.tickets.history(ticket_id), policy)
    assert sheet is not None
    assert await store.clocks.save(ticket_id, sheet.version, sheet.clocks)


async def prepared() -> None:
    settings = load()
    async with stored(settings, migrating=True) as store:
        await take_in(store, settings, LATE_ID, LATE_DECEMBER)
        await take_in(store, settings, EARLY_ID, EARLY)


async def total(ticket_id: int) -> Clock:
    async with stored(load()) as store:
        clocks = (await store.clocks.of([ticket_id]))[ticket_id]
        [one] = [clock for clock in clocks if clock.step is Step.TOTAL]
        return one


async def listed_due(ticket_id: int) -> datetime | None:
    """What lists, pages and the API read."""
    async with stored(load()) as store:
        found = await store.search.find(TicketQuery(), scope_of(actor(Role.LEADER)))
        [row] = [row for row in found.rows if row.ticket_id == ticket_id]
        return row.due_at


@pytest.fixture
def notice(tmp_path: Path) -> Path:
    file = tmp_path / "2027.toml"
    file.write_text(NOTICE)
    return file


@pytest.mark.usefixtures("home")
def test_an_imported_notice_moves_the_flagged_deadlines_and_says_which(notice: Path) -> None:
    asyncio.run(prepared())
    before, settled = asyncio.run(total(LATE_ID)), asyncio.run(total(EARLY_ID))
    assert before.provisional
    assert not settled.provisional

    ran = sutong("calendar", "import", str(notice), "--json")
    assert ran.code == 0, ran.err
    after = asyncio.run(total(LATE_ID))
    assert after.due_at != before.due_at
    assert not after.provisional
    assert asyncio.run(total(EARLY_ID)) == settled
    assert (ran.json["year"], ran.json["version"]) == (2027, 1)
    assert {move["ticket_no"] for move in ran.json["moved"]} == {ticket_no(LATE_ID)}
    assert {
        "ticket_no": ticket_no(LATE_ID),
        "step": "total",
        "before": before.due_at.isoformat(),
        "after": after.due_at.isoformat(),
    } in ran.json["moved"]

    again = sutong("calendar", "import", str(notice), "--json")
    assert (again.json["version"], again.json["moved"], again.json["confirmed"]) == (1, [], 0)


@pytest.mark.usefixtures("home")
def test_lists_read_the_deadline_of_the_notice(notice: Path) -> None:
    asyncio.run(prepared())
    before = asyncio.run(listed_due(LATE_ID))
    report = sutong("calendar", "import", str(notice), "--json").json
    after = asyncio.run(listed_due(LATE_ID))
    assert before is not None
    assert after is not None
    assert before != after
    assert (before.astimezone(HUB_ZONE).isoformat(), after.astimezone(HUB_ZONE).isoformat()) in {
        (move["before"], move["after"]) for move in report["moved"]
    }


@pytest.mark.usefixtures("home")
async def test_a_worker_counts_again_what_it_wound_before_it_saw_the_notice(notice: Path) -> None:
    settings = load()
    settings.home.mkdir()
    await migrate(settings.database)
    async with stored(settings) as running, stored(settings) as importing:
        await importing.calendars.import_year(notice_from_file(notice), "cli")
        await take_in(running, settings, LATE_ID, LATE_DECEMBER)  # on the calendar it had read
        [wound] = [
            one for one in (await running.clocks.of([LATE_ID]))[LATE_ID] if one.step is Step.TOTAL
        ]
        assert wound.provisional

        def policy() -> object:
            return clock_policy(settings, limits_of(None), running.calendars.calendar())

        fresh = asyncio.create_task(
            keep_fresh(running.calendars, running.clocks, policy, every_seconds=0.01)  # type: ignore[arg-type]  # a closure
        )
        async with asyncio.timeout(30):
            while wound.provisional:
                await asyncio.sleep(0.01)
                held = (await running.clocks.of([LATE_ID]))[LATE_ID]
                [wound] = [one for one in held if one.step is Step.TOTAL]
        fresh.cancel()
        await asyncio.gather(fresh, return_exceptions=True)
    assert wound.due_at - LATE_DECEMBER > timedelta(days=1)


@pytest.mark.usefixtures("store")
def test_list_and_show(notice: Path) -> None:
    years = sutong("calendar", "list", "--json").json["years"]
    assert {"year": 2026, "working_days": 248, "version": 1, "provisional": False}.items() <= (
        next(year for year in years if year["year"] == 2026).items()
    )
    sutong("calendar", "import", str(notice))
    shown = sutong("calendar", "show", "2027", "--json").json
    assert (shown["version"], shown["provisional"]) == (1, False)
    assert shown["days_worked"] == ["2027-02-14"]
    assert "02-14" in sutong("calendar", "show", "2027").out
    assert "provisional" in sutong("calendar", "show", "2028").out


@pytest.mark.usefixtures("home")
def test_a_notice_that_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "2027.json"
    notice = {"year": 2027, "source": "x", "days_off": ["2027-01-32"], "days_worked": []}
    file.write_text(json.dumps(notice))
    ran = sutong("calendar", "import", str(file), "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "2027-01-32" in ran.err
    assert sutong("calendar", "show", "2027", "--json").json["version"] == 0
