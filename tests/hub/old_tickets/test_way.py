"""From a row to events: the way that a state and its times tell."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.old_tickets.prepare import Line, Prepared, Preparer, Refused, Terms
from hub.old_tickets.row import OldTicket
from hub.old_tickets.way import UNKNOWN, commands_of
from schemas.events import Recorded
from schemas.rules import Rules
from schemas.ticket import Ticket
from tests.hub.old_tickets.rows import DEPARTMENT, SYSTEM, bare, row
from tests.schemas.test_winding import POLICY
from ticket_store.batch import Known, decide_next
from ticket_store.bulk_rows import TABLES

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
TERMS = Terms(SYSTEM, bytes(32), frozenset({DEPARTMENT, "gaj"}), frozenset({"city"}), POLICY, NOW)
TICKET_ID = 7_000_000_000_000
ONE = {"departments": [DEPARTMENT]}
TWO = {"departments": [DEPARTMENT, "gaj"]}
REGISTERED = ["ticket_registered"]
ACCEPTED = [*REGISTERED, "ticket_accepted"]
DISPATCHED = [*ACCEPTED, "ticket_dispatched"]
COMPLETED = [*DISPATCHED, "department_acknowledged", "department_completed"]
REPLIED = [*COMPLETED, "closure_passed", "citizen_replied"]
HAPPY = {"satisfied": True, "resolved": True}


def became(given: dict[str, Any]) -> tuple[Ticket, list[Recorded]]:
    old = OldTicket.model_validate(given)
    known, history = Known(), list[Recorded]()
    for command in commands_of(old, SYSTEM, TICKET_ID, NOW):
        decided = decide_next(command, known, Rules())
        assert decided.refusal is None
        history += decided.events
    return known.heads[TICKET_ID], history


def kinds(history: list[Recorded]) -> list[str]:
    return [one.event.kind for one in history]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (bare("1", "received"), REGISTERED),
        (bare("1", "accepted"), ACCEPTED),
        (bare("1", "dispatched", **ONE), DISPATCHED),
        (bare("1", "acknowledged", **ONE), COMPLETED[:-1]),
        (bare("1", "completed", **ONE), COMPLETED),
        (bare("1", "completed", **TWO), COMPLETED),
        (
            bare("1", "completed", form="parallel", **TWO),
            [*DISPATCHED, *["department_acknowledged"] * 2, *["department_completed"] * 2],
        ),
        (bare("1", "awaiting_reply", **ONE), REPLIED[:-1]),
        (bare("1", "awaiting_follow_up", **ONE), REPLIED),
        (bare("1", "awaiting_follow_up"), [*ACCEPTED, "directly_answered"]),
        (
            bare("1", "awaiting_rating", source="web_portal", **ONE, **HAPPY),
            [*REPLIED, "follow_up_recorded"],
        ),
        (bare("1", "closed", **ONE), [*COMPLETED, "ticket_closed"]),
        (bare("1", "closed"), [*ACCEPTED, "directly_answered", "ticket_closed"]),
        (bare("1", "closed", **ONE, **HAPPY), [*REPLIED, "follow_up_recorded"]),
        (bare("1", "closed", **HAPPY), [*ACCEPTED, "directly_answered", "follow_up_recorded"]),
        (
            bare("1", "closed", source="web_portal", rating=2, **ONE, **HAPPY),
            [*REPLIED, "follow_up_recorded", "ticket_rated"],
        ),
        (
            bare("1", "closed", source="web_portal", **ONE, **HAPPY),
            [*REPLIED, "follow_up_recorded", "ticket_closed"],
        ),
        (
            bare("1", "closed", answered_at="2016-05-08", **ONE),
            [*REPLIED, "ticket_closed"],
        ),
        (
            bare("1", "closed", reviewed_at="2016-05-08", **ONE),
            [*COMPLETED, "closure_passed", "ticket_closed"],
        ),
        (bare("1", "archived", **ONE), [*COMPLETED, "ticket_closed", "ticket_archived"]),
        (bare("1", "declined"), [*REGISTERED, "ticket_declined"]),
        (
            bare("1", "declined", superior_assigned=True),
            [*REGISTERED, "decline_asked", "ticket_declined"],
        ),
        (bare("1", "withdrawn"), [*REGISTERED, "ticket_withdrawn"]),
        (
            bare("1", "withdrawn", accepted_at="2016-05-07 11:00"),
            [*ACCEPTED, "ticket_withdrawn"],
        ),
        (bare("1", "withdrawn", **ONE), [*DISPATCHED, "ticket_withdrawn"]),
        (
            bare("1", "withdrawn", acknowledged_at="2016-05-08", **ONE),
            [*COMPLETED[:-1], "ticket_withdrawn"],
        ),
        (
            row(supplements=[{"at": "2016-05-08", "text": "又坏一盏"}]),
            [*COMPLETED[:-1], "matter_supplemented", "department_completed", "ticket_closed"],
        ),
        (
            bare("1", "accepted", supplements=[{"at": "2016-05-08", "text": "又坏一盏"}]),
            [*ACCEPTED, "matter_supplemented"],
        ),
    ],
    ids=lambda value: value["state"] if isinstance(value, dict) else "",
)
def test_a_state_is_reached_by_its_steps(given: dict[str, Any], expected: list[str]) -> None:
    head, history = became(given)
    assert kinds(history) == expected
    assert head.state == given["state"]
    assert head.version == len(history)


def test_each_step_has_its_own_time_in_whatever_zone_it_was_written() -> None:
    head, history = became(row())
    assert [f"{one.at:%m-%d %H:%M}" for one in history] == [
        "05-07 02:00", "05-07 02:05", "05-07 03:00", "05-07 04:00", "05-09 01:00", "05-10 01:00",
    ]  # fmt: skip
    assert head.updated_at == history[-1].at
    closed = history[-1].event
    assert (closed.reply, closed.reason) == ("路灯已修好。", "历史工单导入")  # type: ignore[union-attr]  # of this kind


def test_a_time_that_is_not_known_is_that_of_the_step_before() -> None:
    _, history = became(bare("1", "closed", completed_at="2016-05-09 10:00", **ONE))
    assert [one.at.day for one in history] == [7, 7, 7, 7, 9, 9]
    assert history[4].event.result == UNKNOWN  # type: ignore[union-attr]  # of this kind


def test_the_end_of_the_old_system_is_the_time_of_the_call_that_closes() -> None:
    _, history = became(bare("1", "closed", closed_at="2016-06-01 10:00", **ONE, **HAPPY))
    assert history[-1].at == datetime(2016, 6, 1, 2, 0, tzinfo=UTC)


def test_the_ids_of_a_row_are_the_same_each_time() -> None:
    assert [one.command_id for one in became(row())[1]] == [
        one.command_id for one in became(row())[1]
    ]
    ids = {one.command_id for one in became(row("OLD-2"))[1]}
    assert ids.isdisjoint(one.command_id for one in became(row())[1])


def prepared(given: dict[str, Any]) -> Prepared | Refused:
    (one,) = Preparer(TERMS).prepare([Line("f", 1, json.dumps(given).encode())])
    return one


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (bare("1", "suspended"), "state_not_imported"),
        (bare("1", "dispatched"), "departments_missing"),
        (bare("1", "dispatched", departments=["gone"]), "department_unknown"),
        (bare("1", "dispatched", departments=["a b"]), "departments.0"),
        (bare("1", "completed", form="single", **TWO), "department_count"),
        (bare("1", "awaiting_rating", **ONE, **HAPPY), "rating_elsewhere"),
        (bare("1", "awaiting_rating", source="web_portal", **ONE), "follow_up_incomplete"),
        (bare("1", "closed", rating=3, **HAPPY), "rating_elsewhere"),
        (bare("1", "closed", satisfied=True), "follow_up_incomplete"),
        (bare("1", "closed", peer="city"), "peer_incomplete"),
        (bare("1", "closed", peer="nobody", peer_ticket_no="7"), "peer_unknown"),
        (bare("1", "accepted", closed_at="2016-06-01"), "time_without_step"),
        (row(completed_at="2016-05-06 10:00"), "times_fall"),
        (row(received_at="2016-05-08 10:00"), "times_fall"),
        (row(supplements=[{"at": "2016-05-01", "text": "早"}]), "times_fall"),
        (row(supplements=[{"at": "2016-06-01", "text": "晚"}]), "transition_refused"),
        (row(closed_at="2027-01-01"), "time_in_future"),
        (bare("1", "closed", received_at="1999-12-31"), "too_old"),
        (bare("1", "closed", received_at="0001-01-01"), "received_at: value_error"),
        (bare("1", "closed", closed_at="9999-12-31T23:00:00-09:00"), "closed_at: value_error"),
        (bare("1", "closed", text=""), "text: string_too_short"),
        (bare("1", "closed", text="\u200b"), "text: string_too_short"),
        (bare("", "closed"), "number: string_too_short"),
        (bare("1", "gone"), "state: enum"),
        (bare("1", "closed", colour="red"), "colour: extra_forbidden"),
        (row(citizen={"name": "王某", "phone": "电话"}), "citizen.phone"),
        ({"number": "1"}, "state: missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_true_is_refused_without_personal_data(
    given: dict[str, Any], said: str
) -> None:
    one = prepared(given)
    assert isinstance(one, Refused)
    assert said in one.detail
    assert one.remedy
    assert "王某" not in one.detail
    assert "电话" not in one.detail


def test_an_ended_ticket_may_name_a_department_that_is_gone() -> None:
    one = prepared(row(departments=["gone"]))
    assert isinstance(one, Prepared)


def rows_of(one: Prepared | Refused, table: str) -> list[tuple[Any, ...]]:
    assert isinstance(one, Prepared)
    return one.ticket.rows[[each.name for each in TABLES].index(table)]


def test_open_tickets_have_clocks_and_ended_ones_none() -> None:
    assert rows_of(prepared(bare("1", "dispatched", **ONE)), "clock_firings")
    assert rows_of(prepared(bare("1", "closed", **ONE)), "ticket_clocks") == []


def test_a_number_of_a_waiting_peer_is_kept_beside_the_own() -> None:
    one = prepared(bare("1", "dispatched", peer="city", peer_ticket_no="GD7", **ONE))
    assert isinstance(one, Prepared)
    assert one.ticket.numbers == ((SYSTEM, "1"), ("city", "GD7"))
