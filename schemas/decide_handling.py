"""Decisions on dispatch and on a department's own acts."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from schemas import commands as cmd
from schemas import events as ev
from schemas.decide_parts import Facts
from schemas.errors import RuleBroken
from schemas.lifecycle import Action
from schemas.parties import Role
from schemas.ticket import (
    PRINCIPAL,
    Assignment,
    AssignmentState,
    ReviewKind,
    State,
    Ticket,
)

Why = Literal["dispatch", "redispatch", "send_back", "final_ruling", "closure", "rework"]


def _dispatch(facts: Facts[cmd.DispatchTicket]) -> tuple[ev.Event, ...]:
    return (dispatched(facts, "dispatch"),)


def _redispatch(facts: Facts[cmd.RedispatchTicket]) -> tuple[ev.Event, ...]:
    return (dispatched(facts, "redispatch"),)


def dispatched(
    facts: Facts[Any], why: Why, *, review_no: int | None = None, sent_back: str | None = None
) -> ev.TicketDispatched:
    """A new round; the command names form, departments, note and perhaps a stricter limit."""
    command = facts.command
    return ev.TicketDispatched(
        state=State.DISPATCHED,
        round=facts.ticket.round + 1,
        form=command.form,
        assignments=facts.assignments(command.form, command.departments),
        note=command.note,
        handle_working_days=getattr(command, "handle_working_days", None),
        by_machine=Role.MACHINE in command.actor.roles,
        why=why,
        review_no=review_no,
        sent_back=sent_back,
    )


def state_of_shares(ticket: Ticket, changed: Assignment) -> State:
    """The ticket's state that follows from the principal shares, one of them changed.

    completed when every principal that is left has completed, acknowledged when one at least has
    begun, accepted when none is left; else dispatched.
    """
    left = [
        changed if a.department == changed.department else a
        for a in ticket.assignments
        if a.round == ticket.round and a.part in PRINCIPAL
    ]
    states = {_standing(a) for a in left} - {AssignmentState.SENT_BACK, AssignmentState.RELEASED}
    if not states:
        return State.ACCEPTED
    if states == {AssignmentState.COMPLETED}:
        return State.COMPLETED
    return State.DISPATCHED if states == {AssignmentState.PENDING} else State.ACKNOWLEDGED


def _standing(share: Assignment) -> AssignmentState:
    """A send-back that is only asked leaves the share where it was."""
    asked = share.state is AssignmentState.SEND_BACK_ASKED
    return share.before_asking if asked and share.before_asking else share.state


def _with(share: Assignment, state: AssignmentState) -> Assignment:
    return share.model_copy(update={"state": state})


def _acknowledge(facts: Facts[cmd.AcknowledgeTicket]) -> tuple[ev.Event, ...]:
    held = facts.own_assignment_for(Action.ACKNOWLEDGE)
    state = state_of_shares(facts.ticket, _with(held, AssignmentState.ACKNOWLEDGED))
    return (ev.DepartmentAcknowledged(state=state, department=held.department),)


def _working(facts: Facts[Any]) -> Assignment:
    """The own share, which must be acknowledged and not under a send-back review."""
    return facts.own_assignment_for(Action.COMPLETE)


def _give_feedback(facts: Facts[cmd.GiveFeedback]) -> tuple[ev.Event, ...]:
    held = _working(facts)
    return (
        ev.FeedbackGiven(
            state=facts.ticket.state, department=held.department, text=facts.command.text
        ),
    )


def _mediate(facts: Facts[cmd.RecordMediation]) -> tuple[ev.Event, ...]:
    held, command = _working(facts), facts.command
    return (
        ev.MediationRecorded(
            state=facts.ticket.state, department=held.department,
            agreed=command.agreed, text=command.text,
        ),
    )  # fmt: skip


def _complete(facts: Facts[cmd.CompleteTicket]) -> tuple[ev.Event, ...]:
    held = _working(facts)
    state = state_of_shares(facts.ticket, _with(held, AssignmentState.COMPLETED))
    return (
        ev.DepartmentCompleted(
            state=state, department=held.department, result=facts.command.result
        ),
    )


def _ask_send_back(facts: Facts[cmd.AskSendBack]) -> tuple[ev.Event, ...]:
    held = facts.own_assignment_for(Action.ASK_SEND_BACK)
    ticket = facts.ticket
    if ticket.finally_ruled:
        raise RuleBroken("after a final ruling nobody sends back", code="finally_ruled")
    return (
        ev.SendBackAsked(
            state=ticket.state,
            department=held.department,
            reason=facts.command.reason,
            final=ticket.send_backs >= facts.rules.send_backs_before_ruling,
        ),
    )


def _request_extension(facts: Facts[cmd.RequestExtension]) -> tuple[ev.Event, ...]:
    held, ticket, command = _working(facts), facts.ticket, facts.command
    if any(r.kind is ReviewKind.EXTENSION for r in ticket.open_reviews):
        raise RuleBroken("an extension is being reviewed already", code="review_open")
    if ticket.extensions >= facts.rules.extensions_allowed:
        raise RuleBroken(
            f"no more than {facts.rules.extensions_allowed} extension(s) a ticket",
            code="extensions_used_up", allowed=str(facts.rules.extensions_allowed),
        )  # fmt: skip
    return (
        ev.ExtensionRequested(
            state=ticket.state, department=held.department,
            working_days=command.working_days, reason=command.reason,
        ),
    )  # fmt: skip


HANDLING: Mapping[Action, Callable[[Facts[Any]], tuple[ev.Event, ...]]] = {
    Action.DISPATCH: _dispatch,
    Action.REDISPATCH: _redispatch,
    Action.ACKNOWLEDGE: _acknowledge,
    Action.GIVE_FEEDBACK: _give_feedback,
    Action.MEDIATE: _mediate,
    Action.COMPLETE: _complete,
    Action.ASK_SEND_BACK: _ask_send_back,
    Action.REQUEST_EXTENSION: _request_extension,
}
