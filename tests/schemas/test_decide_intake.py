"""Intake and the end of a ticket: decline, source updates, reminders, merge, a full ticket."""

import uuid
from datetime import timedelta

import pytest

from schemas.decide import apply, decide
from schemas.errors import (
    NotEntitled,
    RuleBroken,
    TransitionRefused,
    UnknownTicket,
    VersionConflict,
)
from schemas.events import EVENT, TicketClosed
from schemas.evolve import HistoryBroken, evolve
from schemas.lifecycle import Action
from schemas.matter import Matter, Urgency
from schemas.parties import AccusedParty, Citizen
from schemas.ticket import ReminderKind, ReviewState, Source, State
from tests.schemas.cases import (
    CITIZEN,
    NOW,
    OPERATOR,
    PEER,
    REVIEWER,
    RULES,
    SYSTEM,
    TICKET_ID,
    Walk,
    acknowledged,
    command,
    completed,
    dispatched,
    handler,
    in_state,
    registered,
    registration,
)


def test_operator_registers_and_accepts_in_one_act() -> None:
    walk = Walk().do(Action.REGISTER, OPERATOR, accept=True)
    assert (walk.ticket.state, walk.ticket.version) == (State.ACCEPTED, 2)


def test_peer_cannot_accept_while_registering() -> None:
    with pytest.raises(NotEntitled):
        Walk().do(Action.REGISTER, PEER, accept=True)


def test_draft_keeps_what_the_operator_corrects() -> None:
    corrected = registration(Source.PHONE_LOG, call_no="c-1").model_copy(
        update={"matter": Matter(title="噪声", text="夜间施工", urgency=Urgency.URGENT)}
    )
    walk = in_state(State.DRAFT).do(Action.REGISTER, OPERATOR, registration=corrected)
    assert (walk.ticket.state, walk.ticket.title) == (State.RECEIVED, "噪声")
    assert walk.ticket.urgency is Urgency.URGENT


def test_superior_assigned_ticket_is_declined_by_review_only() -> None:
    walk = registered(Source.PROVINCIAL, superior_assigned=True)
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.DECLINE, OPERATOR)
    assert refused.value.code == "decline_needs_review"
    walk.do(Action.ASK_DECLINE, OPERATOR)
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.ASK_DECLINE, OPERATOR)
    assert refused.value.code == "review_open"
    walk.do(Action.GRANT_DECLINE, REVIEWER)
    assert walk.ticket.state is State.DECLINED
    assert walk.ticket.reviews[0].state is ReviewState.GRANTED


def test_refused_decline_is_accepted_for_an_own_department() -> None:
    walk = registered(Source.PROVINCIAL, superior_assigned=True).do(Action.ASK_DECLINE, OPERATOR)
    assert walk.do(Action.REFUSE_DECLINE, REVIEWER).ticket.state is State.ACCEPTED


def test_own_ticket_needs_no_decline_review() -> None:
    with pytest.raises(RuleBroken) as refused:
        registered().do(Action.ASK_DECLINE, OPERATOR)
    assert refused.value.code == "decline_needs_no_review"


def test_accepting_cancels_an_open_decline_review() -> None:
    walk = registered(Source.PROVINCIAL, superior_assigned=True).do(Action.ASK_DECLINE, OPERATOR)
    walk.do(Action.ACCEPT, OPERATOR)
    assert walk.ticket.reviews[0].state is ReviewState.CANCELLED


def test_older_update_of_the_source_never_overwrites_a_newer_one() -> None:
    walk = registered().do(Action.NOTE_PEER_UPDATE, PEER, peer_updated_at=NOW + timedelta(hours=2))
    for late in (NOW + timedelta(hours=1), NOW + timedelta(hours=2)):
        with pytest.raises(TransitionRefused) as refused:
            walk.do(Action.NOTE_PEER_UPDATE, PEER, peer_updated_at=late)
        assert refused.value.code == "peer_update_stale"


def test_update_of_the_source_changes_the_head() -> None:
    newer = registration().model_copy(update={"matter": Matter(title="新标题", text="新内容")})
    walk = registered().do(Action.NOTE_PEER_UPDATE, PEER, registration=newer)
    assert walk.ticket.title == "新标题"


