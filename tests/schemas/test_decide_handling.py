"""Dispatch and handling by departments: shares, send-backs, extensions, closure."""

from datetime import timedelta

import pytest

from schemas.errors import NotEntitled, RuleBroken, TransitionRefused
from schemas.lifecycle import Action
from schemas.rules import Rules
from schemas.ticket import AssignmentState, DispatchForm, Part, ReviewState, Source, State
from tests.schemas.cases import (
    DISPATCHER,
    LEADER,
    MACHINE,
    NOW,
    OPERATOR,
    REVIEWER,
    acknowledged,
    completed,
    dispatched,
    handler,
    in_state,
)


def test_lead_completes_and_the_assisting_department_is_released() -> None:
    walk = dispatched(("d1", "d2"), DispatchForm.LEAD)
    assert [a.part for a in walk.ticket.assignments] == [Part.LEAD, Part.ASSISTING]
    walk.do(Action.ACKNOWLEDGE, handler("d2"))
    assert walk.ticket.state is State.DISPATCHED, "only a principal share moves the ticket"
    walk.do(Action.GIVE_FEEDBACK, handler("d2"))
    walk.do(Action.ACKNOWLEDGE, handler("d1"))
    assert walk.ticket.state is State.ACKNOWLEDGED
    walk.do(Action.COMPLETE, handler("d1"))
    assert walk.ticket.state is State.COMPLETED
    assert walk.ticket.assignments[1].state is AssignmentState.RELEASED


def test_assisting_department_that_completes_leaves_the_ticket_with_the_lead() -> None:
    walk = dispatched(("d1", "d2"), DispatchForm.LEAD)
    walk.do(Action.ACKNOWLEDGE, handler("d2")).do(Action.COMPLETE, handler("d2"))
    assert walk.ticket.state is State.DISPATCHED
    walk.do(Action.ACKNOWLEDGE, handler("d1")).do(Action.COMPLETE, handler("d1"))
    assert walk.ticket.state is State.COMPLETED


def test_parallel_ticket_completes_with_its_last_department() -> None:
    walk = dispatched(("d1", "d2", "d3"), DispatchForm.PARALLEL)
    for department in ("d1", "d2", "d3"):
        walk.do(Action.ACKNOWLEDGE, handler(department))
    walk.do(Action.COMPLETE, handler("d2")).do(Action.COMPLETE, handler("d1"))
    assert walk.ticket.state is State.ACKNOWLEDGED
    walk.do(Action.COMPLETE, handler("d3"))
    assert walk.ticket.state is State.COMPLETED


@pytest.mark.parametrize(
    ("form", "departments", "code"),
    [
        (DispatchForm.SINGLE, ("d1", "d2"), "department_count"),
        (DispatchForm.LEAD, ("d1",), "department_count"),
        (DispatchForm.PARALLEL, ("d1",), "department_count"),
        (DispatchForm.PARALLEL, ("d1", "d1"), "department_twice"),
        (DispatchForm.SINGLE, ("x9",), "department_unknown"),
    ],
)
def test_dispatch_that_does_not_fit_its_form_is_refused(
    form: DispatchForm, departments: tuple[str, ...], code: str
) -> None:
    with pytest.raises(RuleBroken) as refused:
        dispatched(departments, form)
    assert refused.value.code == code


def test_dispatch_by_machine_is_marked() -> None:
    walk = in_state(State.ACCEPTED).do(Action.DISPATCH, MACHINE)
    assert walk.history[-1][1].by_machine  # type: ignore[union-attr]  # a TicketDispatched


def test_handler_acts_for_the_own_department_only() -> None:
    walk = dispatched()
    with pytest.raises(NotEntitled) as refused:
        walk.do(Action.ACKNOWLEDGE, handler("d2"))
    assert refused.value.code == "no_assignment"
    with pytest.raises(NotEntitled) as refused:
        walk.do(Action.ACKNOWLEDGE, handler("d2"), department="d1")
    assert refused.value.code == "other_department"


def test_share_cannot_complete_before_it_is_acknowledged() -> None:
    walk = dispatched(("d1", "d2"), DispatchForm.PARALLEL).do(Action.ACKNOWLEDGE, handler("d1"))
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.COMPLETE, handler("d2"))
    assert refused.value.code == "assignment_state"


