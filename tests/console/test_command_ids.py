"""Command ids from outside: the hub's own can be worked out beforehand, and must stay its own."""

from pathlib import Path

from schemas.card_policy import CardColour
from schemas.commands import IssueCard
from schemas.ids import created_at, derived_command_id, is_derived
from schemas.lifecycle import Action
from streams.sla_ticks import CLOCKS
from tests.console.api_stage import api_stage
from tests.console.stage import Clock, Stage
from ticket_store.store import Store


def card(ticket_id: int, clock: Clock) -> IssueCard:
    """The next card of the ticket, with an id made as the clocks make theirs."""
    act = "handle:scjg:yellow:0"
    return IssueCard(
        command_id=derived_command_id(created_at(ticket_id), "clock", ticket_id, act),
        ticket_id=ticket_id,
        actor=CLOCKS,
        at=clock(),
        clock="handle:scjg",
        colour=CardColour.YELLOW,
        department="scjg",
        arithmetic={},
    )


async def is_issued(store: Store, coming: IssueCard) -> bool:
    outcome = await store.desk.execute(coming)
    return not outcome.repeated and [one.event.kind for one in outcome.events] == ["card_issued"]


async def test_a_department_kept_its_card_away_by_a_key_of_the_api(tmp_path: Path) -> None:
    async with api_stage(tmp_path / "tickets.db") as stage:
        ticket_id = (await stage.create())["ticket_id"]
        await stage.done("dispatcher", ticket_id, "dispatch", departments=["scjg"])
        coming = card(ticket_id, stage.clock)
        status, said = await stage.act("handler", ticket_id, "acknowledge", str(coming.command_id))
        assert status == 200
        assert said["command_id"] != str(coming.command_id)
        again, repeated = await stage.act(
            "handler", ticket_id, "acknowledge", str(coming.command_id)
        )
        assert (again, repeated["repeated"]) == (200, True)
        assert await is_issued(stage.store, coming)


async def test_a_department_kept_its_card_away_by_a_changed_form(stage: Stage) -> None:
    ticket = await stage.dispatched()
    coming = card(ticket.ticket_id, stage.clock)
    browser = await stage.browser("handler")
    path = f"/tickets/{ticket.ticket_id}/actions/{Action.ACKNOWLEDGE}"
    await browser.get(path)
    answer = await browser.post(path, {"command_id": str(coming.command_id)})
    assert (answer.status, "页面已失效" in browser.text) == (422, True)
    assert await is_issued(stage.store, coming)


async def test_an_amendment_takes_no_id_of_the_hubs_own(stage: Stage) -> None:
    ticket = await stage.registered()
    coming = card(ticket.ticket_id, stage.clock)
    browser = await stage.browser("operator")
    path = f"/tickets/{ticket.ticket_id}/amend"
    await browser.get(path)
    fields = {"title": "另一个标题", "text": "内容", "kind": "help", "reason": "更正"}
    answer = await browser.post(path, fields | {"command_id": str(coming.command_id)})
    assert (answer.status, "页面已失效" in browser.text) == (422, True)


def test_derived_ids_are_told_from_all_others() -> None:
    derived = derived_command_id(Clock()(), "m1", "register")
    assert (derived.version, derived.variant) == (8, "specified in RFC 4122")
    assert is_derived(derived)
