"""Every value a screen may meet has Chinese words: states, actions, events, refusals."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from uuid import UUID

import pytest

from console import say, say_events, say_refusals
from console.forms import FORMS
from console.names import Names
from console.offers import OWN_PAGE
from console.rendering import fresh_command_id
from console.workbench import PLACES
from schemas import errors
from schemas import events as ev
from schemas.card_policy import CardColour
from schemas.lifecycle import TICKET, Action
from schemas.parties import Role
from schemas.ticket import State
from ticket_store.to_dos import ToDo

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
NAMES = Names(lambda code: f"{code}局", lambda peer: f"{peer}平台")
PEOPLE = {Role.OPERATOR, Role.DISPATCHER, Role.HANDLER, Role.REVIEWER, Role.LEADER}


@pytest.mark.parametrize("words", say.TABLES, ids=lambda words: type(next(iter(words))).__name__)
def test_every_value_has_a_word(words: dict[object, str]) -> None:
    kind = type(next(iter(words)))
    assert set(words) == set(kind)  # type: ignore[call-overload]  # an enumeration
    assert all(CHINESE.search(word) or "12345" in word for word in words.values())
    assert len(set(words.values())) == len(words), "two values read the same"


def test_every_event_has_a_line() -> None:
    kinds = set(get_args(get_args(ev.Event)[0]))
    assert set(say_events.LINES) == kinds


def raised_codes() -> set[str]:
    """Every code that schemas give to a refusal, and the codes of the classes themselves."""
    text = "".join(path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.py"))
    return set(re.findall(r'\bcode="([a-z_]+)"', text)) | set(errors.REFUSALS)


def test_every_refusal_has_a_text_that_says_what_to_do() -> None:
    assert raised_codes() - set(say_refusals.REFUSALS) == set()
    for happened, remedy in say_refusals.REFUSALS.values():
        assert CHINESE.search(happened)
        assert CHINESE.search(remedy)


def test_refusal_names_state_and_action_in_chinese() -> None:
    error = errors.TransitionRefused("no", state="closed", action="dispatch")
    happened, _ = say_refusals.refusal(error)
    assert happened == "工单现在是“已结案”，不能派发。"


def test_refusal_without_facts_still_reads() -> None:
    happened, _ = say_refusals.refusal(errors.NotEntitled("no"))
    assert happened == "您的岗位不能办理。"
    assert say_refusals.refusal(errors.StoreBusy("disk")) == say_refusals.BUSY
    assert say_refusals.refusal(errors.CommandRefused("new", code="not_known_here"))[0]


def test_every_action_of_people_has_a_form_or_a_page() -> None:
    """What only machines, citizens and peers do needs none."""
    wanted = {action for (state, action), row in TICKET.items() if state and row.roles & PEOPLE} - {
        Action.WARN,
        Action.ISSUE_CARD,
        Action.SAVE_DRAFT,
    }
    assert wanted - set(FORMS) - set(OWN_PAGE) == set()


def test_every_to_do_leads_somewhere() -> None:
    assert set(PLACES) == set(ToDo)


def test_steps_hold_every_state_of_the_straight_way() -> None:
    on_the_way = {state for _, states in say.STEPS for state in states}
    aside = {State.DISCARDED, State.DECLINED, State.WITHDRAWN, State.MERGED, State.SUSPENDED}
    assert on_the_way | aside == set(State)


def test_lines_say_departments_by_name() -> None:
    event = ev.TicketDispatched(
        state=State.DISPATCHED, round=1, form="lead",
        assignments=(
            ev.NewAssignment(department="a", part="lead"),
            ev.NewAssignment(department="b", part="assisting"),
        ),
        handle_working_days=3, note="从速",
    )  # fmt: skip
    title, details = say_events.line(event, NAMES)
    assert title == "派发"
    assert details == "派往 a局（主办）、b局（协办）；要求 3 个工作日内办结；从速"


def test_card_says_step_and_deadline() -> None:
    event = ev.CardIssued(
        state=State.DISPATCHED, clock="c", colour=CardColour.RED, department="a",
        arithmetic={"step": "handle", "due_at": "2026-11-24T23:59:59+08:00"},
    )  # fmt: skip
    assert say_events.line(event, NAMES) == (
        "红牌", "a局；承办环节，到期 2026-11-24 23:59",
    )  # fmt: skip


def test_command_ids_are_version_seven_and_differ() -> None:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    one, other = UUID(fresh_command_id(at)), UUID(fresh_command_id(at))
    assert one.version == other.version == 7
    assert one != other