def test_granted_send_back_returns_to_the_dispatch_desk() -> None:
    walk = dispatched().do(Action.ASK_SEND_BACK, handler())
    walk.do(Action.GRANT_SEND_BACK, DISPATCHER, review_no=walk.open_review())
    assert walk.ticket.state is State.ACCEPTED
    assert walk.ticket.send_backs == 1
    assert walk.ticket.departments == ()


def test_refused_send_back_leaves_the_share_where_it_was() -> None:
    walk = acknowledged().do(Action.ASK_SEND_BACK, handler())
    with pytest.raises(RuleBroken):
        walk.do(Action.COMPLETE, handler())
    walk.do(Action.REFUSE_SEND_BACK, REVIEWER, review_no=walk.open_review())
    share = walk.ticket.assignment_of("d1")
    assert share is not None
    assert share.state is AssignmentState.ACKNOWLEDGED
    walk.do(Action.COMPLETE, handler())


def test_send_back_to_another_department_is_a_new_round() -> None:
    walk = acknowledged().do(Action.ASK_SEND_BACK, handler())
    walk.do(Action.GRANT_SEND_BACK, REVIEWER, review_no=walk.open_review(), departments=("d2",))
    assert walk.ticket.state is State.DISPATCHED
    assert walk.ticket.departments == ("d2",)
    assert walk.ticket.assignments[0].state is AssignmentState.SENT_BACK
    assert walk.ticket.reviews[-1].state is ReviewState.REDIRECTED


def test_one_of_several_departments_is_replaced_without_stopping_the_others() -> None:
    walk = dispatched(("d1", "d2"), DispatchForm.PARALLEL).do(Action.ACKNOWLEDGE, handler("d1"))
    walk.do(Action.ASK_SEND_BACK, handler("d2"))
    walk.do(Action.GRANT_SEND_BACK, REVIEWER, review_no=walk.open_review(), departments=("d3",))
    assert walk.ticket.state is State.ACKNOWLEDGED
    assert walk.ticket.departments == ("d1", "d3")
    walk.do(Action.COMPLETE, handler("d1"))
    walk.do(Action.ACKNOWLEDGE, handler("d3")).do(Action.COMPLETE, handler("d3"))
    assert walk.ticket.state is State.COMPLETED


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("d1",), "department_twice"),
        (("d3", "d3"), "department_twice"),
        (("x",), "department_unknown"),
    ],
)
def test_replacement_must_be_new_and_known(names: tuple[str, ...], code: str) -> None:
    walk = dispatched(("d1", "d2"), DispatchForm.PARALLEL).do(Action.ASK_SEND_BACK, handler("d2"))
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.GRANT_SEND_BACK, REVIEWER, review_no=walk.open_review(), departments=names)
    assert refused.value.code == code


def test_granted_send_back_of_the_last_open_share_completes_the_ticket() -> None:
    walk = dispatched(("d1", "d2"), DispatchForm.PARALLEL).do(Action.ACKNOWLEDGE, handler("d1"))
    walk.do(Action.COMPLETE, handler("d1")).do(Action.ASK_SEND_BACK, handler("d2"))
    walk.do(Action.GRANT_SEND_BACK, REVIEWER, review_no=walk.open_review())
    assert walk.ticket.state is State.COMPLETED
    walk.do(Action.PASS_CLOSURE, REVIEWER)


def test_second_send_back_goes_to_the_leaders_final_ruling() -> None:
    walk = dispatched().do(Action.ASK_SEND_BACK, handler())
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.RULE_FINALLY, LEADER, review_no=walk.open_review())
    assert refused.value.code == "ruling_not_needed"
    walk.do(Action.GRANT_SEND_BACK, DISPATCHER, review_no=walk.open_review())
    walk.do(Action.DISPATCH, DISPATCHER, departments=("d2",)).do(
        Action.ASK_SEND_BACK, handler("d2")
    )
    review_no = walk.open_review()
    assert walk.ticket.reviews[-1].final
    with pytest.raises(NotEntitled) as not_his:
        walk.do(Action.GRANT_SEND_BACK, DISPATCHER, review_no=review_no)
    assert not_his.value.code == "ruling_is_leaders"
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.GRANT_SEND_BACK, LEADER, review_no=review_no)
    assert refused.value.code == "ruling_needed"
    walk.do(Action.RULE_FINALLY, LEADER, review_no=review_no, departments=("d1",))
    assert walk.ticket.finally_ruled
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.ASK_SEND_BACK, handler("d1"))
    assert refused.value.code == "finally_ruled"


