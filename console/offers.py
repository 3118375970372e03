"""Which actions a ticket's page offers to somebody: the tables, narrowed by shares and reviews.

An offer is a courtesy; the desk decides again when the form arrives.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from console import say
from console.forms import FORMS
from schemas.lifecycle import ASSIGNMENT, REVIEW, TICKET, Action, possible_actions
from schemas.parties import Actor, Role
from schemas.ticket import ReviewKind, Ticket

Tone = Literal["primary", "neutral", "danger"]

# the first of these that is possible is the page's one primary button
_FIRST = (
    Action.REGISTER, Action.GRANT_DECLINE, Action.RULE_FINALLY, Action.GRANT_SEND_BACK,
    Action.GRANT_EXTENSION, Action.PASS_CLOSURE, Action.ACCEPT, Action.DISPATCH,
    Action.ACKNOWLEDGE, Action.COMPLETE, Action.REPLY, Action.FOLLOW_UP, Action.RESUME,
    Action.ANSWER_REMINDER,
)  # fmt: skip
_DANGER = frozenset(
    {
        Action.DISCARD, Action.DECLINE, Action.ASK_DECLINE, Action.REFUSE_DECLINE,
        Action.RETURN_TO_INTAKE, Action.ASK_SEND_BACK, Action.REFUSE_SEND_BACK,
        Action.REFUSE_EXTENSION, Action.RETURN_CLOSURE, Action.REWORK, Action.CLOSE,
        Action.SUSPEND, Action.WITHDRAW,
    }
)  # fmt: skip
# actions with a page of their own instead of a form on the ticket's page
OWN_PAGE = {
    Action.REGISTER: "/intake/drafts/{}",
    Action.AMEND: "/tickets/{}/amend",
    Action.DISPATCH: "/dispatch/{}",
}
_DECIDES: dict[Action, ReviewKind] = {
    action: kind for kind, action in REVIEW if action is not Action.CLOSE
}
_NEEDS_WORKING_SHARE = frozenset(
    {Action.GIVE_FEEDBACK, Action.MEDIATE, Action.REQUEST_EXTENSION, Action.COMPLETE}
)


@dataclass(frozen=True)
class Offer:
    """subject: review_no or reminder_no that the action is about, else None."""

    action: Action
    tone: Tone
    href: str
    subject: int | None = None

    @property
    def label(self) -> str:
        return say.text(self.action)

    @property
    def own_page(self) -> bool:
        return self.action in OWN_PAGE


def offers(ticket: Ticket, actor: Actor, *, extensions_allowed: int = 1) -> list[Offer]:
    """Primary first, then neutral ones, refusing and withdrawing last."""
    possible = [
        (action, subject)
        for action in possible_actions(ticket.state, actor.roles)
        if action in FORMS or action in OWN_PAGE
        for subject in _subjects(ticket, actor, action)
        if not (action is Action.REQUEST_EXTENSION and ticket.extensions >= extensions_allowed)
    ]
    names = [action for action, _ in possible]
    primary = next((action for action in _FIRST if action in names), None)
    made = [_offer(ticket.ticket_id, action, subject, primary) for action, subject in possible]
    rank = {"primary": 0, "neutral": 1, "danger": 2}
    return sorted(made, key=lambda offer: rank[offer.tone])


def _offer(ticket_id: int, action: Action, subject: int | None, primary: Action | None) -> Offer:
    tone: Tone = "primary" if action is primary else "danger" if action in _DANGER else "neutral"
    own = OWN_PAGE.get(action)
    href = own.format(ticket_id) if own else f"/tickets/{ticket_id}/actions/{action}"
    return Offer(action, tone, href + (f"?subject={subject}" if subject else ""), subject)


def _subjects(ticket: Ticket, actor: Actor, action: Action) -> Iterator[int | None]:
    """What the action can be about now; nothing when it would surely be refused."""
    if TICKET[ticket.state, action].roles & actor.roles == {Role.HANDLER} and not _own_share(
        ticket, actor, action
    ):
        return
    if action is Action.ANSWER_REMINDER:
        yield from (r.reminder_no for r in ticket.reminders if r.answered_at is None)
    elif (kind := _DECIDES.get(action)) is not None:
        yield from _reviews(ticket, actor, action, kind)
    elif action is Action.DECLINE:
        yield from [] if ticket.superior_assigned else [None]
    elif action is Action.ASK_DECLINE:
        asked = any(r.kind is ReviewKind.DECLINE for r in ticket.open_reviews)
        yield from [None] if ticket.superior_assigned and not asked else []
    else:
        yield None


def _reviews(
    ticket: Ticket, actor: Actor, action: Action, kind: ReviewKind
) -> Iterator[int | None]:
    for review in ticket.open_reviews:
        if review.kind is not kind:
            continue
        if kind is ReviewKind.SEND_BACK:
            if review.final and not actor.has(Role.LEADER):
                continue
            if (action is Action.RULE_FINALLY) is not review.final and (
                action is not Action.REFUSE_SEND_BACK
            ):
                continue
        yield review.review_no


def _own_share(ticket: Ticket, actor: Actor, action: Action) -> bool:
    held = ticket.assignment_of(actor.department) if actor.department else None
    if held is None:
        return False
    if action is Action.ASK_SEND_BACK and ticket.finally_ruled:
        return False
    if action is Action.REQUEST_EXTENSION and any(
        r.kind is ReviewKind.EXTENSION for r in ticket.open_reviews
    ):
        return False
    wanted = Action.COMPLETE if action in _NEEDS_WORKING_SHARE else action
    is_share_action = any(wanted is known for _, known in ASSIGNMENT)
    return not is_share_action or (held.state, wanted) in ASSIGNMENT
