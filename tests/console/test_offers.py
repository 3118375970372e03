"""What a ticket's page offers: never what would surely be refused, one primary action."""

from typing import Any

import pytest

from console.offers import Offer, offers
from schemas.errors import CommandRefused
from schemas.lifecycle import Action
from schemas.parties import Actor, Role
from schemas.ticket import Source, Ticket
from tests.console.stage import CAST, Stage


def offered(ticket: Ticket, user: str) -> list[Action]:
    return [one.action for one in made(ticket, user)]


def made(ticket: Ticket, user: str) -> list[Offer]:
    role, department = CAST[user]
    actor = Actor(actor_id=user, roles=frozenset({role}), department=department)
    return offers(ticket, actor)


async def test_superior_assigned_ticket_is_declined_by_review_only(stage: Stage) -> None:
    own = await stage.registered()
    above = await stage.registered(superior_assigned=True, source=Source.PROVINCIAL)
    assert Action.DECLINE in offered(own, "operator")
    assert Action.ASK_DECLINE not in offered(own, "operator")
    assert Action.ASK_DECLINE in offered(above, "operator")
    assert Action.DECLINE not in offered(above, "operator")
    asked = await stage.do("operator", Action.ASK_DECLINE, above.ticket_id, reason="越级")
    assert Action.ASK_DECLINE not in offered(asked, "operator")
    assert made(asked, "reviewer")[0].action is Action.GRANT_DECLINE


async def test_department_is_offered_what_its_share_allows(stage: Stage) -> None:
    ticket = await stage.dispatched("scjg", "cgj")
    assert offered(ticket, "handler") == [Action.ACKNOWLEDGE, Action.ASK_SEND_BACK]
    ticket = await stage.do("handler", Action.ACKNOWLEDGE, ticket.ticket_id)
    assert made(ticket, "handler")[0].action is Action.COMPLETE
    assert offered(ticket, "other") == [Action.ACKNOWLEDGE, Action.ASK_SEND_BACK]
    ticket = await stage.do(
        "handler", Action.REQUEST_EXTENSION, ticket.ticket_id, working_days=3, reason="鉴定"
    )
    assert Action.REQUEST_EXTENSION not in offered(ticket, "handler")
    ticket = await stage.do(
        "reviewer", Action.GRANT_EXTENSION, ticket.ticket_id,
        review_no=ticket.open_reviews[0].review_no,
    )  # fmt: skip
    assert Action.REQUEST_EXTENSION not in offered(ticket, "handler"), "one extension a ticket"


async def test_second_send_back_is_the_leaders_to_rule(stage: Stage) -> None:
    ticket = await stage.dispatched()
    ticket = await stage.do("handler", Action.ASK_SEND_BACK, ticket.ticket_id, reason="不是")
    assert Action.GRANT_SEND_BACK in offered(ticket, "reviewer")
    assert Action.RULE_FINALLY not in offered(ticket, "leader")
    ticket = await stage.do(
        "reviewer", Action.GRANT_SEND_BACK, ticket.ticket_id,
        review_no=ticket.open_reviews[0].review_no, departments=("cgj",),
    )  # fmt: skip
    ticket = await stage.do("other", Action.ASK_SEND_BACK, ticket.ticket_id, reason="也不是")
    assert made(ticket, "leader")[0].action is Action.RULE_FINALLY
    assert Action.GRANT_SEND_BACK not in offered(ticket, "leader")
    assert not {Action.GRANT_SEND_BACK, Action.REFUSE_SEND_BACK} & set(offered(ticket, "reviewer"))
    ticket = await stage.do(
        "leader", Action.RULE_FINALLY, ticket.ticket_id,
        review_no=ticket.open_reviews[0].review_no, departments=("scjg",),
    )  # fmt: skip
    assert Action.ASK_SEND_BACK not in offered(ticket, "handler"), "after a final ruling"


async def test_every_unanswered_reminder_has_an_offer_of_its_own(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    for text in ("一", "二"):
        ticket = await stage.do("leader", Action.REMIND, ticket.ticket_id, text=text)
    answers = [one for one in made(ticket, "handler") if one.action is Action.ANSWER_REMINDER]
    assert [one.subject for one in answers] == [r.reminder_no for r in ticket.reminders]


@pytest.mark.parametrize("user", ["secadmin", "auditor", "sysadmin"])
async def test_administrators_are_offered_nothing(stage: Stage, user: str) -> None:
    assert made(await stage.acknowledged(), user) == []


async def test_after_a_refusal_the_buttons_are_those_of_the_ticket_as_it_is(stage: Stage) -> None:
    ticket = await stage.registered()
    browser = await stage.browser("operator")
    await browser.get(f"/tickets/{ticket.ticket_id}")
    assert 'data-test="offer-decline"' in browser.text
    path = f"/tickets/{ticket.ticket_id}/actions/decline"
    await browser.get(path, htmx=True)
    assert 'id="offers"' not in browser.text, "a form that was asked for leaves the buttons alone"
    await stage.do("operator", Action.ACCEPT, ticket.ticket_id)
    answer = await browser.post(path, {"reason": "已诉讼"}, htmx=True)
    assert answer.status == 409
    assert '<div id="offers" hx-swap-oob="innerHTML">' in browser.text
    assert 'data-test="offer-answer_directly"' in browser.text
    for gone in ("decline", "accept"):
        assert f'data-test="offer-{gone}"' not in browser.text
    await browser.get(f"/tickets/{ticket.ticket_id}/offers", htmx=True)
    assert 'data-test="offer-answer_directly"' in browser.text
    assert 'data-test="offer-decline"' not in browser.text


SAMPLE: dict[str, Any] = {
    "reason": "理由", "text": "内容", "result": "结果", "note": "", "reply": "", "agreed": True,
    "satisfied": True, "resolved": True, "working_days": 3, "form": "single",
    "departments": ("swj",),
}  # fmt: skip


@pytest.mark.parametrize(
    "state", ["registered", "accepted", "dispatched", "acknowledged", "completed"]
)
@pytest.mark.parametrize("user", ["operator", "dispatcher", "handler", "reviewer", "leader"])
async def test_what_is_offered_is_not_refused(stage: Stage, state: str, user: str) -> None:
    """Each offer is tried on a ticket of its own; at most one is primary and it comes first."""
    ticket = await getattr(stage, state)()
    found = made(ticket, user)
    tones = [one.tone for one in found]
    assert tones.count("primary") <= 1
    assert tones == sorted(tones, key=["primary", "neutral", "danger"].index)
    for offer in found:
        if offer.action in (Action.AMEND, Action.MERGE):
            continue  # they need another ticket or a change; see their own tests
        fresh = await getattr(stage, state)()
        subject = {"review_no": fresh.open_reviews[0].review_no} if offer.subject else {}
        fields = stage.fields_of(offer.action, SAMPLE | subject)
        try:
            await stage.do(user, offer.action, fresh.ticket_id, **fields)
        except CommandRefused as refused:
            pytest.fail(f"{offer.action} was offered and refused: {refused.code}")


def test_roles_of_people_cover_the_cast() -> None:
    assert {role for role, _ in CAST.values()} == set(Role) - {
        Role.CITIZEN, Role.PEER, Role.SYSTEM, Role.MACHINE,
    }  # fmt: skip