def test_extension_is_granted_once() -> None:
    walk = acknowledged().do(Action.REQUEST_EXTENSION, handler())
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.REQUEST_EXTENSION, handler())
    assert refused.value.code == "review_open"
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.GRANT_EXTENSION, REVIEWER, review_no=walk.open_review(), working_days=9)
    assert refused.value.code == "more_than_asked"
    walk.do(Action.GRANT_EXTENSION, REVIEWER, review_no=walk.open_review())
    assert walk.ticket.extensions == 1
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.REQUEST_EXTENSION, handler())
    assert refused.value.code == "extensions_used_up"


def test_refused_extension_may_be_asked_for_again() -> None:
    walk = acknowledged().do(Action.REQUEST_EXTENSION, handler())
    walk.do(Action.REFUSE_EXTENSION, REVIEWER, review_no=walk.open_review())
    walk.do(Action.REQUEST_EXTENSION, handler())
    assert len(walk.ticket.open_reviews) == 1


def test_review_is_decided_once() -> None:
    walk = acknowledged().do(Action.REQUEST_EXTENSION, handler())
    review_no = walk.open_review()
    walk.do(Action.REFUSE_EXTENSION, REVIEWER, review_no=review_no)
    with pytest.raises(RuleBroken) as refused:
        walk.do(Action.GRANT_EXTENSION, REVIEWER, review_no=review_no)
    assert refused.value.code == "no_open_review"


def test_closure_that_fails_goes_back_to_the_same_department() -> None:
    walk = completed().do(Action.RETURN_CLOSURE, REVIEWER)
    share = walk.ticket.assignment_of("d1")
    assert share is not None
    assert (walk.ticket.state, share.state) == (State.DISPATCHED, AssignmentState.PENDING)
    assert share.completed_at is None
    walk.do(Action.ACKNOWLEDGE, handler()).do(Action.COMPLETE, handler())
    assert [r.state for r in walk.ticket.reviews] == [ReviewState.REFUSED, ReviewState.OPEN]


def test_closure_that_fails_may_go_to_another_department() -> None:
    walk = completed().do(Action.REDISPATCH_CLOSURE, REVIEWER)
    assert walk.ticket.departments == ("d2",)
    assert walk.ticket.reviews[-1].state is ReviewState.REDIRECTED


def test_redispatch_releases_the_department_before() -> None:
    walk = acknowledged().do(Action.REQUEST_EXTENSION, handler()).do(Action.REDISPATCH, DISPATCHER)
    assert walk.ticket.assignments[0].state is AssignmentState.RELEASED
    assert walk.ticket.reviews[-1].state is ReviewState.CANCELLED
    with pytest.raises(NotEntitled):
        walk.do(Action.COMPLETE, handler("d1"))


def test_rework_sends_the_same_department_again() -> None:
    walk = in_state(State.AWAITING_FOLLOW_UP).do(Action.REWORK, OPERATOR)
    assert walk.ticket.state is State.DISPATCHED
    assert walk.ticket.satisfied is False
    walk.do(Action.ACKNOWLEDGE, handler())


def test_rework_of_a_direct_answer_goes_to_the_dispatch_desk() -> None:
    walk = in_state(State.ACCEPTED).do(Action.ANSWER_DIRECTLY, OPERATOR)
    assert walk.do(Action.REWORK, OPERATOR).ticket.state is State.ACCEPTED


def test_suspended_ticket_goes_on_where_it_stood() -> None:
    walk = acknowledged().do(Action.SUSPEND, LEADER)
    with pytest.raises(TransitionRefused):
        walk.do(Action.COMPLETE, handler())
    assert walk.do(Action.RESUME, DISPATCHER).ticket.state is State.ACKNOWLEDGED
    walk.do(Action.COMPLETE, handler())


def test_no_extension_where_the_city_allows_none() -> None:
    walk = acknowledged()
    walk.rules = Rules(extensions_allowed=0)
    with pytest.raises(RuleBroken):
        walk.do(Action.REQUEST_EXTENSION, handler())


def test_time_of_a_ticket_never_goes_back() -> None:
    walk = completed(Source.WEB_PORTAL).do(
        Action.PASS_CLOSURE, REVIEWER, at=NOW + timedelta(hours=1)
    )
    walk.do(Action.REPLY, OPERATOR, at=NOW - timedelta(days=3))
    assert walk.ticket.updated_at == NOW + timedelta(hours=1)
