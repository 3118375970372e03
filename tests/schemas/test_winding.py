"""Clocks: which event starts, stops, pauses, prolongs and marks which; repeats change nothing."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import events as ev
from schemas.calendar_year import CalendarYear
from schemas.clock_running import ClockPolicy, due_levels, over_at
from schemas.clocks import Clock, ClockState, Level
from schemas.default_limits import DEFAULT_LIMITS
from schemas.errors import CommandRefused
from schemas.evolve import HistoryBroken
from schemas.lifecycle import Action
from schemas.matter import Matter, MatterKind, Urgency
from schemas.parties import Role
from schemas.sla import Arithmetic, LimitRule, Step
from schemas.ticket import DispatchForm, HandlingMode, ReminderKind, Source, State
from schemas.winding import Sheet, rebuild, rewind, wind
from schemas.working_calendar import HUB_ZONE
from schemas.working_time import Limit
from tests.schemas import cases
from tests.schemas.cases import (
    DISPATCHER,
    LEADER,
    OPERATOR,
    REVIEWER,
    SYSTEM,
    TICKET_ID,
    Walk,
    handler,
)
from tests.schemas.hub_time import calendar
from tests.schemas.test_lifecycle_model import draw_command

HANDLE_IN_SEVEN = LimitRule(
    rule_id="handle-all", step=Step.HANDLE, limit=Limit.working_days(7),
    source_of_rule="test", assumed=True,
)  # fmt: skip
POLICY = ClockPolicy((*DEFAULT_LIMITS, HANDLE_IN_SEVEN), calendar())


def recorded(walk: Walk) -> list[ev.Recorded]:
    return [
        ev.Recorded(
            ticket_id=TICKET_ID, sequence=number, at=at, actor=SYSTEM,
            command_id=uuid.UUID(int=number), event=event,
        )
        for number, (at, event) in enumerate(walk.history, start=1)
    ]  # fmt: skip


def sheet_of(walk: Walk, policy: ClockPolicy = POLICY) -> Sheet:
    sheet = rebuild(recorded(walk), policy)
    assert sheet is not None
    return sheet


def running(sheet: Sheet) -> set[tuple[str, str | None]]:
    return {(c.step, c.department) for c in sheet.clocks if c.is_open}


def only(sheet: Sheet, step: Step, department: str | None = None) -> Clock:
    [clock] = [
        c for c in sheet.clocks if c.is_open and c.step is step and c.department == department
    ]
    return clock


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HUB_ZONE)


def all_of_department(department: str = "d1") -> set[tuple[str, str | None]]:
    return {(step, department) for step in (Step.ACKNOWLEDGE, Step.SEND_BACK, Step.HANDLE)}


TOTAL = ("total", None)


@pytest.mark.parametrize(
    ("state", "clocks"),
    [
        (State.DRAFT, set()),
        (State.DISCARDED, set()),
        (State.RECEIVED, {TOTAL, ("accept", None)}),
        (State.ACCEPTED, {TOTAL, ("dispatch", None)}),
        (State.DISPATCHED, {TOTAL, *all_of_department()}),
        (State.ACKNOWLEDGED, {TOTAL, ("send_back", "d1"), ("handle", "d1")}),
        (State.COMPLETED, {TOTAL, ("review", None)}),
        (State.AWAITING_REPLY, {TOTAL, ("reply", None)}),
        (State.AWAITING_FOLLOW_UP, {("follow_up", None)}),
        (State.AWAITING_RATING, {("rating", None)}),
        (State.CLOSED, set()),
        (State.ARCHIVED, set()),
        (State.DECLINED, set()),
        (State.WITHDRAWN, set()),
        (State.MERGED, set()),
        (State.SUSPENDED, {TOTAL, ("send_back", "d1"), ("handle", "d1")}),
    ],
)
def test_each_state_has_its_clocks(state: State, clocks: set[tuple[str, str | None]]) -> None:
    sheet = sheet_of(cases.in_state(state))
    assert running(sheet) == clocks
    paused = {c.state is ClockState.PAUSED for c in sheet.clocks if c.is_open}
    assert paused <= {state is State.SUSPENDED}
    assert set(State) == set(cases._WAYS)


def test_a_direct_answer_is_clocked_as_a_reply() -> None:
    walk = cases.registered(handling_mode=HandlingMode.ANSWER).do(Action.ACCEPT, OPERATOR)
    assert running(sheet_of(walk)) == {TOTAL, ("reply", None)}
    walk.do(Action.ANSWER_DIRECTLY, OPERATOR)
    assert running(sheet_of(walk)) == {("follow_up", None)}


def test_every_department_has_clocks_of_its_own() -> None:
    walk = cases.dispatched(("d1", "d2"), DispatchForm.PARALLEL)
    walk.do(Action.ACKNOWLEDGE, handler("d2"))
    expected = all_of_department("d1") | all_of_department("d2") - {("acknowledge", "d2")}
    assert running(sheet_of(walk)) == {TOTAL} | expected


def test_a_clock_starts_with_its_event_and_its_limit_is_kept() -> None:
    walk = cases.registered().do(Action.ACCEPT, OPERATOR, at=cases.NOW + timedelta(hours=1))
    sheet = sheet_of(walk)
    dispatch = only(sheet, Step.DISPATCH)
    assert dispatch.started_at == cases.NOW + timedelta(hours=1)
    assert dispatch.clock_id == "dispatch.2"
    arithmetic = Arithmetic.from_texts(dispatch.arithmetic)
    assert arithmetic.rule_id == dispatch.rule_id == "dispatch"
    assert dispatch.due_at == on("2026-11-26 23:59:59")
    assert dispatch.next_at == dispatch.warn_at < dispatch.due_at
    assert dispatch.remind_at == on("2026-11-27 09:00")
    [accept] = [c for c in sheet.clocks if c.step is Step.ACCEPT]
    assert (accept.state, accept.stopped_at) == (ClockState.STOPPED, dispatch.started_at)
    assert accept.next_at is None


def registered_at(at: datetime, *, received_at: datetime) -> Walk:
    about = cases.registration().model_copy(update={"received_at": received_at})
    return Walk().do(Action.REGISTER, OPERATOR, registration=about, at=at)


def test_the_whole_way_begins_where_the_matter_was_received() -> None:
    late = registered_at(on("2026-11-26 10:00"), received_at=on("2026-11-25 10:00"))
    assert only(sheet_of(late), Step.TOTAL).started_at == on("2026-11-25 10:00")
    assert only(sheet_of(late), Step.ACCEPT).started_at == on("2026-11-26 10:00")
    fast = registered_at(on("2026-11-26 10:00"), received_at=on("2026-11-27 10:00"))
    assert only(sheet_of(fast), Step.TOTAL).started_at == on("2026-11-26 10:00")


@pytest.mark.parametrize(
    ("action", "who", "changes"),
    [
        (Action.SUPPLEMENT, cases.CITIZEN, {}),
        (Action.NOTE_PEER_UPDATE, cases.PEER, {}),
        (Action.GIVE_FEEDBACK, handler(), {}),
        (Action.MEDIATE, handler(), {}),
        (Action.REMIND, LEADER, {}),
        (Action.NOTE_REFUSAL, SYSTEM, {}),
    ],
)
def test_what_only_touches_a_ticket_restarts_no_clock(
    action: Action, who: Any, changes: dict[str, Any]
) -> None:
    walk = cases.acknowledged()
    before = sheet_of(walk)
    walk.do(action, who, at=cases.NOW + timedelta(days=30), **changes)
    after = sheet_of(walk)
    assert after.ticket.updated_at > before.ticket.updated_at
    assert after.clocks == before.clocks


def test_a_suspension_stops_all_clocks_over_a_make_up_weekend() -> None:
    """5 working days from Wednesday 16 September 2026; Sunday the 20th is worked."""
    rule = HANDLE_IN_SEVEN.model_copy(update={"limit": Limit.working_days(5)})
    policy = ClockPolicy((rule,), calendar())
    walk = cases.registered().do(Action.ACCEPT, OPERATOR)
    walk.history = [(on("2026-09-16 10:00"), event) for _, event in walk.history]
    walk.head = walk.ticket.model_copy(update={"updated_at": on("2026-09-16 10:00")})
    walk.do(Action.DISPATCH, DISPATCHER, at=on("2026-09-16 10:00"))
    assert only(sheet_of(walk, policy), Step.HANDLE, "d1").due_at == on("2026-09-22 23:59:59")
    walk.do(Action.SUSPEND, LEADER, at=on("2026-09-18 10:00"))
    stands = only(sheet_of(walk, policy), Step.HANDLE, "d1")
    assert stands.state is ClockState.PAUSED
    assert stands.next_at is None
    assert due_levels(stands, on("2026-12-31 00:00")) == ()
    walk.do(Action.RESUME, LEADER, at=on("2026-09-21 15:00"))
    goes_on = only(sheet_of(walk, policy), Step.HANDLE, "d1")
    assert goes_on.due_at == on("2026-09-24 23:59:59")
    assert goes_on.clock_id == stands.clock_id
    assert goes_on.state is ClockState.RUNNING


def test_a_granted_extension_moves_handling_and_the_whole_way_of_that_department_only() -> None:
    walk = cases.dispatched(("d1", "d2"), DispatchForm.PARALLEL)
    for department in ("d1", "d2"):
        walk.do(Action.ACKNOWLEDGE, handler(department))
    before = sheet_of(walk)
    walk.do(Action.REQUEST_EXTENSION, handler("d1"))
    asked = sheet_of(walk)
    assert ("extension_review", "d1") in running(asked)
    assert only(asked, Step.HANDLE, "d1").due_at == only(before, Step.HANDLE, "d1").due_at
    walk.do(Action.GRANT_EXTENSION, REVIEWER, review_no=walk.open_review())
    after = sheet_of(walk)
    assert ("extension_review", "d1") not in running(after)
    moved: list[tuple[Step, str | None]] = [(Step.HANDLE, "d1"), (Step.TOTAL, None)]
    for step, department in moved:
        old, new = only(before, step, department), only(after, step, department)
        days = calendar().working_days_between(old.due_at.date(), new.due_at.date())
        assert (days, new.episode) == (3, 1)
    assert only(after, Step.HANDLE, "d2") == only(before, Step.HANDLE, "d2")


def test_a_refused_extension_moves_nothing() -> None:
    walk = cases.acknowledged()
    before = only(sheet_of(walk), Step.HANDLE, "d1")
    walk.do(Action.REQUEST_EXTENSION, handler())
    walk.do(Action.REFUSE_EXTENSION, REVIEWER, review_no=walk.open_review())
    after = sheet_of(walk)
    assert only(after, Step.HANDLE, "d1") == before
    assert ("extension_review", "d1") not in running(after)


def test_the_dispatchers_stricter_limit_wins_and_a_looser_one_does_not() -> None:
    for days, rule in ((2, "dispatch-order"), (30, "handle-all")):
        walk = cases.accepted().do(Action.DISPATCH, DISPATCHER, handle_working_days=days)
        assert only(sheet_of(walk), Step.HANDLE, "d1").rule_id == rule


def test_a_redispatch_starts_the_clocks_of_its_round_anew() -> None:
    walk = cases.acknowledged()
    first = only(sheet_of(walk), Step.HANDLE, "d1")
    walk.do(Action.REDISPATCH, DISPATCHER, departments=("d1",), at=cases.NOW + timedelta(days=1))
    again = only(sheet_of(walk), Step.HANDLE, "d1")
    assert again.clock_id != first.clock_id
    assert again.started_at == cases.NOW + timedelta(days=1)


def test_a_send_back_is_reviewed_and_a_refusal_lets_handling_run_on() -> None:
    walk = cases.dispatched()
    handling = only(sheet_of(walk), Step.HANDLE, "d1")
    walk.do(Action.ASK_SEND_BACK, handler())
    asked = sheet_of(walk)
    assert running(asked) == {TOTAL, ("send_back", "d1"), ("handle", "d1"), ("review", "d1")}
    walk.do(Action.REFUSE_SEND_BACK, REVIEWER, review_no=walk.open_review())
    refused = sheet_of(walk)
    assert running(refused) == {TOTAL, *all_of_department()}
    assert only(refused, Step.HANDLE, "d1") == handling


def test_a_granted_send_back_brings_back_the_dispatch_clock() -> None:
    walk = cases.dispatched().do(Action.ASK_SEND_BACK, handler())
    walk.do(Action.GRANT_SEND_BACK, REVIEWER, review_no=walk.open_review())
    assert running(sheet_of(walk)) == {TOTAL, ("dispatch", None)}


def test_a_returned_closure_and_rework_start_the_departments_clocks_again() -> None:
    walk = cases.completed().do(Action.RETURN_CLOSURE, REVIEWER)
    assert running(sheet_of(walk)) == {TOTAL, *all_of_department()}
    walk = cases.in_state(State.AWAITING_FOLLOW_UP).do(Action.REWORK, OPERATOR)
    assert running(sheet_of(walk)) == {TOTAL, *all_of_department()}


def test_other_facts_choose_another_row_but_the_start_stays() -> None:
    walk = cases.registered()
    before = only(sheet_of(walk), Step.TOTAL)
    urgent = Matter(title="漏气", text="燃气泄漏", kind=MatterKind.HELP, urgency=Urgency.CRITICAL)
    walk.do(Action.AMEND, OPERATOR, matter=urgent, at=cases.NOW + timedelta(hours=1))
    after = only(sheet_of(walk), Step.TOTAL)
    assert (before.rule_id, after.rule_id) == ("total-complaint", "total-critical")
    assert after.started_at == before.started_at
    assert after.clock_id == before.clock_id
    assert after.due_at == cases.NOW + timedelta(hours=2)


def mark(walk: Walk, event: ev.Event, at: datetime) -> Sheet:
    walk.history.append((at, event))
    return sheet_of(walk)


def test_what_fired_is_marked_and_the_next_instant_moves_on() -> None:
    walk = cases.registered()
    clock = only(sheet_of(walk), Step.ACCEPT)
    times = [clock.warn_at, over_at(clock), clock.remind_at]
    assert times == sorted(times)  # type: ignore[type-var]  # every one is set
    assert due_levels(clock, clock.warn_at) == (Level.NEAR,)
    assert due_levels(clock, clock.due_at) == (Level.NEAR,), "in time up to that second"
    assert due_levels(clock, over_at(clock)) == (Level.OVER,), "over is near no more"

    def warning(level: str) -> ev.WarningFired:
        return ev.WarningFired(
            state=State.RECEIVED, clock=clock.clock_id, level=level, arithmetic={}
        )

    near = only(mark(walk, warning("near"), clock.warn_at), Step.ACCEPT)
    assert (near.fired, near.next_at) == ((Level.NEAR,), over_at(clock))
    over = only(mark(walk, warning("over"), over_at(clock)), Step.ACCEPT)
    assert (over.fired, over.next_at) == ((Level.NEAR, Level.OVER), clock.remind_at)
    reminder = ev.ReminderSent(state=State.RECEIVED, reminder=ReminderKind.SYSTEM, text="催")
    assert clock.remind_at is not None
    done = mark(walk, reminder, clock.remind_at)
    assert only(done, Step.ACCEPT).next_at is None
    assert only(done, Step.TOTAL).fired == (), "its reminder was not due yet"


def test_a_reminder_by_a_person_is_not_the_clocks() -> None:
    walk = cases.registered()
    clock = only(sheet_of(walk), Step.ACCEPT)
    manual = ev.ReminderSent(state=State.RECEIVED, reminder=ReminderKind.MANUAL, text="催")
    sheet = mark(walk, manual, on("2027-01-05 12:00"))
    assert only(sheet, Step.ACCEPT) == clock


def test_after_an_extension_near_and_over_may_fire_once_more() -> None:
    walk = cases.acknowledged().do(Action.REQUEST_EXTENSION, handler())
    clock = only(sheet_of(walk), Step.HANDLE, "d1")
    event = ev.WarningFired(
        state=State.ACKNOWLEDGED, clock=clock.clock_id, level="near", arithmetic={}
    )
    assert only(mark(walk, event, clock.warn_at), Step.HANDLE, "d1").fired == (Level.NEAR,)
    granted = ev.ExtensionGranted(
        state=State.ACKNOWLEDGED, department="d1", review_no=4, working_days=3
    )
    fresh = only(mark(walk, granted, clock.warn_at), Step.HANDLE, "d1")
    assert (fresh.fired, fresh.episode) == ((), 1)
    assert fresh.next_at == fresh.warn_at > clock.warn_at


def test_the_send_back_window_and_the_rating_time_warn_nobody() -> None:
    window = only(sheet_of(cases.dispatched()), Step.SEND_BACK, "d1")
    assert window.next_at is None
    rating = only(sheet_of(cases.in_state(State.AWAITING_RATING)), Step.RATING)
    assert rating.next_at == over_at(rating)
    assert due_levels(rating, over_at(rating)) == (Level.OVER,)


def test_a_missing_event_is_noticed() -> None:
    first, _, third = recorded(cases.dispatched())
    with pytest.raises(HistoryBroken):
        wind(wind(None, first, POLICY), third, POLICY)
    with pytest.raises(HistoryBroken):
        wind(None, third, POLICY)


def test_an_imported_notice_moves_provisional_deadlines_and_says_which() -> None:
    walk = registered_at(on("2026-12-25 10:00"), received_at=on("2026-12-25 10:00"))
    sheet = sheet_of(walk)
    total = only(sheet, Step.TOTAL)
    assert total.provisional
    notice = CalendarYear(
        year=2027, source="test", days_off=frozenset({on("2027-01-04 00:00").date()})
    )
    policy = ClockPolicy(POLICY.rules, calendar().with_year(notice))
    [moved] = [one for one in rewind(sheet.clocks, policy) if one.moves]
    assert moved.before == total
    assert (
        calendar().working_days_between(moved.before.due_at.date(), moved.after.due_at.date()) == 1
    )
    assert not moved.after.provisional
    assert rewind([moved.after], policy) == [], "a second time nothing moves"
    supplement = ev.MatterSupplemented(state=State.RECEIVED)
    walk.history.append((on("2026-12-26 10:00"), supplement))
    later = wind(sheet, recorded(walk)[-1], policy)
    assert only(later, Step.TOTAL) == moved.after, "the next event finds the new calendar too"


def walked(data: st.DataObject, length: int) -> Walk:
    walk = Walk()
    first = cases.registration(data.draw(st.sampled_from(Source)))
    walk.do(Action.REGISTER, cases.actor(Role.OPERATOR), registration=first, accept=True)
    for _ in range(length):
        try:
            walk.execute(draw_command(data, walk.ticket))
        except CommandRefused:
            continue
    return walk


def delivered(data: st.DataObject, history: Sequence[ev.Recorded]) -> list[ev.Recorded]:
    """As a stream may deliver: from somewhere on again and again, perhaps with holes."""
    order = list(history)
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(history) - 1))
        order += history[start:]
    holes = data.draw(st.sets(st.integers(0, len(order) - 1), max_size=3))
    return [one for number, one in enumerate(order) if number not in holes] + [history[-1]]


@given(st.integers(1, 40), st.data())
@settings(max_examples=60, deadline=None)
def test_repeats_holes_and_recoveries_end_with_the_same_clocks(
    length: int, data: st.DataObject
) -> None:
    """The processor's own rule: wind; when events are missing, read the history; keep text only."""
    history = recorded(walked(data, length))
    truth = rebuild(history, POLICY)
    assert truth is not None
    table: str | None = None
    for one in delivered(data, history):
        before = Sheet.model_validate_json(table) if table else None
        try:
            sheet = wind(before, one, POLICY)
        except HistoryBroken:
            found = rebuild(history[: one.sequence], POLICY)
            assert found is not None
            sheet = found
        table = sheet.model_dump_json(exclude_defaults=True)
    assert table is not None
    assert Sheet.model_validate_json(table) == truth


@given(st.integers(1, 40), st.data())
@settings(max_examples=60, deadline=None)
def test_what_holds_of_the_clocks_of_any_history(length: int, data: st.DataObject) -> None:
    history = recorded(walked(data, length))
    sheet: Sheet | None = None
    starts: dict[str, datetime] = {}
    for one in history:
        sheet = wind(sheet, one, POLICY)
        keys = [(c.step, c.department, c.about) for c in sheet.clocks if c.is_open]
        assert len(keys) == len(set(keys)), "one clock a step, department and round"
        for clock in sheet.clocks:
            assert starts.setdefault(clock.clock_id, clock.started_at) == clock.started_at
            assert (clock.state is ClockState.PAUSED) <= (sheet.ticket.state is State.SUSPENDED)
            assert clock.next_at is None or clock.state is ClockState.RUNNING
        if sheet.ended:
            assert keys == []
