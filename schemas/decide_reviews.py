"""Decisions on reviews: send-back, final ruling, extension, closure."""

from collections.abc import Callable, Mapping
from typing import Any

from schemas import commands as cmd
from schemas import events as ev
from schemas.decide_handling import dispatched, state_of_shares
from schemas.decide_parts import Facts
from schemas.errors import NotEntitled, RuleBroken
from schemas.lifecycle import Action
from schemas.parties import Role
from schemas.ticket import Assignment, AssignmentState, Part, Review, ReviewKind, State


def _asked_share(facts: Facts[Any], review: Review) -> Assignment:
    held = facts.ticket.assignment_of(review.department or "")
    if held is None or held.state is not AssignmentState.SEND_BACK_ASKED:
        raise RuleBroken("the department holds no share that waits", code="no_open_review")
    return held


def _send_back_review(facts: Facts[Any]) -> tuple[Review, Assignment]:
    review = facts.open_review(ReviewKind.SEND_BACK)
    if review.final and not facts.command.actor.has(Role.LEADER):
        raise NotEntitled(
            "a repeated send-back goes to a leader's final ruling", code="ruling_is_leaders"
        )
    return review, _asked_share(facts, review)


def _grant_send_back(facts: Facts[cmd.GrantSendBack]) -> tuple[ev.Event, ...]:
    review, held = _send_back_review(facts)
    command = facts.command
    if review.final:
        raise RuleBroken("a final ruling names the departments", code="ruling_needed")
    if command.departments and _others_go_on(facts, held):
        return (_replacement(facts, review, held),)
    if command.departments:
        event = dispatched(
            facts, "send_back", review_no=review.review_no, sent_back=held.department
        )
        return (event,)
    gone = held.model_copy(update={"state": AssignmentState.SENT_BACK})
    return (
        ev.SendBackGranted(
            state=state_of_shares(facts.ticket, gone), department=held.department,
            review_no=review.review_no, note=command.note,
        ),
    )  # fmt: skip


def _others_go_on(facts: Facts[Any], held: Assignment) -> bool:
    """Whether departments that count are left, whose work a new round would throw away."""
    gone = held.model_copy(update={"state": AssignmentState.SENT_BACK})
    return held.part in (Part.ASSISTING, Part.PARALLEL) and (
        state_of_shares(facts.ticket, gone) is not State.ACCEPTED
    )


def _replacement(
    facts: Facts[cmd.GrantSendBack], review: Review, held: Assignment
) -> ev.TicketDispatched:
    """Others take over the one share, in the same round and part."""
    command, ticket = facts.command, facts.ticket
    if len(set(command.departments)) != len(command.departments):
        raise RuleBroken("a department is named twice", code="department_twice")
    for code in command.departments:
        if code in ticket.departments:
            raise RuleBroken("the department has a share already", code="department_twice")
        if not facts.rules.knows_department(code):
            raise RuleBroken(f"no department {code}", code="department_unknown", department=code)
    return ev.TicketDispatched(
        state=ticket.state,
        round=ticket.round,
        form=command.form,
        assignments=tuple(
            ev.NewAssignment(department=code, part=held.part) for code in command.departments
        ),
        note=command.note,
        why="send_back",
        review_no=review.review_no,
        sent_back=held.department,
    )


def _refuse_send_back(facts: Facts[cmd.RefuseSendBack]) -> tuple[ev.Event, ...]:
    review, held = _send_back_review(facts)
    return (
        ev.SendBackRefused(
            state=facts.ticket.state, department=held.department, review_no=review.review_no,
            reason=facts.command.reason, back_to=held.before_asking or AssignmentState.PENDING,
        ),
    )  # fmt: skip


def _rule_finally(facts: Facts[cmd.RuleFinally]) -> tuple[ev.Event, ...]:
    review, held = _send_back_review(facts)
    if not review.final:
        raise RuleBroken("this send-back is decided by its review", code="ruling_not_needed")
    return (
        dispatched(facts, "final_ruling", review_no=review.review_no, sent_back=held.department),
    )


def _grant_extension(facts: Facts[cmd.GrantExtension]) -> tuple[ev.Event, ...]:
    review, command = facts.open_review(ReviewKind.EXTENSION), facts.command
    asked = review.working_days or 1
    granted = command.working_days or asked
    if granted > asked:
        raise RuleBroken(
            "no more days than were asked for", code="more_than_asked", asked=str(asked)
        )
    return (
        ev.ExtensionGranted(
            state=facts.ticket.state, department=review.department or "",
            review_no=review.review_no, working_days=granted, note=command.note,
        ),
    )  # fmt: skip


def _refuse_extension(facts: Facts[cmd.RefuseExtension]) -> tuple[ev.Event, ...]:
    review = facts.open_review(ReviewKind.EXTENSION)
    return (
        ev.ExtensionRefused(
            state=facts.ticket.state, department=review.department or "",
            review_no=review.review_no, reason=facts.command.reason,
        ),
    )  # fmt: skip


def _pass_closure(facts: Facts[cmd.PassClosure]) -> tuple[ev.Event, ...]:
    review = facts.open_review(ReviewKind.CLOSURE)
    return (
        ev.ClosurePassed(
            state=State.AWAITING_REPLY, review_no=review.review_no, note=facts.command.note
        ),
    )


def _return_closure(facts: Facts[cmd.ReturnClosure]) -> tuple[ev.Event, ...]:
    review = facts.open_review(ReviewKind.CLOSURE)
    return (
        ev.ClosureReturned(
            state=State.DISPATCHED, review_no=review.review_no, reason=facts.command.reason
        ),
    )


def _redispatch_closure(facts: Facts[cmd.RedispatchClosure]) -> tuple[ev.Event, ...]:
    review = facts.open_review(ReviewKind.CLOSURE)
    return (dispatched(facts, "closure", review_no=review.review_no),)


REVIEWS: Mapping[Action, Callable[[Facts[Any]], tuple[ev.Event, ...]]] = {
    Action.GRANT_SEND_BACK: _grant_send_back,
    Action.REFUSE_SEND_BACK: _refuse_send_back,
    Action.RULE_FINALLY: _rule_finally,
    Action.GRANT_EXTENSION: _grant_extension,
    Action.REFUSE_EXTENSION: _refuse_extension,
    Action.PASS_CLOSURE: _pass_closure,
    Action.RETURN_CLOSURE: _return_closure,
    Action.REDISPATCH_CLOSURE: _redispatch_closure,
}
