"""Calendar years: seeded once, imported as versions, put in force at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, time
from pathlib import Path

import pytest

from schemas.calendar_year import CalendarYear
from schemas.working_calendar import WorkingCalendar
from tests.postgresql import own_database
from tests.ticket_store.reading_case import DATABASES, ReadingCase, case_on, reading_case
from ticket_store.calendar_seed import seed_years
from ticket_store.calendars import CalendarBook
from ticket_store.migrations import migrate


@pytest.fixture(params=DATABASES)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ReadingCase]:
    async with case_on(request.param, tmp_path) as opened:
        yield opened


def notice(*off: date, source: str = "made up for the test") -> CalendarYear:
    return CalendarYear(year=2027, source=source, days_off=frozenset(off))


async def test_an_empty_table_is_seeded_once(case: ReadingCase) -> None:
    book = case.reading.calendars
    assert await book.years() == seed_years()
    await book.load()
    assert len(await book.versions(2026)) == 1
    calendar = book.calendar()
    assert calendar.working_days_in(2026) == 248
    assert calendar.year(2027).provisional


async def test_an_import_is_the_next_version_and_in_force_at_once(case: ReadingCase) -> None:
    book = case.reading.calendars
    first = await book.import_year(notice(date(2027, 10, 1)), "admin")
    second = await book.import_year(notice(date(2027, 10, 1), date(2027, 10, 4)), "admin")
    assert [first.version, second.version] == [1, 2]
    assert not book.calendar().year(2027).provisional
    assert not book.calendar().is_working_day(date(2027, 10, 4))
    assert await book.versions(2027) == [first, second]
    assert [year for year in await book.years() if year.year == 2027] == [second]
    assert ("admin", "calendar_imported", "2027") in await case.audited()


async def test_the_same_notice_again_changes_nothing(case: ReadingCase) -> None:
    book = case.reading.calendars
    first = await book.import_year(notice(date(2027, 10, 1)), "admin")
    before = await case.audited()
    assert await book.import_year(notice(date(2027, 10, 1)), "admin") == first
    assert await case.audited() == before
    # back to what was before is a new version: what is in force is the newest
    await book.import_year(notice(), "admin")
    again = await book.import_year(notice(date(2027, 10, 1)), "admin")
    assert again.version == 3
    assert not book.calendar().is_working_day(date(2027, 10, 1))


async def test_an_import_elsewhere_is_seen_after_a_load(case: ReadingCase) -> None:
    here = case.reading.calendars
    hours = WorkingCalendar({}, time(8, 30), time(17, 30), (time(12), time(13)))
    elsewhere = CalendarBook(case.database, case.writer, case.clock, hours)
    with pytest.raises(LookupError):
        elsewhere.calendar()
    await elsewhere.import_year(notice(date(2027, 10, 1)), "admin")
    assert elsewhere.calendar().day_seconds == 8 * 3600
    assert here.calendar().year(2027).provisional
    assert not (await here.load()).year(2027).provisional
    assert here.calendar().day_seconds == WorkingCalendar({}).day_seconds


async def test_years_outlive_the_process(tmp_path: Path) -> None:
    async with reading_case(tmp_path) as case:
        await case.reading.calendars.import_year(notice(date(2027, 10, 1)), "admin")
    async with reading_case(tmp_path, fresh=False) as case:
        assert case.reading.calendars.calendar().year(2027).version == 1
        assert len(await case.reading.calendars.versions(2026)) == 1


@pytest.mark.postgresql
async def test_two_processes_open_a_new_store_at_once(tmp_path: Path) -> None:
    async with own_database("calendar_test") as url:
        await migrate(url)

        async def first_years() -> list[CalendarYear]:
            async with reading_case(tmp_path, url=url, fresh=False) as case:
                return await case.reading.calendars.years()

        opened = await asyncio.gather(*(first_years() for _ in range(4)))
        assert opened == [seed_years()] * 4
