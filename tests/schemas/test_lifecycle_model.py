"""Commands in any order, by anybody: what must hold of every ticket whatever happens to it."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.commands import COMMANDS, Command
from schemas.decide import apply
from schemas.errors import CommandRefused
from schemas.lifecycle import TICKET, Action
from schemas.parties import Role
from schemas.ticket import (
    ENDED,
    AssignmentState,
    DispatchForm,
    ReviewKind,
    Source,
    State,
    Ticket,
)
from tests.schemas.cases import NOW, TICKET_ID, Walk, actor, command, registration

DEPARTMENTS = ("d1", "d2", "d3")


def holds(ticket: Ticket) -> None:
    """What is true of every ticket."""
    assert len([r for r in ticket.open_reviews if r.kind is ReviewKind.CLOSURE]) == (
        1 if ticket.state is State.COMPLETED else 0
    )
    assert len([r for r in ticket.open_reviews if r.kind is ReviewKind.EXTENSION]) <= 1
    if ticket.state in ENDED:
        assert ticket.open_assignments == ()
        assert ticket.open_reviews == ()
    if ticket.state in (State.DISPATCHED, State.ACKNOWLEDGED):
        assert ticket.open_assignments, "somebody holds it"
    if ticket.state is State.SUSPENDED:
        assert ticket.resume_to is not None
    waiting = [a for a in ticket.assignments if a.state is AssignmentState.SEND_BACK_ASKED]
    asked = [r for r in ticket.open_reviews if r.kind is ReviewKind.SEND_BACK]
    assert {a.department for a in waiting} == {r.department for r in asked}
    assert all(a.round <= ticket.round for a in ticket.assignments)
    held = [a.department for a in ticket.open_assignments]
    assert len(held) == len(set(held)), "a department holds one share"


def draw_command(data: st.DataObject, ticket: Ticket) -> Command:
    """Mostly what the table allows from here by somebody who may; sometimes anything."""
    lawful = sorted(
        {(a, r) for (s, a), row in TICKET.items() if s is ticket.state for r in row.roles}
    )
    anything = st.tuples(st.sampled_from(Action), st.sampled_from(Role))
    action, role = data.draw(st.one_of(st.sampled_from(lawful), st.sampled_from(lawful), anything))
    changes: dict[str, Any] = {"at": NOW + timedelta(minutes=data.draw(st.integers(-5, 60)))}
    fields = COMMANDS[action].model_fields
    if "departments" in fields:
        names = st.lists(st.sampled_from(DEPARTMENTS), min_size=1, max_size=3, unique=True)
        changes["departments"] = tuple(data.draw(names))
        changes["form"] = data.draw(st.sampled_from(DispatchForm))
    if "review_no" in fields and ticket.reviews:
        changes["review_no"] = data.draw(st.sampled_from([r.review_no for r in ticket.reviews]))
    if "reminder_no" in fields and ticket.reminders:
        changes["reminder_no"] = data.draw(
            st.sampled_from([r.reminder_no for r in ticket.reminders])
        )
    if data.draw(st.booleans()):
        changes["expected_version"] = ticket.version - data.draw(st.integers(0, 1))
    who = actor(role, department=data.draw(st.sampled_from(DEPARTMENTS)))
    return command(action, who, **changes)


@given(st.sampled_from(Source), st.booleans(), st.integers(1, 60), st.data())
@settings(max_examples=100, deadline=None)
def test_no_order_of_commands_breaks_a_ticket(
    source: Source, superior: bool, length: int, data: st.DataObject
) -> None:
    walk = Walk()
    first = registration(source, superior_assigned=superior)
    walk.do(Action.REGISTER, actor(Role.OPERATOR), registration=first, accept=True)
    for _ in range(length):
        before = walk.ticket
        asked = draw_command(data, before)
        try:
            walk.execute(asked)
        except CommandRefused:
            assert walk.ticket == before
            continue
        assert (before.state, asked.action) in TICKET
        assert walk.ticket.updated_at >= before.updated_at
        holds(walk.ticket)
    rebuilt = None
    for at, event in walk.history:
        rebuilt = apply(rebuilt, (event,), TICKET_ID, at)
    assert rebuilt == walk.ticket
    assert len(walk.history) == walk.ticket.version
