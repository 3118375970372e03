"""Deadlines without pauses: published vectors, hours, what is left, what is refused."""

from datetime import UTC, date, datetime, time
from itertools import islice

import pytest

from schemas.remaining import remaining, remaining_text, working_days_over
from schemas.working_calendar import CalendarEnds, WorkingCalendar
from schemas.working_time import Limit, LimitUnit, Pause, due
from tests.schemas.hub_time import at, calendar


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-09-24", 5, "2026-10-09"),
        ("2026-02-13", 5, "2026-02-27"),
        ("2026-02-13", 15, "2026-03-12"),
        ("2025-09-26", 5, "2025-10-10"),
    ],
)
@pytest.mark.parametrize("hour", ["00:00:00", "10:30:00", "23:59:59.999999"])
def test_published_vectors_hold_at_any_hour(
    start: str, days: int, expected: str, hour: str
) -> None:
    deadline = due(at(f"{start}T{hour}"), Limit.working_days(days), calendar())
    assert deadline.due_on.isoformat() == expected
    assert deadline.due_at == at(f"{expected}T23:59:59")
    assert not deadline.provisional


def test_2026_has_248_working_days() -> None:
    assert calendar().working_days_in(2026) == 248


def test_the_day_of_the_start_is_the_hubs_not_the_senders() -> None:
    late_in_utc = datetime(2026, 9, 23, 17, tzinfo=UTC)  # 01:00 on the 24th in the hub's zone
    assert due(late_in_utc, Limit.working_days(5), calendar()).due_on == date(2026, 10, 9)


def test_a_worked_sunday_is_the_first_day_of_a_limit_begun_on_friday() -> None:
    start = at("2026-09-18T16:00")
    assert due(start, Limit.working_days(1), calendar()).due_on == date(2026, 9, 20)


def test_in_time_is_up_to_the_last_second_and_over_from_midnight() -> None:
    deadline = due(at("2026-09-24T10:00"), Limit.working_days(5), calendar())
    assert not deadline.is_over(at("2026-10-09T23:59:59.999999"))
    assert deadline.is_over(at("2026-10-10T00:00:00"))


@pytest.mark.parametrize(
    ("start", "limit", "expected"),
    [
        ("2026-10-01T23:30", Limit.hours(2), "2026-10-02T01:30"),
        ("2026-09-30T16:00", Limit.working_hours(2), "2026-10-08T10:00"),
        ("2026-09-30T16:00", Limit.working_hours(1), "2026-09-30T17:00"),
        ("2026-09-19T12:00", Limit.working_hours(3), "2026-09-20T12:00"),
        ("2026-10-10T15:00", Limit.working_hours(18), "2026-10-13T17:00"),
        ("2026-09-21T06:00", Limit.working_hours(8), "2026-09-21T17:00"),
        ("2026-09-21T20:00", Limit.working_hours(16), "2026-09-23T17:00"),
    ],
)
def test_hours_count_at_once(start: str, limit: Limit, expected: str) -> None:
    assert due(at(start), limit, calendar()).due_at == at(expected)


def test_a_lunch_break_does_not_count() -> None:
    with_lunch = WorkingCalendar(calendar().years, lunch=(time(12), time(13)))
    assert with_lunch.day_seconds == 7 * 3600
    start = at("2026-09-21T11:30")
    assert due(start, Limit.working_hours(1), with_lunch).due_at == at("2026-09-21T13:30")
    assert with_lunch.working_seconds_between(start, at("2026-09-21T12:40")) == 1800
    spans = list(islice(with_lunch.open_spans(at("2026-09-18T12:30")), 3))
    assert spans == [
        (at("2026-09-18T13:00"), at("2026-09-18T17:00")),
        (at("2026-09-20T09:00"), at("2026-09-20T12:00")),
        (at("2026-09-20T13:00"), at("2026-09-20T17:00")),
    ]


def test_working_seconds_are_signed_and_skip_nights() -> None:
    evening, morning = at("2026-09-18T16:00"), at("2026-09-20T10:00")
    assert calendar().working_seconds_between(evening, morning) == 2 * 3600
    assert calendar().working_seconds_between(morning, evening) == -2 * 3600


@pytest.mark.parametrize(
    "hours",
    [
        {"opens": time(17), "closes": time(9)},
        {"lunch": (time(8), time(10))},
        {"closes": time(23, 59, 59, 1)},
    ],
)
def test_impossible_opening_hours_are_refused(hours: dict[str, time]) -> None:
    with pytest.raises(ValueError, match="opening hours"):
        WorkingCalendar({}, **hours)  # type: ignore[arg-type]  # mixed values, on purpose


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ("2026-09-24T15:00", "余 5 天 2 时"),
        ("2026-10-08T09:00", "余 2 天"),
        ("2026-10-09T13:40", "余 3 时 20 分"),
        ("2026-10-09T16:59:59", "今日到期"),
        ("2026-10-09T20:00", "今日到期"),
        ("2026-10-10T08:00", "已超期"),
        ("2026-10-10T11:00", "超 2 时"),
        ("2026-10-13T09:00", "超 2 天"),
    ],
)
def test_what_is_left_of_a_day_limit_is_said_in_working_days(now: str, text: str) -> None:
    deadline = due(at("2026-09-24T10:00"), Limit.working_days(5), calendar())
    assert remaining_text(remaining(at(now), deadline, calendar())) == text


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ("2026-09-25T22:00", "余 2 时"),
        ("2026-09-25T23:59:30", "余不足 1 分"),
        ("2026-09-26T00:00:30", "超不足 1 分"),
        ("2026-09-27T01:05", "超 25 时 5 分"),
    ],
)
def test_what_is_left_of_wall_clock_hours_runs_at_night(now: str, text: str) -> None:
    deadline = due(at("2026-09-25T00:00"), Limit.hours(24), calendar())
    assert remaining_text(remaining(at(now), deadline, calendar())) == text


def test_working_days_over_begin_on_the_next_working_day() -> None:
    deadline = due(at("2026-09-18T10:00"), Limit.working_days(1), calendar())  # Sunday, worked
    nows = ["2026-09-20T23:00", "2026-09-21T00:00", "2026-09-25T12:00", "2026-09-28T08:00"]
    assert [working_days_over(at(now), deadline, calendar()) for now in nows] == [0, 1, 4, 5]


def test_naive_times_are_refused() -> None:
    naive = datetime(2026, 9, 24, 10)  # noqa: DTZ001 - this is what must be refused
    deadline = due(at("2026-09-24T10:00"), Limit.hours(2), calendar())
    for call in (
        lambda: due(naive, Limit.working_days(1), calendar()),
        lambda: calendar().working_seconds_between(naive, at("2026-09-24T11:00")),
        lambda: next(calendar().open_spans(naive)),
        lambda: deadline.is_over(naive),
        lambda: Pause(suspended_at=naive, resumed_at=naive),
    ):
        with pytest.raises(ValueError, match=r"zone|timezone"):
            call()


@pytest.mark.parametrize("unit", LimitUnit)
def test_a_count_past_the_last_year_says_so(unit: LimitUnit) -> None:
    with pytest.raises(CalendarEnds):
        due(at("9999-12-31T12:00"), Limit(unit=unit, amount=100), calendar())


@pytest.mark.parametrize("amount", [0, -1, 100_001])
def test_a_limit_of_nothing_or_of_centuries_is_refused(amount: int) -> None:
    with pytest.raises(ValueError, match="amount"):
        Limit.working_days(amount)
