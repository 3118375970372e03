"""Years: the versioned rows, boundaries, years without a notice, what an import moves."""

from datetime import date, datetime, timedelta

import pytest

from schemas.calendar_year import CalendarYear
from schemas.working_calendar import HUB_ZONE, WorkingCalendar
from schemas.working_time import Limit, due
from tests.schemas.hub_time import at, calendar
from ticket_store.calendar_seed import seed_years

NOTICE_2027 = CalendarYear(
    year=2027,
    source="constructed for this test",
    days_off=frozenset({date(2027, 1, 1), date(2027, 2, 8)}),
    days_worked=frozenset({date(2027, 1, 3)}),
)


def test_a_count_that_reaches_a_year_without_notice_is_provisional() -> None:
    last_sure = due(at("2026-12-30T10:00"), Limit.working_days(1), calendar())
    assert (last_sure.due_on, last_sure.provisional) == (date(2026, 12, 31), False)
    unsure = due(at("2026-12-30T10:00"), Limit.working_days(2), calendar())
    assert (unsure.due_on, unsure.provisional) == (date(2027, 1, 1), True)


def test_the_day_of_the_start_is_not_looked_at_by_a_day_limit() -> None:
    known = WorkingCalendar({2027: NOTICE_2027})
    start = at("2026-12-31T10:00")
    assert not due(start, Limit.working_days(1), known).provisional
    assert due(start, Limit.working_hours(1), known).provisional


def test_wall_clock_hours_look_at_no_calendar() -> None:
    assert not due(at("2030-01-01T00:00"), Limit.hours(24), calendar()).provisional


@pytest.mark.parametrize("year", range(2004, 2027))
def test_every_year_boundary_counts_through(year: int) -> None:
    start = datetime(year, 12, 28, 9, tzinfo=HUB_ZONE)
    deadline = due(start, Limit.working_days(10), calendar())
    expected, left = start.date(), 10
    while left:
        expected += timedelta(days=1)
        left -= calendar().is_working_day(expected)
    assert deadline.due_on == expected
    assert deadline.provisional is (expected.year > 2026)


def test_a_limit_longer_than_a_year_passes_whole_years() -> None:
    start = at("2024-12-31T12:00")
    both = calendar().working_days_in(2025) + calendar().working_days_in(2026)
    assert due(start, Limit.working_days(both), calendar()).due_on == date(2026, 12, 31)
    assert calendar().working_days_between(date(2024, 12, 31), date(2026, 12, 31)) == both


@pytest.mark.parametrize(
    ("start", "limit", "before", "after"),
    [
        ("2026-12-31T10:00", Limit.working_days(1), date(2027, 1, 1), date(2027, 1, 3)),
        ("2026-12-31T10:00", Limit.working_days(2), date(2027, 1, 4), date(2027, 1, 4)),
    ],
    ids=["moves", "loses only its flag"],
)
def test_an_imported_notice_takes_the_flag_away(
    start: str, limit: Limit, before: date, after: date
) -> None:
    guessed = due(at(start), limit, calendar())
    known = due(at(start), limit, calendar().with_year(NOTICE_2027))
    assert (guessed.due_on, guessed.provisional) == (before, True)
    assert (known.due_on, known.provisional) == (after, False)


@pytest.mark.parametrize(
    ("start", "limit"),
    [("2026-12-25T10:00", Limit.working_days(2)), ("2026-12-31T23:00", Limit.hours(24))],
)
def test_an_imported_notice_leaves_what_does_not_rest_on_its_year(start: str, limit: Limit) -> None:
    known = calendar().with_year(NOTICE_2027)
    assert due(at(start), limit, known) == due(at(start), limit, calendar())


def test_the_highest_version_of_a_year_stands() -> None:
    newer = NOTICE_2027.model_copy(update={"version": 2, "days_off": frozenset()})
    for rows in ([NOTICE_2027, newer], [newer, NOTICE_2027]):
        assert WorkingCalendar.of(rows).year(2027) is newer


def test_a_year_survives_json_and_the_same_year_gives_the_same_text() -> None:
    for year in seed_years():
        text = year.model_dump_json()
        assert CalendarYear.model_validate_json(text) == year
        assert CalendarYear.model_validate_json(text).model_dump_json() == text


@pytest.mark.parametrize(
    ("field", "day"),
    [
        ("days_off", date(2027, 1, 2)),
        ("days_worked", date(2027, 1, 4)),
        ("days_off", date(2026, 12, 31)),
    ],
)
def test_a_day_that_does_not_fit_its_year_is_refused(field: str, day: date) -> None:
    with pytest.raises(ValueError, match=field):
        CalendarYear.model_validate({"year": 2027, "source": "test", field: [day]})


def test_the_hubs_zone_has_no_summer_time_in_the_years_of_the_calendar() -> None:
    offsets = {
        datetime(year, month, 1, tzinfo=HUB_ZONE).utcoffset()
        for year in range(2004, 2100)
        for month in range(1, 13)
    }
    assert offsets == {timedelta(hours=8)}


def test_a_year_under_another_number_and_a_count_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="2027 under 2026"):
        WorkingCalendar({2026: NOTICE_2027})
    with pytest.raises(ValueError, match="the day after is 1"):
        calendar().next_working_day(date(2026, 9, 24), 0)
