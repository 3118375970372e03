"""Decisions on intake: register, accept, decline, amend, and what the source adds."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from schemas import commands as cmd
from schemas import events as ev
from schemas.decide_parts import Facts
from schemas.errors import NotEntitled, RuleBroken, TransitionRefused
from schemas.lifecycle import Action
from schemas.parties import Role
from schemas.ticket import Registration, ReviewKind, State


def _head(registration: Registration, peer_updated_at: datetime | None) -> dict[str, Any]:
    matter = registration.matter
    return {
        "source": registration.source,
        "peer": registration.peer,
        "source_ticket_no": registration.source_ticket_no,
        "superior_assigned": registration.superior_assigned,
        "title": matter.title,
        "matter_kind": matter.kind,
        "urgency": matter.urgency,
        "category_code": matter.category_code,
        "area_code": matter.area_code,
        "has_citizen": registration.citizen is not None,
        "handling_mode": registration.handling_mode,
        "received_at": registration.received_at,
        "peer_updated_at": peer_updated_at,
    }


def _save_draft(facts: Facts[cmd.SaveDraft]) -> tuple[ev.Event, ...]:
    command = facts.command
    return (
        ev.DraftSaved(state=State.DRAFT, **_head(command.registration, command.peer_updated_at)),
    )


def _register(facts: Facts[cmd.RegisterTicket]) -> tuple[ev.Event, ...]:
    command = facts.command
    registered = ev.TicketRegistered(
        state=State.RECEIVED, **_head(command.registration, command.peer_updated_at)
    )
    if not command.accept:
        return (registered,)
    if not command.actor.has(Role.OPERATOR):
        raise NotEntitled("only an operator accepts while registering", action=command.action)
    return (registered, ev.TicketAccepted(state=State.ACCEPTED))


def _discard(facts: Facts[cmd.DiscardDraft]) -> tuple[ev.Event, ...]:
    return (ev.DraftDiscarded(state=State.DISCARDED, reason=facts.command.reason),)


def _accept(facts: Facts[cmd.AcceptTicket]) -> tuple[ev.Event, ...]:
    return (ev.TicketAccepted(state=State.ACCEPTED, note=facts.command.note),)


def _decline(facts: Facts[cmd.DeclineTicket]) -> tuple[ev.Event, ...]:
    if facts.ticket.superior_assigned:
        raise RuleBroken(
            "a superior-assigned ticket needs a decline review", code="decline_needs_review"
        )
    return (ev.TicketDeclined(state=State.DECLINED, reason=facts.command.reason),)


def _ask_decline(facts: Facts[cmd.AskDecline]) -> tuple[ev.Event, ...]:
    if not facts.ticket.superior_assigned:
        raise RuleBroken(
            "only a superior-assigned ticket needs a review", code="decline_needs_no_review"
        )
    if any(r.kind is ReviewKind.DECLINE for r in facts.ticket.open_reviews):
        raise RuleBroken("a decline review is open already", code="review_open")
    return (ev.DeclineAsked(state=State.RECEIVED, reason=facts.command.reason),)


def _grant_decline(facts: Facts[cmd.GrantDecline]) -> tuple[ev.Event, ...]:
    review = facts.open_review(ReviewKind.DECLINE)
    return (
        ev.TicketDeclined(state=State.DECLINED, reason=review.reason, review_no=review.review_no),
    )


def _refuse_decline(facts: Facts[cmd.RefuseDecline]) -> tuple[ev.Event, ...]:
    review = facts.open_review(ReviewKind.DECLINE)
    return (
        ev.DeclineRefused(
            state=State.ACCEPTED, review_no=review.review_no, reason=facts.command.reason
        ),
    )


def _amend(facts: Facts[cmd.AmendTicket]) -> tuple[ev.Event, ...]:
    ticket, command = facts.ticket, facts.command
    matter = command.matter
    head: dict[str, Any] = {name: getattr(ticket, name) for name in ev.HeadFields.model_fields}
    if matter is not None:
        head |= {
            "title": matter.title, "matter_kind": matter.kind, "urgency": matter.urgency,
            "category_code": matter.category_code, "area_code": matter.area_code,
        }  # fmt: skip
    elif command.citizen is None and command.accused is None:
        return ()
    head["has_citizen"] = ticket.has_citizen or command.citizen is not None
    return (ev.TicketAmended(state=ticket.state, reason=command.reason, **head),)


def _supplement(facts: Facts[cmd.SupplementMatter]) -> tuple[ev.Event, ...]:
    count = len(facts.command.attachments)
    return (ev.MatterSupplemented(state=facts.ticket.state, attachments=count),)


def _note_peer_update(facts: Facts[cmd.NotePeerUpdate]) -> tuple[ev.Event, ...]:
    ticket, command = facts.ticket, facts.command
    if ticket.peer_updated_at is not None and command.peer_updated_at <= ticket.peer_updated_at:
        raise TransitionRefused(
            "an equally new or newer update of the source is known", code="peer_update_stale"
        )
    head = None
    if command.registration is not None:
        head = ev.HeadFields(**_head(command.registration, command.peer_updated_at))
    return (
        ev.PeerUpdateNoted(
            state=ticket.state, peer_updated_at=command.peer_updated_at,
            peer_state=command.peer_state, head=head,
        ),
    )  # fmt: skip


def _answer_directly(facts: Facts[cmd.AnswerDirectly]) -> tuple[ev.Event, ...]:
    return (ev.DirectlyAnswered(state=State.AWAITING_FOLLOW_UP, text=facts.command.text),)


def _propose(facts: Facts[cmd.Propose]) -> tuple[ev.Event, ...]:
    return (ev.ProposalMade(state=facts.ticket.state, proposal=facts.command.proposal),)


def _return_to_intake(facts: Facts[cmd.ReturnToIntake]) -> tuple[ev.Event, ...]:
    return (ev.ReturnedToIntake(state=State.RECEIVED, reason=facts.command.reason),)


INTAKE: Mapping[Action, Callable[[Facts[Any]], tuple[ev.Event, ...]]] = {
    Action.SAVE_DRAFT: _save_draft,
    Action.REGISTER: _register,
    Action.DISCARD: _discard,
    Action.ACCEPT: _accept,
    Action.DECLINE: _decline,
    Action.ASK_DECLINE: _ask_decline,
    Action.GRANT_DECLINE: _grant_decline,
    Action.REFUSE_DECLINE: _refuse_decline,
    Action.AMEND: _amend,
    Action.SUPPLEMENT: _supplement,
    Action.NOTE_PEER_UPDATE: _note_peer_update,
    Action.ANSWER_DIRECTLY: _answer_directly,
    Action.PROPOSE: _propose,
    Action.RETURN_TO_INTAKE: _return_to_intake,
}
