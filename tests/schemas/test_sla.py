"""Which limit applies, the arithmetic that is kept, warnings, cards, and the table in the docs."""

from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.card_policy import CardColour, CardPolicy, CardReason
from schemas.default_limits import DEFAULT_LIMITS, MARKET, limits_table
from schemas.matter import MatterKind, Urgency
from schemas.sla import Arithmetic, Facts, LimitRule, Step, limit_for, reckon, warn_at
from schemas.working_time import (
    HUB_ZONE,
    Limit,
    LimitUnit,
    Pause,
    WorkingCalendar,
    due,
    due_with_pauses,
)
from ticket_store.calendar_seed import seed_years

DOC = Path(__file__).parents[2] / "docs" / "time-limits.md"


@cache
def calendar() -> WorkingCalendar:
    return WorkingCalendar.of(seed_years())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HUB_ZONE)


def rule(rule_id: str, limit: Limit, **conditions: str) -> LimitRule:
    return LimitRule(
        rule_id=rule_id,
        step=Step.TOTAL,
        limit=limit,
        source_of_rule="constructed for this test",
        assumed=True,
        matter_kind=conditions.get("matter_kind"),
        urgency=conditions.get("urgency"),
        category_code=conditions.get("category_code"),
        source=conditions.get("source"),
    )


def chosen_id(facts: Facts, *rules: LimitRule, start: str = "2026-09-24T10:00") -> str | None:
    chosen = limit_for(Step.TOTAL, facts, rules, at(start), calendar())
    return chosen.rule.rule_id if chosen else None


# --- choosing


@pytest.mark.parametrize(
    ("kind", "urgency", "expected", "rule_id"),
    [
        (MatterKind.INQUIRY, Urgency.NORMAL, "2026-09-29T23:59:59", "total-inquiry"),
        (MatterKind.HELP, Urgency.NORMAL, "2026-10-15T23:59:59", "total-help"),
        (MatterKind.SUGGESTION, Urgency.NORMAL, "2026-10-15T23:59:59", "total-suggestion"),
        (MatterKind.COMPLAINT, Urgency.NORMAL, "2026-10-22T23:59:59", "total-complaint"),
        (MatterKind.TIP_OFF, Urgency.NORMAL, "2026-10-22T23:59:59", "total-tip-off"),
        (MatterKind.HELP, Urgency.URGENT, "2026-09-25T10:00:00", "total-urgent"),
        (MatterKind.COMPLAINT, Urgency.CRITICAL, "2026-09-24T12:00:00", "total-critical"),
    ],
)
def test_default_rows_give_the_published_limits(
    kind: MatterKind, urgency: Urgency, expected: str, rule_id: str
) -> None:
    facts = Facts(matter_kind=kind, urgency=urgency)
    start = at("2026-09-24T10:00")
    chosen = limit_for(Step.TOTAL, facts, DEFAULT_LIMITS, start, calendar())
    assert chosen is not None
    assert (chosen.rule.rule_id, chosen.due.due_at) == (rule_id, at(expected))


@pytest.mark.parametrize("kind", MatterKind)
@pytest.mark.parametrize("urgency", Urgency)
def test_every_step_but_the_departments_own_has_a_limit(kind: MatterKind, urgency: Urgency) -> None:
    facts = Facts(matter_kind=kind, urgency=urgency, source="phone_log")
    start = at("2026-09-24T10:00")
    without = {
        step for step in Step if limit_for(step, facts, DEFAULT_LIMITS, start, calendar()) is None
    }
    assert without == {Step.HANDLE}


def test_acknowledge_and_send_back_are_due_the_working_day_after_dispatch() -> None:
    for step in (Step.ACKNOWLEDGE, Step.SEND_BACK):
        chosen = limit_for(
            step, Facts(urgency="normal"), DEFAULT_LIMITS, at("2026-09-30T15:00"), calendar()
        )
        assert chosen is not None
        assert chosen.due.due_on == date(2026, 10, 8)


def test_the_strictest_wins_and_which_it_is_depends_on_the_day() -> None:
    rules = (rule("days", Limit.working_days(1)), rule("hours", Limit.hours(72)))
    assert chosen_id(Facts(), *rules, start="2026-09-21T10:00") == "days"
    assert chosen_id(Facts(), *rules, start="2026-09-30T10:00") == "hours"  # a long holiday


def test_of_equals_the_one_that_asks_more_then_by_name() -> None:
    plain, other = rule("b", Limit.working_days(2)), rule("a", Limit.working_days(2))
    precise = rule("z", Limit.working_days(2), matter_kind="help")
    assert chosen_id(Facts(matter_kind="help"), plain, precise, other) == "z"
    assert chosen_id(Facts(matter_kind="inquiry"), plain, precise, other) == "a"


def test_unknown_facts_meet_only_rules_that_ask_nothing() -> None:
    asks = [
        rule("kind", Limit.hours(1), matter_kind="help"),
        rule("urgency", Limit.hours(1), urgency="urgent"),
        rule("category", Limit.hours(1), category_code="城乡建设"),
        rule("source", Limit.hours(1), source="provincial"),
    ]
    assert chosen_id(Facts(), *asks) is None
    assert chosen_id(Facts(), *asks, rule("plain", Limit.working_days(9))) == "plain"
    for one, facts in zip(
        asks,
        (
            Facts(matter_kind="help"),
            Facts(urgency="urgent"),
            Facts(category_code="城乡建设"),
            Facts(source="provincial"),
        ),
        strict=True,
    ):
        assert chosen_id(facts, *asks) == one.rule_id


