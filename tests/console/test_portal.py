"""A citizen hands in a matter, asks how it stands, adds to it, withdraws it, rates it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.web_portal.translate import intakes_from_body
from console.portal.answers import Progress, Received, Taken
from console.portal.query_codes import query_code
from schemas.ids import ticket_id_of
from tests.console.api_stage import Seconds
from tests.console.portal_stage import FORM, MATTERS, SECRET, PortalStage, address, portal_stage
from tests.console.stage import PHONE, Clock


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[PortalStage]:
    async with portal_stage(tmp_path / "tickets.db") as stage:
        yield stage


async def test_a_matter_is_a_row_before_it_is_answered(stage: PortalStage) -> None:
    taken = await stage.hand_in()
    Taken.model_validate(taken)
    (row,) = await stage.store.inbound.browse()
    assert row.ticket_id == ticket_id_of(taken["ticket_no"])
    (intake,) = intakes_from_body(row.content, "portal")
    assert intake.ticket_id == row.ticket_id
    assert stage.wakes.count == 1


async def test_the_same_key_gets_the_same_answer_even_after_a_restart(tmp_path: Path) -> None:
    path, clock = tmp_path / "tickets.db", Clock()
    async with portal_stage(path, clock=clock) as stage:
        first = await stage.hand_in("key-1")
        assert await stage.hand_in("key-1") == first
        assert stage.wakes.count == 1
    clock.pass_(hours=1)
    async with portal_stage(path, clock=clock) as stage:
        assert await stage.hand_in("key-1") == first
        assert len(await stage.store.inbound.browse()) == 1
        assert await stage.hand_in("key-2") != first


async def test_the_same_key_at_the_same_time_is_one_matter(stage: PortalStage) -> None:
    taken = await asyncio.gather(*(stage.hand_in("together") for _ in range(8)))
    assert len({(one["ticket_no"], one["query_code"]) for one in taken}) == 1
    assert len(await stage.store.inbound.browse()) == 1


async def test_another_body_under_the_same_key_is_refused(stage: PortalStage) -> None:
    await stage.hand_in()
    answer = await stage.api.call("POST", MATTERS, key="k1", json=FORM | {"title": "另一件"})
    assert (answer.status, (await answer.json())["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("key", [None, "", " ", "x" * 201])
async def test_a_key_is_required(stage: PortalStage, key: str | None) -> None:
    answer = await stage.api.call("POST", MATTERS, key=key, json=FORM)
    assert (answer.status, (await answer.json())["code"]) == (400, "idempotency_key")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"text": " "}, "text"),
        ({"title": "\u200b\u202e"}, "title"),
        ({"text": "\u2060\n\ufeff\t\u3164"}, "text"),
        ({"kind": "poem"}, "kind"),
        ({"area_code": "32050"}, "area_code"),
        ({"citizen": {"name": "王某"}}, "citizen.phone"),
        ({"citizen": {"name": "王某", "phone": "secret"}}, "citizen.phone"),
        ({"accused": {"name": "某店", "uscc": "123"}}, "accused"),
        ({"urgency": "critical"}, "urgency"),
        ({"attachments": ["nothing"]}, "attachments"),
        ({"text": "a\u0000b"}, "text"),
    ],
)
async def test_what_translation_would_refuse_is_not_kept(
    stage: PortalStage, changes: dict[str, Any], field: str
) -> None:
    answer = await stage.api.call("POST", MATTERS, key="k", json=FORM | changes)
    said = await answer.json()
    assert (answer.status, [one["field"] for one in said["errors"]]) == (422, [field])
    assert await stage.store.inbound.browse() == []


async def test_progress_before_and_after_registration(stage: PortalStage) -> None:
    taken = await stage.hand_in()
    early = await stage.progress(taken)
    Progress.model_validate(early)
    assert (early["state"], early["can"]) == ("已收到", ["supplement", "withdraw"])
    assert [line["text"] for line in early["timeline"]] == ["您的诉求已收到"]
    await stage.apply()
    assert (await stage.progress(taken))["state"] == "已收到，等待受理"


async def test_the_whole_way_in_public_words(stage: PortalStage) -> None:
    taken, ticket_id = await stage.registered()
    await stage.brought_to_follow_up(ticket_id)
    await stage.api.done("operator", ticket_id, "follow_up", satisfied=True, resolved=True)
    found = await stage.progress(taken)
    assert (found["state"], found["can"]) == ("等待您的评价", ["supplement", "rate"])
    assert found["reply"] == "路灯已修复，感谢您的反映。"
    lines = [line["text"] for line in found["timeline"]]
    assert lines[:3] == ["您的诉求已收到", "您的诉求已受理", "已转承办部门办理"]
    assert f"已答复：{found['reply']}" in lines
    shown = str(found)
    assert "内部核查" not in shown  # a department's own words
    assert PHONE not in shown
    assert "王某" not in shown
    status, said = await stage.act(taken, "rating", rating=5, text="很好")
    Received.model_validate(said)
    assert status == 202
    await stage.apply()
    assert (await stage.progress(taken))["state"] == "已结案"


async def test_a_wrong_code_is_an_unknown_number(stage: PortalStage) -> None:
    taken, _ = await stage.registered()
    right = taken["query_code"]
    wrong = ("0" if right[0] != "0" else "1") + right[1:]
    unknown = "ST261124-ZZZZZZZZ"
    answers = []
    for number, code in (
        (taken["ticket_no"], wrong), (taken["ticket_no"], ""), (unknown, right),
        ("not a number", right), (taken["ticket_no"], "查询码"),
    ):  # fmt: skip
        given = {"ticket_no": number, "query_code": code}
        for method, what in (("GET", ""), ("POST", "/withdrawal"), ("POST", "/rating")):
            answer = await stage.api.call(method, address(given, what))
            answers.append((answer.status, await answer.text()))
    assert len(set(answers)) == 1
    assert answers[0][0] == 404


async def test_a_wrong_code_asks_the_store_nothing(stage: PortalStage) -> None:
    """So its time cannot tell whether there is such a ticket."""
    taken, _ = await stage.registered()
    reads = 0
    read = stage.store.database.read

    async def counted(work: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(work)

    stage.store.database.read = counted  # type: ignore[method-assign]  # counts what it passes on
    for number in (taken["ticket_no"], "ST261124-ZZZZZZZZ"):
        given = {"ticket_no": number, "query_code": "00000000"}
        assert (await stage.api.call("GET", address(given))).status == 404
    assert reads == 0
    await stage.progress(taken)
    assert reads > 0


async def test_a_code_is_read_as_people_write_it(stage: PortalStage) -> None:
    taken = await stage.hand_in()
    code = taken["query_code"].replace("0", "o").replace("1", "l").lower()
    written = {"ticket_no": taken["ticket_no"].lower(), "query_code": f"{code[:4]}-{code[4:]}"}
    assert (await stage.progress(written))["ticket_no"] == taken["ticket_no"]


async def test_a_ticket_of_another_source_is_not_shown(stage: PortalStage) -> None:
    made = await stage.api.create()
    given = {"ticket_no": made["ticket_no"], "query_code": query_code(SECRET, made["ticket_id"])}
    assert (await stage.api.call("GET", address(given))).status == 404


async def test_supplements_are_kept_and_applied(stage: PortalStage) -> None:
    taken, ticket_id = await stage.registered()
    status, said = await stage.act(taken, "supplements", text="又暗了两盏。")
    assert (status, said) == (202, {"received": True})
    await stage.apply()
    assert [one.text for one in await stage.store.tickets.supplements(ticket_id)] == [
        "又暗了两盏。"
    ]
    assert "已收到您的补充材料" in [
        line["text"] for line in (await stage.progress(taken))["timeline"]
    ]


async def test_the_code_may_come_in_the_body(stage: PortalStage) -> None:
    taken, _ = await stage.registered()
    path = f"{MATTERS}/{taken['ticket_no']}/supplements"
    body = {"text": "补充", "query_code": taken["query_code"]}
    assert (await stage.api.call("POST", path, json=body)).status == 202


async def test_an_act_before_registration_waits_for_it(stage: PortalStage) -> None:
    taken = await stage.hand_in()
    assert (await stage.act(taken, "withdrawal", reason="已解决"))[0] == 202
    assert (await stage.act(taken, "rating", rating=5))[0] == 409
    await stage.apply()
    assert (await stage.progress(taken))["state"] == "已撤回"


async def test_what_the_state_does_not_allow_is_refused_and_not_kept(stage: PortalStage) -> None:
    taken, ticket_id = await stage.registered()
    status, said = await stage.act(taken, "rating", rating=5)
    assert (status, said["code"]) == (409, "state_refused")
    await stage.api.done("operator", ticket_id, "decline", reason="不属受理范围")
    for what, form in (("supplements", {"text": "x"}), ("withdrawal", {})):
        assert (await stage.act(taken, what, **form))[0] == 409
    assert len(await stage.store.inbound.browse()) == 1
    found = await stage.progress(taken)
    assert "您的诉求不予受理：不属受理范围" in [line["text"] for line in found["timeline"]]


async def test_a_repeated_act_is_answered_like_the_first(stage: PortalStage) -> None:
    taken, _ = await stage.registered()
    assert (await stage.act(taken, "withdrawal", "w1", reason="已解决"))[0] == 202
    await stage.apply()
    assert (await stage.progress(taken))["state"] == "已撤回"
    assert (await stage.act(taken, "withdrawal", "w1", reason="已解决"))[0] == 202
    assert (await stage.act(taken, "withdrawal", "w1", reason="另"))[0] == 409
    assert (await stage.act(taken, "withdrawal", "w2", reason="已解决"))[0] == 409
    assert len(await stage.store.inbound.browse()) == 2


@pytest.mark.parametrize(
    ("what", "form", "field"),
    [
        ("supplements", {}, "text"),
        ("supplements", {"text": "x" * 4001}, "text"),
        ("supplements", {"text": "x", "attachments": ["no"]}, "attachments"),
        ("rating", {"rating": 6}, "rating"),
        ("rating", {"rating": 1 << 80}, "rating"),
        ("withdrawal", {"why": "x"}, "why"),
    ],
)
async def test_acts_are_checked(
    stage: PortalStage, what: str, form: dict[str, Any], field: str
) -> None:
    taken, _ = await stage.registered()
    status, said = await stage.act(taken, what, **form)
    assert (status, [one["field"] for one in said["errors"]]) == (422, [field])


async def test_calls_are_limited_by_address_and_minute(tmp_path: Path) -> None:
    seconds = Seconds()
    async with portal_stage(tmp_path / "tickets.db", per_minute=2, monotonic=seconds) as stage:
        path = f"{MATTERS}/ST261124-ZZZZZZZZ?query_code=0"
        far = {"X-Forwarded-For": "203.0.113.9"}
        for _ in range(2):
            assert (await stage.api.call("GET", path, headers=far)).status == 404
        refused = await stage.api.call("GET", path, headers=far)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "60")
        other = {"X-Forwarded-For": "203.0.113.9, 203.0.113.10"}
        assert (await stage.api.call("GET", path, headers=other)).status == 404
        assert [(await stage.api.call("GET", path)).status for _ in range(3)] == [404] * 3
        seconds.at += 60
        assert (await stage.api.call("GET", path, headers=far)).status == 404


async def test_loopback_is_limited_when_the_settings_say_so(tmp_path: Path) -> None:
    async with portal_stage(tmp_path / "tickets.db", per_minute=1, limit_loopback=True) as stage:
        path = f"{MATTERS}/ST261124-ZZZZZZZZ?query_code=0"
        assert [(await stage.api.call("GET", path)).status for _ in range(2)] == [404, 429]


async def test_the_portals_answers_are_no_pages(stage: PortalStage) -> None:
    for answer in (
        await stage.api.call("POST", MATTERS, key="k1", json=FORM),
        await stage.api.call("POST", MATTERS, json=FORM),
    ):
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"