def test_amend_changes_only_what_is_named() -> None:
    walk = registered().do(Action.AMEND, OPERATOR, matter=None, accused=AccusedParty(name="某店"))
    assert walk.ticket.title == "路灯不亮"
    before = walk.ticket.version
    walk.do(Action.AMEND, OPERATOR, matter=None)
    assert walk.ticket.version == before, "nothing named, nothing happens"
    walk.do(Action.AMEND, OPERATOR, citizen=Citizen(name="李某"))
    assert walk.ticket.title == "更正"


def test_reminder_is_answered_once_by_a_department_with_a_share() -> None:
    walk = dispatched().do(Action.REMIND, SYSTEM, reminder=ReminderKind.SYSTEM)
    number = walk.ticket.reminders[0].reminder_no
    with pytest.raises(NotEntitled):
        walk.do(Action.ANSWER_REMINDER, handler("d2"), reminder_no=number)
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.ANSWER_REMINDER, handler(), reminder_no=number + 9)
    assert refused.value.code == "reminder_unknown"
    walk.do(Action.ANSWER_REMINDER, handler(), reminder_no=number)
    assert walk.ticket.reminders[0].answered_at is not None
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.ANSWER_REMINDER, OPERATOR, reminder_no=number)
    assert refused.value.code == "reminder_answered"


def test_portal_citizen_rates_and_the_ticket_closes() -> None:
    walk = in_state(State.AWAITING_RATING).do(Action.RATE, CITIZEN, rating=4)
    assert (walk.ticket.state, walk.ticket.rating) == (State.CLOSED, 4)


def test_follow_up_closes_a_ticket_that_nobody_rates_on_the_portal() -> None:
    walk = in_state(State.AWAITING_FOLLOW_UP).do(Action.NOTE_UNREACHED, OPERATOR)
    assert walk.do(Action.FOLLOW_UP, OPERATOR).ticket.state is State.CLOSED


def test_close_decides_the_closure_review() -> None:
    walk = completed().do(Action.CLOSE, REVIEWER)
    assert walk.ticket.reviews[0].state is ReviewState.GRANTED


def test_withdrawal_releases_shares_and_cancels_reviews() -> None:
    walk = acknowledged().do(Action.REQUEST_EXTENSION, handler()).do(Action.WITHDRAW, CITIZEN)
    assert walk.ticket.open_assignments == ()
    assert walk.ticket.open_reviews == ()


def test_ticket_is_not_merged_into_itself() -> None:
    with pytest.raises(RuleBroken) as refused:
        registered().do(Action.MERGE, OPERATOR, into=TICKET_ID)
    assert refused.value.code == "merge_into_itself"


def test_unknown_ticket_and_old_version_are_refused() -> None:
    with pytest.raises(UnknownTicket):
        Walk().do(Action.ACCEPT, OPERATOR)
    with pytest.raises(VersionConflict) as conflict:
        registered().do(Action.ACCEPT, OPERATOR, expected_version=7)
    assert conflict.value.facts == {"version": "1"}
    registered().do(Action.ACCEPT, OPERATOR, expected_version=1)


def test_full_ticket_can_still_be_closed() -> None:
    walk = completed()
    walk.head = walk.ticket.model_copy(update={"version": 1000})
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.REMIND, SYSTEM)
    assert refused.value.code == "ticket_full"
    walk.do(Action.CLOSE, REVIEWER)
    walk.head = walk.ticket.model_copy(update={"version": 1021})
    with pytest.raises(RuleBroken):
        walk.do(Action.ARCHIVE, SYSTEM)


def test_history_that_was_altered_is_noticed() -> None:
    walk = registered()
    closed = TicketClosed(state=State.CLOSED, reason="x")
    with pytest.raises(HistoryBroken):
        evolve(walk.ticket, closed, 5, TICKET_ID, NOW)
    with pytest.raises(HistoryBroken):
        evolve(None, closed, 1, TICKET_ID, NOW)
    with pytest.raises(ValueError, match="no event"):
        apply(None, (), TICKET_ID, NOW)


def test_repeated_command_is_decided_the_same() -> None:
    asked = command(Action.ACCEPT, OPERATOR, command_id=uuid.UUID(int=1))
    head = registered().ticket
    assert decide(head, asked, RULES) == decide(head, asked, RULES)


def test_events_survive_json() -> None:
    for state in State:
        for _, event in in_state(state).history:
            assert EVENT.validate_json(EVENT.dump_json(event)) == event
