"""The tables: every (state, action, role), and that what they promise can really be reached."""

import pytest

from schemas.decide import decide
from schemas.errors import CommandRefused, NotEntitled, RuleBroken, TransitionRefused
from schemas.lifecycle import ASSIGNMENT, REVIEW, TICKET, Action, possible_actions, step
from schemas.parties import Role
from schemas.ticket import AssignmentState, ReviewKind, State
from tests.schemas.cases import DEPARTMENT, RULES, actor, command, in_state

EVERYBODY = frozenset(Role)


def test_every_state_can_be_reached() -> None:
    for state in State:
        assert in_state(state).ticket.state is state


def test_every_action_has_a_row() -> None:
    assert {action for _, action in TICKET} == set(Action)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("state", [None, *State])
def test_table_decides_every_state_action_and_role(state: State | None, action: Action) -> None:
    head = in_state(state).head if state else None
    for role in Role:
        asked = command(action, actor(role, department=DEPARTMENT))
        row = TICKET.get((state, action))
        if row is None:
            with pytest.raises(CommandRefused) as refused:
                decide(head, asked, RULES)
            assert not isinstance(refused.value, NotEntitled)
        elif role not in row.roles:
            with pytest.raises(NotEntitled):
                decide(head, asked, RULES)
        else:
            try:
                events = decide(head, asked, RULES)
            except RuleBroken:
                continue  # the table allows it, this ticket lacks what it acts on; tested by name
            assert events
            assert events[-1].state in (row.targets or {state})


def test_step_names_state_and_action_when_it_refuses() -> None:
    with pytest.raises(TransitionRefused) as refused:
        step(State.CLOSED, Action.DISPATCH, EVERYBODY)
    assert refused.value.facts == {"state": "closed", "action": "dispatch"}


def test_possible_actions_are_those_of_the_table() -> None:
    for state in State:
        for role in Role:
            offered = set(possible_actions(state, frozenset({role})))
            lawful = {a for (s, a), row in TICKET.items() if s is state and role in row.roles}
            assert offered == lawful


def test_nothing_leaves_an_archived_ticket() -> None:
    rows = {a: row for (s, a), row in TICKET.items() if s is State.ARCHIVED}
    assert set(rows) == {Action.NOTE_REFUSAL}
    assert rows[Action.NOTE_REFUSAL].targets == frozenset()


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("state", AssignmentState)
def test_assignment_table_knows_only_departments_and_their_reviews(
    state: AssignmentState, action: Action
) -> None:
    targets = ASSIGNMENT.get((state, action), frozenset())
    ended = {AssignmentState.COMPLETED, AssignmentState.SENT_BACK, AssignmentState.RELEASED}
    assert not (state in ended and targets), (
        "an ended share is reopened by the ticket, not by a step"
    )


@pytest.mark.parametrize("kind", ReviewKind)
def test_every_review_can_be_granted_and_refused(kind: ReviewKind) -> None:
    ways = [targets for (k, _), targets in REVIEW.items() if k is kind]
    assert {"granted", "refused"} <= {target for targets in ways for target in targets}
