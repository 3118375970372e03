"""What holds for any start, limit and pauses, from 2004 to years without a notice."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.remaining import remaining
from schemas.working_calendar import HUB_ZONE
from schemas.working_time import Limit, LimitUnit, Pause, due, due_with_pauses
from tests.schemas.hub_time import calendar

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
