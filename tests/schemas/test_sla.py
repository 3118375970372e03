"""Which limit applies, the arithmetic that is kept, and the table in the docs."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.card_policy import CardPolicy, CardReason
from schemas.default_limits import DEFAULT_LIMITS, MARKET, limits_table
from schemas.matter import MatterKind, Urgency
from schemas.sla import Arithmetic, Facts, LimitRule, Step, limit_for, reckon
from schemas.working_time import Limit, LimitUnit, Pause, count
from tests.schemas.hub_time import at, calendar

DOC = Path(__file__).parents[2] / "docs" / "time-limits.md"


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
    counted = count(kept.start, kept.limit, calendar(), kept.pauses, kept.extensions)
    assert counted.due == chosen.due
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


# --- the document


def test_the_document_shows_the_rows_as_they_are() -> None:
    assert limits_table() in DOC.read_text(encoding="utf-8")


def test_the_document_names_every_step_reason_and_unit() -> None:
    text = DOC.read_text(encoding="utf-8")
    for name in (*Step, *CardReason, *LimitUnit, *CardPolicy.model_fields):
        assert f"`{name}`" in text
