"""Deadlines: published vectors, pauses over make-up days, years without a notice, properties."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.calendar_year import CalendarYear
from schemas.remaining import remaining, remaining_text, working_days_over
from schemas.working_time import (
    HUB_ZONE,
    CalendarEnds,
    Deadline,
    Limit,
    LimitUnit,
    Pause,
    WorkingCalendar,
    count,
    due,
    due_with_pauses,
    moved,
    recounted,
)
from ticket_store.calendar_seed import seed_years


@cache
def calendar() -> WorkingCalendar:
    return WorkingCalendar.of(seed_years())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HUB_ZONE)


NOTICE_2027 = CalendarYear(
    year=2027,
    source="constructed for this test",
    days_off=frozenset({date(2027, 1, 1), date(2027, 2, 8)}),
    days_worked=frozenset({date(2027, 1, 3)}),
)


# --- the vectors and the day limit's edges


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


# --- hours


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


# --- years without a notice


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


def test_an_imported_notice_moves_flagged_deadlines_and_says_which() -> None:
    after = calendar().with_year(NOTICE_2027)
    deadlines = [
        Deadline("moves", at("2026-12-31T10:00"), Limit.working_days(1)),
        Deadline("stays", at("2026-12-25T10:00"), Limit.working_days(2)),
        Deadline("loses only its flag", at("2026-12-31T10:00"), Limit.working_days(2)),
        Deadline("hours", at("2026-12-31T23:00"), Limit.hours(24)),
    ]
    changes = recounted(calendar(), after, deadlines)
    assert [(one.key, one.moves) for one in changes] == [
        ("moves", True),
        ("loses only its flag", False),
    ]
    assert all(one.before.provisional and not one.after.provisional for one in changes)
    only = moved(calendar(), after, deadlines)
    assert [(one.key, one.before.due_on, one.after.due_on) for one in only] == [
        ("moves", date(2027, 1, 1), date(2027, 1, 3))
    ]


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


# --- refusals


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


# --- pauses


def pause(suspended: str, resumed: str) -> Pause:
    return Pause(suspended_at=at(suspended), resumed_at=at(resumed))


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


# --- remaining


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


# --- properties

moments = st.datetimes(
    datetime(2004, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds; the zone is added
    datetime(2028, 12, 31),  # noqa: DTZ001 - as above
    timezones=st.sampled_from([HUB_ZONE, UTC]),
)
limits = st.builds(Limit, unit=st.sampled_from(LimitUnit), amount=st.integers(1, 400))
pauses = st.lists(
    st.tuples(st.integers(-500, 2000), st.integers(0, 1000)), max_size=5
)  # hours after the start, hours long


def _pauses(start: datetime, hours: list[tuple[int, int]]) -> list[Pause]:
    return [
        Pause(
            suspended_at=start + timedelta(hours=first),
            resumed_at=start + timedelta(hours=first + length),
        )
        for first, length in hours
    ]


@given(moments, moments, limits)
def test_a_later_start_never_ends_sooner(one: datetime, other: datetime, limit: Limit) -> None:
    early, late = sorted((one, other))
    assert due(early, limit, calendar()).due_at <= due(late, limit, calendar()).due_at


@given(moments, limits, st.integers(1, 50))
def test_a_longer_limit_ends_later(start: datetime, limit: Limit, more: int) -> None:
    longer = Limit(unit=limit.unit, amount=limit.amount + more)
    assert due(start, limit, calendar()).due_at < due(start, longer, calendar()).due_at


@given(moments, limits)
def test_counted_limits_end_on_open_days_after_the_start(start: datetime, limit: Limit) -> None:
    deadline = due(start, limit, calendar())
    assert deadline.due_at > start
    if limit.unit is not LimitUnit.HOURS:
        assert calendar().is_working_day(deadline.due_on)
    assert deadline.provisional is (
        limit.unit is not LimitUnit.HOURS and deadline.due_on.year > 2026
    )


@given(moments, limits)
def test_nothing_remains_at_the_deadline(start: datetime, limit: Limit) -> None:
    deadline = due(start, limit, calendar())
    left = remaining(deadline.due_at, deadline, calendar())
    assert (left.over, left.seconds) == (False, 0)


@given(moments, st.integers(1, 400))
def test_working_hours_pass_exactly(start: datetime, hours: int) -> None:
    deadline = due(start, Limit.working_hours(hours), calendar())
    assert calendar().working_seconds_between(start, deadline.due_at) == hours * 3600


@given(moments, moments, moments)
def test_working_time_adds_up(one: datetime, two: datetime, three: datetime) -> None:
    between = calendar().working_microseconds
    assert between(one, two) + between(two, three) == between(one, three)


@given(moments, limits, pauses, st.tuples(st.integers(-500, 2000), st.integers(0, 1000)))
def test_a_further_pause_never_shortens(
    start: datetime, limit: Limit, hours: list[tuple[int, int]], further: tuple[int, int]
) -> None:
    before = due_with_pauses(start, limit, _pauses(start, hours), calendar())
    after = due_with_pauses(start, limit, _pauses(start, [*hours, further]), calendar())
    assert due(start, limit, calendar()).due_at <= before.due_at <= after.due_at


@given(moments, limits, pauses)
def test_no_deadline_lies_within_a_pause_that_it_counted(
    start: datetime, limit: Limit, hours: list[tuple[int, int]]
) -> None:
    stops = _pauses(start, hours)
    deadline = due_with_pauses(start, limit, stops, calendar())
    for stop in stops:
        if stop.suspended_at < deadline.due_at:
            assert stop.resumed_at <= deadline.due_at
