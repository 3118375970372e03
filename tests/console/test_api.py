"""A program works on tickets over /api/v1: create, act, list, read, each within its scope."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from console.api.actions import PEOPLES
from console.api.answers import Acted, Created, Departments, History, Page, Whole
from schemas.commands import SaveDraft
from schemas.ids import new_command_id
from schemas.lifecycle import Action
from schemas.parties import Actor, Role
from schemas.ticket import Registration
from tests.console.api_stage import ApiStage, api_stage, registration
from tests.console.stage import PHONE


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(tmp_path / "tickets.db") as stage:
        yield stage


async def test_a_whole_life_and_both_searches(stage: ApiStage) -> None:
    made = await stage.create()
    Created.model_validate(made)
    assert made["state"] == "accepted"
    ticket_id = made["ticket_id"]
    said = await stage.done("dispatcher", ticket_id, "dispatch", departments=["scjg"])
    Acted.model_validate(said)
    assert said["events"] == ["ticket_dispatched"]
    await stage.done("handler", ticket_id, "acknowledge")
    await stage.done("handler", ticket_id, "complete", result="已退款。")
    closed = await stage.done("reviewer", ticket_id, "close", reason="已办结", reply="余额已退。")
    assert closed["state"] == "closed"
    for filters in ({"phone": PHONE}, {"text": "健身", "from": "2026-11-01", "to": "2026-12-01"}):
        answer = await stage.call("GET", "/api/v1/tickets", "leader", params=filters)
        page = await answer.json()
        Page.model_validate(page)
        assert [row["ticket_id"] for row in page["tickets"]] == [ticket_id]
        assert page["tickets"][0]["ticket_no"] == made["ticket_no"]


async def test_the_same_key_registers_once(stage: ApiStage) -> None:
    for key in (str(uuid4()), "receipt-17"):
        answers = [
            await stage.call(
                "POST",
                "/api/v1/tickets",
                "operator",
                key=key,
                json={"registration": registration()},
            )
            for _ in range(2)
        ]
        assert [one.status for one in answers] == [201, 201]
        assert await answers[0].json() == await answers[1].json()
    page = await (await stage.call("GET", "/api/v1/tickets", "leader")).json()
    assert len(page["tickets"]) == 2


async def test_the_same_key_acts_once_and_a_key_of_another_ticket_is_refused(
    stage: ApiStage,
) -> None:
    one, two = await stage.create(accept=False), await stage.create(accept=False)
    key = str(uuid4())
    first = await stage.act("operator", one["ticket_id"], "accept", key)
    again = await stage.act("operator", one["ticket_id"], "accept", key)
    assert first[1] | {"repeated": True} == again[1]
    assert (first[0], first[1]["repeated"]) == (200, False)
    status, said = await stage.act("operator", two["ticket_id"], "accept", key)
    assert (status, said["code"]) == (409, "idempotency_key_reused")
    status, said = await stage.act("dispatcher", one["ticket_id"], "accept", key)
    assert (status, said["code"]) == (409, "idempotency_key_reused")


async def test_a_key_used_again_for_something_else_is_refused(stage: ApiStage) -> None:
    ticket_id = (await stage.create())["ticket_id"]
    key = str(uuid4())
    first = await stage.act("dispatcher", ticket_id, "dispatch", key, departments=["scjg"])
    stage.clock.pass_(minutes=1)
    again = await stage.act("dispatcher", ticket_id, "dispatch", key, departments=["scjg"])
    assert (first[0], again[0], again[1]["repeated"]) == (200, 200, True)
    for action, departments in (("redispatch", ["zjj"]), ("dispatch", ["zjj"])):
        status, said = await stage.act(
            "dispatcher", ticket_id, action, key, departments=departments
        )
        assert (status, said["code"]) == (409, "idempotency_key_reused")
    await stage.done("handler", ticket_id, "acknowledge")
    assert (await stage.act("handler", ticket_id, "give_feedback", "k", text="一"))[0] == 200
    status, said = await stage.act("handler", ticket_id, "give_feedback", "k", text="二")
    assert (status, said["code"]) == (409, "idempotency_key_reused")
    status, said = await stage.act("handler", ticket_id, "give_feedback", "k", text=" 一 ")
    assert (status, said["repeated"]) == (200, True)


async def test_a_refused_key_used_again_for_something_else_is_refused(stage: ApiStage) -> None:
    ticket_id = (await stage.create())["ticket_id"]
    await stage.done("dispatcher", ticket_id, "dispatch", departments=["scjg"])
    for key in (str(uuid4()), "k"):
        first = ("一", "assignment_state")
        for result, code in (first, first, ("二", "idempotency_key_reused")):
            status, said = await stage.act("handler", ticket_id, "complete", key, result=result)
            assert (status, said["code"]) == (409, code)


async def test_a_key_of_another_registration_is_refused(stage: ApiStage) -> None:
    answers = []
    for key, phone in (("k", PHONE), ("k", PHONE), ("k", "13900000001")):
        stage.clock.pass_(minutes=1)
        body = {"registration": registration(citizen={"name": "张三", "phone": phone})}
        answers.append(await stage.call("POST", "/api/v1/tickets", "operator", key=key, json=body))
    assert [one.status for one in answers] == [201, 201, 409]
    assert (await answers[2].json())["code"] == "idempotency_key_reused"


async def test_text_keys_are_apart_by_token_and_ticket(stage: ApiStage) -> None:
    for _ in range(2):
        ticket = await stage.create(accept=False)
        status, said = await stage.act("operator", ticket["ticket_id"], "accept", "k")
        assert (status, said["repeated"]) == (200, False)


async def test_no_token_a_wrong_one_and_a_wrong_role(stage: ApiStage) -> None:
    ticket = await stage.create()
    path = f"/api/v1/tickets/{ticket['ticket_id']}"
    for headers in ({}, {"Authorization": "Bearer stk_nobody-knows-this"}, {"Authorization": "x"}):
        answer = await stage.call("GET", path, headers=headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.content_type == "application/problem+json"
    assert (await stage.call("GET", path, "admin")).status == 403
    answer = await stage.call(
        "POST", "/api/v1/tickets", "dispatcher", json={"registration": registration()}
    )
    assert answer.status == 403
    assert (await stage.act("reviewer", ticket["ticket_id"], "dispatch", departments=["scjg"]))[
        0
    ] == 403


async def test_no_answer_is_a_page(stage: ApiStage) -> None:
    for path, who in (("/api/v1/tickets", "leader"), ("/api/v1/tickets", None), ("/api/x", None)):
        answer = await stage.call("GET", path, who)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"


async def test_a_revoked_token_is_refused_within_seconds(stage: ApiStage) -> None:
    assert (await stage.call("GET", "/api/v1/tickets", "leader")).status == 200
    tokens = {one.name: one.token_id for one in await stage.store.people.tokens.all()}
    await stage.store.people.tokens.revoke("secadmin", tokens["leader"])
    stage.monotonic.at += 3.0
    assert (await stage.call("GET", "/api/v1/tickets", "leader")).status == 401


async def test_a_department_sees_its_tickets_only(stage: ApiStage) -> None:
    ticket = await stage.create()
    await stage.done("dispatcher", ticket["ticket_id"], "dispatch", departments=["scjg"])
    for path in ("", "/events"):
        asked = f"/api/v1/tickets/{ticket['ticket_no']}{path}"
        assert (await stage.call("GET", asked, "handler")).status == 200
        assert (await stage.call("GET", asked, "other")).status == 404
    rows = [
        (await (await stage.call("GET", "/api/v1/tickets", who)).json())["tickets"]
        for who in ("handler", "other")
    ]
    assert [len(found) for found in rows] == [1, 0]
    status, said = await stage.act("other", ticket["ticket_id"], "acknowledge")
    assert (status, said["code"]) == (404, "unknown_ticket")
    gone = await stage.act("other", ticket["ticket_id"] + 1, "acknowledge")
    assert gone == (status, said)


async def test_citizen_is_masked_until_somebody_entitled_asks_and_that_is_audited(
    stage: ApiStage,
) -> None:
    ticket = await stage.create(citizen={"name": "张三", "phone": PHONE, "confidential": True})
    await stage.done("dispatcher", ticket["ticket_id"], "dispatch", departments=["scjg"])
    path, hidden = f"/api/v1/tickets/{ticket['ticket_id']}", f"{PHONE[:3]}****{PHONE[-4:]}"
    before = (await stage.store.audit.verify()).rows
    statuses = {}
    for who in ("operator", "dispatcher", "handler", "reviewer", "leader"):
        whole = await (await stage.call("GET", path, who)).json()
        Whole.model_validate(whole)
        assert whole["registration"]["citizen"]["phone"] == hidden
        asked = await stage.call("GET", f"{path}?unmask=true", who)
        statuses[who] = asked.status
        if asked.status == 200:
            assert (await asked.json())["registration"]["citizen"]["phone"] == PHONE
    assert statuses == {
        "operator": 200, "dispatcher": 403, "handler": 403, "reviewer": 200, "leader": 200,
    }  # fmt: skip
    assert (await stage.store.audit.verify()).rows == before + 3
    assert (await stage.call("GET", f"{path}?unmask=perhaps", "operator")).status == 422


async def test_one_ticket_with_actions_and_events(stage: ApiStage) -> None:
    ticket = await stage.create(accept=False)
    path = f"/api/v1/tickets/{ticket['ticket_id']}"
    whole = await (await stage.call("GET", path, "operator")).json()
    assert whole["ticket"]["ticket_no"] == ticket["ticket_no"]
    assert {"accept", "decline", "withdraw"} <= set(whole["actions"])
    history = await (await stage.call("GET", f"{path}/events", "operator")).json()
    History.model_validate(history)
    assert [one["event"]["kind"] for one in history["events"]] == ["ticket_registered"]
    assert PHONE not in str(history)


async def test_refusals_say_what_happened_in_chinese(stage: ApiStage) -> None:
    ticket = await stage.create(accept=False)
    status, said = await stage.act("dispatcher", ticket["ticket_id"], "dispatch", departments=["x"])
    assert (status, said["code"]) == (409, "transition_refused")
    assert said["title"] == "工单现在是“未受理”，不能派发。"
    assert said["facts"] == {
        "state": "received", "action": "dispatch", "to": "dispatched",
    }  # fmt: skip
    status, said = await stage.act("operator", ticket["ticket_id"], "accept", expected_version=9)
    assert (status, said["code"]) == (409, "version_conflict")


@pytest.mark.parametrize(
    ("action", "fields", "wrong"),
    [
        ("decline", {}, {"reason": "必须填写"}),
        ("decline", {"reason": " "}, {"reason": "不能为空"}),
        ("decline", {"reason": "x" * 4001}, {"reason": "最多 4000 个"}),
        ("accept", {"actor": {}, "at": "2026"}, {"actor": "没有这个字段", "at": "没有这个字段"}),
        ("accept", {"note": "a\u0000b"}, {"note": "含有不可见的控制字符"}),
        ("accept", {"expected_version": 1 << 70}, {"expected_version": "数字超出范围"}),
        ("merge", {"into": "9" * 30, "reason": "同"}, {"into": "数字超出范围"}),
        ("register", {"registration": 7}, {"registration": "应为 JSON 对象"}),
        (
            "amend",
            {"reason": "更正", "accused": {"name": "某店", "uscc": "123"}},
            {"accused.uscc": "统一社会信用代码校验不通过"},
        ),
    ],
)
async def test_wrong_fields_are_named(
    stage: ApiStage, action: str, fields: dict[str, Any], wrong: dict[str, str]
) -> None:
    ticket = await stage.create(accept=False)
    status, said = await stage.act("operator", ticket["ticket_id"], action, **fields)
    assert (status, said["code"]) == (422, "fields_wrong")
    assert {one["field"]: one["message"] for one in said["errors"]} == wrong


async def test_what_a_registration_must_not_be(stage: ApiStage) -> None:
    for changes, place in (
        ({"peer": "city"}, "registration.peer"),
        ({"received_at": "1970-01-01T00:00:00Z"}, "registration.received_at"),
        ({"received_at": "9999-12-31T23:59:59Z"}, "registration.received_at"),
        ({"matter": {"title": " ", "text": "x"}}, "registration.matter.title"),
        ({"matter": {"title": "\u200b\u202e", "text": "x"}}, "registration.matter.title"),
        ({"matter": {"title": "x", "text": "\u2060\n\ufeff"}}, "registration.matter.text"),
        ({"accused": {"name": "店", "uscc": "1"}}, "registration.accused.uscc"),
        ({"citizen": {"name": "x", "phone": "?"}}, "registration.citizen.phone"),
        ({"colour": "red"}, "registration.colour"),
    ):
        answer = await stage.call(
            "POST", "/api/v1/tickets", "operator", json={"registration": registration(**changes)}
        )
        assert answer.status == 422
        assert [one["field"] for one in (await answer.json())["errors"]] == [place]


async def test_a_draft_is_registered_with_what_its_call_brought(stage: ApiStage) -> None:
    known = Registration.model_validate(
        registration(source="phone_log", peer="switch", call_no="C1", received_at=stage.clock())
    )
    ticket_id = stage.store.ids.next()
    await stage.store.desk.execute(
        SaveDraft(
            command_id=new_command_id(1, 1), ticket_id=ticket_id, at=stage.clock(),
            actor=Actor(actor_id="system:phone_log", roles=frozenset({Role.SYSTEM})),
            registration=known,
        )
    )  # fmt: skip
    typed = registration(source="counter", peer="city", citizen={"name": "李四", "phone": PHONE})
    said = await stage.done("operator", ticket_id, "register", registration=typed, accept=True)
    assert said["state"] == "accepted"
    kept = await stage.store.tickets.registration(ticket_id)
    assert kept is not None
    assert (kept.source, kept.peer, kept.call_no) == ("phone_log", "switch", "C1")
    assert kept.citizen is not None
    assert kept.citizen.name == "李四"


async def test_departments_are_found_by_words(stage: ApiStage) -> None:
    everything = await (await stage.call("GET", "/api/v1/departments", "dispatcher")).json()
    Departments.model_validate(everything)
    some = await (
        await stage.call("GET", "/api/v1/departments?words=市场监督", "dispatcher")
    ).json()
    codes = [one["code"] for one in some["departments"]]
    assert "scjg" in codes
    assert len(codes) < len(everything["departments"])


async def test_unknown_addresses_and_methods_are_problems(stage: ApiStage) -> None:
    ticket = await stage.create()
    for method, path, status, code in (
        ("GET", "/api/nothing", 404, "not_found"),
        ("DELETE", "/api/v1/tickets", 405, "method_not_allowed"),
        ("GET", "/api/v1/tickets/0", 404, "unknown_ticket"),
        ("GET", f"/api/v1/tickets/{1 << 60}", 404, "unknown_ticket"),
        ("GET", "/api/v1/tickets/ST999999-ZZZZZZZZ", 404, "unknown_ticket"),
        ("POST", f"/api/v1/tickets/{ticket['ticket_id']}/actions/fly", 404, "unknown_action"),
        ("POST", f"/api/v1/tickets/{ticket['ticket_id']}/actions/warn", 404, "unknown_action"),
    ):
        answer = await stage.call(method, path, "leader")
        assert (answer.status, (await answer.json())["code"]) == (status, code), path
        assert answer.content_type == "application/problem+json"


def test_every_action_of_people_is_offered() -> None:
    assert set(PEOPLES) == set(Action) - {
        Action.SAVE_DRAFT, Action.NOTE_PEER_UPDATE, Action.PROPOSE, Action.RATE,
        Action.CLOSE_UNRATED, Action.WARN, Action.ISSUE_CARD, Action.NOTE_REFUSAL,
    }  # fmt: skip