def test_a_category_covers_what_is_below_it_and_not_its_namesakes() -> None:
    market = rule("market", Limit.hours(1), category_code=MARKET)
    assert chosen_id(Facts(category_code=f"{MARKET}/商品质量"), market) == "market"
    assert chosen_id(Facts(category_code=f"{MARKET}局"), market) is None
    assert chosen_id(Facts(category_code="商贸旅游"), market) is None


def test_rows_survive_json_and_refuse_what_they_do_not_know() -> None:
    for row in DEFAULT_LIMITS:
        assert LimitRule.model_validate_json(row.model_dump_json()) == row
    with pytest.raises(ValidationError):
        LimitRule.model_validate({**DEFAULT_LIMITS[0].model_dump(), "colour": "red"})


def test_default_rows_have_ids_of_their_own_and_mark_what_is_ours() -> None:
    ids = [row.rule_id for row in DEFAULT_LIMITS]
    assert len(set(ids)) == len(ids)
    ours = {row.step for row in DEFAULT_LIMITS if row.assumed}
    assert {Step.ACCEPT, Step.DISPATCH, Step.REVIEW, Step.REPLY, Step.FOLLOW_UP} <= ours
    assert all(row.matter_kind in {None, *MatterKind} for row in DEFAULT_LIMITS)
    assert all(row.urgency in {None, *Urgency} for row in DEFAULT_LIMITS)


# --- the arithmetic


def test_the_arithmetic_is_enough_to_count_again() -> None:
    pauses = [Pause(suspended_at=at("2026-09-18T10:00"), resumed_at=at("2026-09-21T15:00"))]
    chosen = limit_for(
        Step.TOTAL,
        Facts(matter_kind="complaint", urgency="normal"),
        DEFAULT_LIMITS,
        at("2026-09-16T10:00"),
        calendar(),
        pauses=pauses,
        extensions=[Limit.working_days(5)],
    )
    assert chosen is not None
    kept = chosen.arithmetic
    assert (kept.rule_id, kept.working_days, kept.paused_days) == ("total-complaint", 20, 2)
    assert kept.due_on == date(2026, 10, 22)
    assert kept.closed_days == 14  # 36 days to 22 October: 20 counted, 2 paused, the rest closed
    assert kept.calendar_versions == {2026: 1}
    assert kept.deadline("ticket").due(calendar()) == chosen.due
    again = Arithmetic.model_validate_json(kept.model_dump_json())
    assert again == kept
    texts = kept.as_texts()
    assert texts["step"] == "total"
    assert texts["working_days"] == "20"
    assert Arithmetic.from_texts(texts) == kept


def test_the_arithmetic_names_the_calendar_it_used() -> None:
    over_the_year = reckon(
        rule("r", Limit.working_days(5)), at("2026-12-30T10:00"), calendar()
    ).arithmetic
    assert over_the_year.calendar_versions == {2026: 1, 2027: 0}
    assert over_the_year.provisional
    by_clock = reckon(rule("r", Limit.hours(24)), at("2026-12-31T10:00"), calendar()).arithmetic
    assert (by_clock.calendar_versions, by_clock.closed_days) == ({}, 0)
    assert not by_clock.provisional


def test_pauses_and_extensions_do_not_change_which_rule_applies() -> None:
    rules = (rule("days", Limit.working_days(2)), rule("hours", Limit.hours(48)))
    stop = Pause(suspended_at=at("2026-09-21T11:00"), resumed_at=at("2026-09-21T16:00"))
    start = at("2026-09-21T10:00")
    plain = limit_for(Step.TOTAL, Facts(), rules, start, calendar())
    paused = limit_for(Step.TOTAL, Facts(), rules, start, calendar(), pauses=[stop] * 2)
    assert plain is not None
    assert paused is not None
    assert plain.rule == paused.rule
    assert paused.arithmetic.passed_over == ("days",)
    assert paused.due.due_at - plain.due.due_at == timedelta(hours=5)


# --- warnings


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


# --- cards and reminders


def test_yellow_for_a_step_red_for_the_whole_way() -> None:
    policy = CardPolicy()
    start = at("2026-09-21T10:00")
    step, total = due(start, Limit.hours(1), calendar()), due(start, Limit.hours(9), calendar())
    warned_from = policy.warning_at(start, step, calendar())

    def verdict(now: str) -> tuple[CardColour, CardReason] | None:
        found = policy.verdict(at(now), warned_from=warned_from, step_due=step, total_due=total)
        return (found.colour, found.reason) if found else None

    assert verdict("2026-09-21T10:47:59") is None
    assert verdict("2026-09-21T10:48") == (CardColour.YELLOW, CardReason.NEAR_EXPIRY)
    assert verdict("2026-09-21T11:00") == (CardColour.YELLOW, CardReason.NEAR_EXPIRY)
    assert verdict("2026-09-21T11:00:01") == (CardColour.YELLOW, CardReason.STEP_OVERDUE)
    assert verdict("2026-09-21T19:00:00") == (CardColour.YELLOW, CardReason.STEP_OVERDUE)
    assert verdict("2026-09-21T19:00:01") == (CardColour.RED, CardReason.TOTAL_OVERDUE)


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


# --- the document


def test_the_document_shows_the_rows_as_they_are() -> None:
    assert limits_table() in DOC.read_text(encoding="utf-8")


def test_the_document_names_every_step_reason_and_unit() -> None:
    text = DOC.read_text(encoding="utf-8")
    for name in (*Step, *CardReason, *LimitUnit, *CardPolicy.model_fields):
        assert f"`{name}`" in text
