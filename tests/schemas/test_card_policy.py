"""When warnings fire, what is carded in which colour, when reminders go out."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.card_policy import CardColour, CardPolicy, CardReason
from schemas.sla import warn_at
from schemas.working_calendar import HUB_ZONE
from schemas.working_time import Limit, LimitUnit, Pause, due, due_with_pauses
from tests.schemas.hub_time import at, calendar


@pytest.mark.parametrize(
    ("limit", "options", "expected"),
    [
        (Limit.hours(10), {}, "2026-09-21T17:00"),
        (Limit.hours(10), {"hours_before": 1}, "2026-09-21T18:00"),
        (Limit.working_hours(10), {}, "2026-09-21T17:00"),
        (Limit.working_hours(10), {"share": 0.5}, "2026-09-21T14:00"),
        (Limit.working_days(4), {"share": 0.5}, "2026-09-23T13:00"),
        (Limit.working_days(1), {"hours_before": 8}, "2026-09-21T17:00"),
        (Limit.working_hours(1), {"hours_before": 8}, "2026-09-21T09:00"),
    ],
)
def test_a_warning_fires_by_share_or_by_hours_left(
    limit: Limit, options: dict[str, float], expected: str
) -> None:
    start = at("2026-09-21T09:00")
    fires = warn_at(start, due(start, limit, calendar()), calendar(), **options)  # type: ignore[arg-type]  # int and float mixed
    assert fires == at(expected)


def test_paused_time_does_not_count_as_used() -> None:
    start = at("2026-09-21T09:00")
    stop = [Pause(suspended_at=at("2026-09-21T10:00"), resumed_at=at("2026-09-21T20:00"))]
    deadline = due_with_pauses(start, Limit.hours(10), stop, calendar())
    assert deadline.due_at == at("2026-09-22T05:00")
    assert warn_at(start, deadline, calendar(), pauses=stop) == at("2026-09-22T03:00")


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_a_part(share: float) -> None:
    start = at("2026-09-21T09:00")
    with pytest.raises(ValueError, match="share"):
        warn_at(start, due(start, Limit.hours(1), calendar()), calendar(), share)


@given(
    st.datetimes(
        datetime(2004, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds; the zone is added
        datetime(2028, 1, 1),  # noqa: DTZ001 - as above
        timezones=st.just(HUB_ZONE),
    ),
    st.builds(Limit, unit=st.sampled_from(LimitUnit), amount=st.integers(1, 100)),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_warnings_lie_within_the_limit_and_rise_with_the_share(
    start: datetime, limit: Limit, one: float, other: float
) -> None:
    deadline = due(start, limit, calendar())
    early, late = (warn_at(start, deadline, calendar(), share) for share in sorted((one, other)))
    assert start <= early <= late <= deadline.due_at


def test_a_reason_without_a_colour_is_not_carded_and_points_are_settings() -> None:
    policy = CardPolicy.model_validate(
        {"colours": {"total_overdue": "red"}, "points": {"red": 7}, "warn_hours_before": 2}
    )
    assert policy.card(CardReason.STEP_OVERDUE) is None
    card = policy.card(CardReason.TOTAL_OVERDUE)
    assert card is not None
    assert card.points == 7
    start = at("2026-09-21T10:00")
    deadline = due(start, Limit.hours(9), calendar())
    assert policy.warning_at(start, deadline, calendar()) == at("2026-09-21T17:00")
    assert CardPolicy.model_validate_json(policy.model_dump_json()) == policy


def test_defaults_are_not_shared_between_policies() -> None:
    first = CardPolicy()
    first.colours.clear()
    assert CardPolicy().colours[CardReason.TOTAL_OVERDUE] is CardColour.RED


def test_a_reminder_goes_out_the_working_day_after_or_at_once_for_hours() -> None:
    policy = CardPolicy()
    by_days = due(at("2026-09-17T10:00"), Limit.working_days(1), calendar())  # Friday the 18th
    assert policy.reminder_at(by_days, calendar()) == at("2026-09-20T09:00")  # a worked Sunday
    by_hours = due(at("2026-09-17T10:00"), Limit.hours(2), calendar())
    assert policy.reminder_at(by_hours, calendar()) == at("2026-09-17T12:00")


def test_criticism_when_more_than_five_working_days_over_and_reminded() -> None:
    policy = CardPolicy()
    deadline = due(at("2026-09-17T10:00"), Limit.working_days(1), calendar())
    reminded = policy.reminder_at(deadline, calendar())
    # over: 20, 21, 22, 23, 24; the 25th is a holiday; the sixth day is Monday the 28th
    assert policy.criticism_at(deadline, reminded, calendar()) == at("2026-09-28T09:00")
    late = at("2026-09-30T11:00")
    assert policy.criticism_at(deadline, late, calendar()) == at("2026-10-08T09:00")
