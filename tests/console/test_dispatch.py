"""The dispatch desk: candidates, three forms, search, preview, the next ticket."""

import re
from datetime import timedelta
from uuid import UUID

import pytest

from console.rendering import fresh_command_id
from schemas.commands import Propose
from schemas.parties import Actor, Role
from schemas.proposal import Candidate, Proposal
from schemas.ticket import Part
from tests.console.stage import Stage

CANDIDATES = (("scjg", 0.62, "“储值卡”“余额”"), ("swj", 0.19, "“预付”"), ("gaj", 0.08, "“拉黑”"))


async def propose(stage: Stage, ticket_id: int) -> None:
    machine = Actor(actor_id="system:assign", roles=frozenset({Role.MACHINE}))
    proposal = Proposal(
        candidates=tuple(
            Candidate(department=code, probability=p, reasons=(why,)) for code, p, why in CANDIDATES
        ),
        abstained_because="最高概率低于阈值 95%",
    )
    await stage.store.desk.execute(
        Propose(
            command_id=UUID(fresh_command_id(stage.clock())), ticket_id=ticket_id, actor=machine,
            at=stage.clock(), proposal=proposal,
        )
    )  # fmt: skip


async def test_candidates_stand_by_falling_probability_with_reasons(stage: Stage) -> None:
    ticket = await stage.accepted()
    await propose(stage, ticket.ticket_id)
    browser = await stage.browser("dispatcher")
    await browser.get(f"/dispatch/{ticket.ticket_id}")
    assert re.findall(r'data-department="(\w+)"', browser.text) == ["scjg", "swj", "gaj"]
    assert re.findall(r'st-num">(\d+)%', browser.text) == ["62", "19", "8"]
    assert "市场监督管理局" in browser.text
    assert "“储值卡”“余额”" in browser.text
    assert "最高概率低于阈值 95%" in browser.text


@pytest.mark.parametrize(
    ("form", "typed", "parts"),
    [
        ("single", [("lead", "scjg"), ("assist", "swj")], {"scjg": Part.SINGLE}),
        (
            "lead",
            [("lead", "swj"), ("assist", "scjg"), ("assist", "swj")],
            {"swj": Part.LEAD, "scjg": Part.ASSISTING},
        ),
        (
            "parallel",
            [("lead", "gaj"), ("assist", "scjg"), ("assist", "swj")],
            {"scjg": Part.PARALLEL, "swj": Part.PARALLEL},
        ),
    ],
)
async def test_three_forms(
    stage: Stage, form: str, typed: list[tuple[str, str]], parts: dict[str, Part]
) -> None:
    ticket = await stage.accepted()
    await propose(stage, ticket.ticket_id)
    browser = await stage.browser("dispatcher")
    await browser.get(f"/dispatch/{ticket.ticket_id}")
    path = f"/tickets/{ticket.ticket_id}/actions/dispatch"
    answer = await browser.post(
        path, [("dispatch_form", form), *typed, ("note", "请核查"), ("handle_working_days", "3")]
    )
    assert answer.status == 303
    head = await stage.head(ticket.ticket_id)
    assert {share.department: share.part for share in head.assignments} == parts


async def test_dispatched_ticket_leads_on_to_the_next(stage: Stage) -> None:
    first, second = await stage.accepted(), await stage.accepted()
    browser = await stage.browser("dispatcher")
    await browser.get(f"/dispatch/{first.ticket_id}")
    assert "/ 2 件" in browser.text
    path = f"/tickets/{first.ticket_id}/actions/dispatch"
    answer = await browser.post(path, {"dispatch_form": "single", "lead": "scjg"})
    assert answer.headers["Location"] == f"/dispatch/{second.ticket_id}?done=dispatch"
    await browser.get(answer.headers["Location"])
    answer = await browser.post(
        f"/tickets/{second.ticket_id}/actions/dispatch", {"dispatch_form": "single", "lead": "scjg"}
    )
    assert answer.headers["Location"] == "/dispatch?done=dispatch"
    answer = await browser.get(f"/dispatch/{first.ticket_id}")
    assert answer.headers["Location"] == f"/tickets/{first.ticket_id}"


async def test_no_department_is_said_and_the_choice_stays(stage: Stage) -> None:
    ticket = await stage.accepted()
    browser = await stage.browser("dispatcher")
    await browser.get(f"/dispatch/{ticket.ticket_id}")
    assert "尚无派单建议" in browser.text
    path = f"/tickets/{ticket.ticket_id}/actions/dispatch"
    answer = await browser.post(path, {"dispatch_form": "single"}, htmx=True)
    assert answer.status == 422
    assert "请填写派往部门" in browser.text
    answer = await browser.post(path, {"dispatch_form": "lead", "lead": "scjg"}, htmx=True)
    assert answer.status == 409
    assert "部门数量与派发方式不符" in browser.text
    assert re.search(r'value="scjg"[^>]* checked', browser.text)


@pytest.mark.parametrize("words", ["scjg", "市场监督", "食品安全", "shichang"])
async def test_departments_are_found_by_initials_name_and_keyword(stage: Stage, words: str) -> None:
    browser = await stage.browser("dispatcher")
    await browser.get(f"/departments?q={words}", htmx=True)
    assert 'data-test="add-scjg"' in browser.text


async def test_found_department_becomes_a_candidate(stage: Stage) -> None:
    browser = await stage.browser("dispatcher")
    await browser.get("/departments/scjg/choice", htmx=True)
    assert 'name="lead"' in browser.text
    assert 'value="scjg" aria-label="市场监督管理局' in browser.text
    assert 'name="lead" id="c-scjg" value="scjg"' in browser.text
    assert browser.text.count(" checked") == 1
    await browser.get("/departments/scjg/choice?dispatch_form=lead", htmx=True)
    assert 'name="assist" value="scjg" checked' in browser.text, "the lead stays who it was"
    assert browser.text.count(" checked") == 1
    assert (await browser.get("/departments/nowhere/choice", htmx=True)).status == 404
    await browser.get("/departments?q=没有这样的部门", htmx=True)
    assert "没有与" in browser.text


async def test_due_date_is_previewed_with_a_stricter_limit(stage: Stage) -> None:
    ticket = await stage.accepted()
    browser = await stage.browser("dispatcher")
    await browser.get(f"/dispatch/{ticket.ticket_id}")
    assert "12月15日 23:59" in browser.text, "15 working days of a complaint"
    await browser.get(f"/dispatch/{ticket.ticket_id}/due?handle_working_days=2")
    assert browser.text == "11月26日 23:59"
    await browser.get(f"/dispatch/{ticket.ticket_id}/due?handle_working_days=x")
    assert browser.text == "12月15日 23:59"


async def test_the_whole_way_is_previewed_from_when_the_matter_was_received(stage: Stage) -> None:
    week_ago = stage.clock() - timedelta(days=7)
    ticket = await stage.accepted(received_at=week_ago)
    browser = await stage.browser("dispatcher")
    await browser.get(f"/dispatch/{ticket.ticket_id}/due")
    assert browser.text == "12月8日 23:59"
