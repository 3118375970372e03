"""Clocks that stood for a while, over make-up days too, and extensions."""

from datetime import date

from schemas.working_time import (
    Limit,
    count,
    due,
    due_with_pauses,
)
from tests.schemas.hub_time import at, calendar, pause


def test_a_day_limit_stopped_over_a_make_up_weekend_counts_the_worked_sunday() -> None:
    start, limit = at("2026-09-16T10:00"), Limit.working_days(5)  # 17, 18, 20, 21, 22
    assert due(start, limit, calendar()).due_on == date(2026, 9, 22)
    counted = count(start, limit, calendar(), [pause("2026-09-18T10:00", "2026-09-21T15:00")])
    assert counted.paused_days == 2  # Sunday the 20th and Monday the 21st; Saturday was off
    assert counted.due.due_on == date(2026, 9, 24)  # 22, 23, 24 are left of the five


def test_working_hours_stopped_over_a_make_up_weekend_get_their_opening_time_back() -> None:
    start, limit = at("2026-09-18T09:00"), Limit.working_hours(10)
    stop = [pause("2026-09-18T16:00", "2026-09-21T10:00")]
    counted = count(start, limit, calendar(), stop)
    assert counted.paused_seconds == (1 + 8 + 1) * 3600
    assert counted.due.due_at == at("2026-09-21T13:00")


def test_wall_clock_hours_get_the_paused_time_back() -> None:
    stop = [pause("2026-09-19T01:00", "2026-09-19T01:45")]
    deadline = due_with_pauses(at("2026-09-19T00:00"), Limit.hours(2), stop, calendar())
    assert deadline.due_at == at("2026-09-19T02:45")


def test_a_pause_within_a_day_adds_no_working_day() -> None:
    stop = [pause("2026-09-21T10:00", "2026-09-21T16:00")]
    limit = Limit.working_days(5)
    start = at("2026-09-18T10:00")
    assert due_with_pauses(start, limit, stop, calendar()) == due(start, limit, calendar())


def test_a_pause_after_the_deadline_does_not_revive_it() -> None:
    start = at("2026-09-16T10:00")
    for limit in (Limit.working_days(1), Limit.hours(2), Limit.working_hours(2)):
        late = [pause("2026-09-18T00:00", "2026-09-25T00:00")]
        assert due_with_pauses(start, limit, late, calendar()) == due(start, limit, calendar())


def test_a_day_between_two_pauses_is_added_once_and_overlaps_do_not_add_twice() -> None:
    start, limit = at("2026-09-18T10:00"), Limit.working_days(8)
    two = [
        pause("2026-09-22T14:00", "2026-09-23T10:00"),
        pause("2026-09-21T10:00", "2026-09-22T10:00"),
    ]
    assert count(start, limit, calendar(), two).paused_days == 2
    assert count(start, limit, calendar(), [*two, *two]).paused_days == 2


def test_extensions_count_on_from_the_deadline_in_their_own_unit() -> None:
    start = at("2026-09-24T10:00")
    by_days = due_with_pauses(
        start, Limit.working_days(5), [], calendar(), extensions=[Limit.working_days(3)]
    )
    assert by_days.due_at == due(start, Limit.working_days(8), calendar()).due_at
    mixed = count(start, Limit.hours(24), calendar(), [], [Limit.working_days(1)])
    assert mixed.due.due_on == date(2026, 9, 28)  # the 25th is a holiday, Friday; then Monday
    assert (mixed.working_days, mixed.closed_days) == (1, 3)
