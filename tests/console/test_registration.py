"""Registering: blank, from a phone draft, amending; and the lists that tickets come by."""

import pytest

from schemas.lifecycle import Action
from schemas.parties import uscc_is_valid
from schemas.ticket import HandlingMode, Source
from tests.console.stage import PHONE, Stage

TYPED = {
    "title": "路灯不亮",
    "text": "观前街路灯连续三晚不亮。",
    "kind": "help",
    "urgency": "normal",
    "area_code": "320508",
    "place": "观前街",
    "citizen_name": "李四",
    "citizen_phone": PHONE,
    "source": "counter",
    "handling_mode": "dispatch",
}
USCC = "91320000MA1ABCDE0" + "9"


async def test_blank_form_registers_and_accepts_in_one_act(stage: Stage) -> None:
    browser = await stage.browser("operator")
    await browser.get("/intake/new")
    answer = await browser.post("/intake/new", TYPED | {"accept": "true"})
    assert answer.status == 303
    ticket_id = int(answer.headers["Location"].split("/")[2].split("?")[0])
    head = await stage.head(ticket_id)
    assert (head.state, head.source, head.matter_kind) == ("accepted", Source.COUNTER, "help")
    kept = await stage.store.tickets.registration(ticket_id)
    assert kept
    assert kept.citizen
    assert (kept.citizen.phone, kept.matter.place) == (PHONE, "观前街")


async def test_double_click_registers_once(stage: Stage) -> None:
    browser = await stage.browser("operator")
    await browser.get("/intake/new")
    form = [*browser.hidden("/intake/new"), *TYPED.items()]
    places = set()
    for _ in range(2):
        answer = await browser.post("/intake/new", form, hidden=False)
        places.add(answer.headers["Location"])
    assert len(places) == 1
    await browser.get("/intake?tab=other")
    assert "共 1 件" in browser.text


async def test_wrong_fields_are_said_and_what_was_typed_stays(stage: Stage) -> None:
    browser = await stage.browser("operator")
    await browser.get("/intake/new")
    answer = await browser.post(
        "/intake/new",
        TYPED
        | {
            "title": "",
            "kind": "",
            "citizen_phone": "abc",
            "accused_name": "某店",
            "accused_uscc": USCC,
        },
        htmx=True,
    )
    assert not uscc_is_valid(USCC)
    assert answer.status == 422
    for words in ("请填写标题", "请选择诉求类型", "联系电话格式不对", "统一社会信用代码校验不通过"):
        assert words in browser.text
    assert "观前街路灯连续三晚不亮。" in browser.text


async def test_direct_answer_goes_on_to_its_form(stage: Stage) -> None:
    browser = await stage.browser("operator")
    await browser.get("/intake/new")
    answer = await browser.post(
        "/intake/new", TYPED | {"handling_mode": HandlingMode.ANSWER, "accept": "true"}
    )
    assert "/actions/answer_directly?done=register" in answer.headers["Location"]
    await browser.get(answer.headers["Location"])
    assert 'data-test="form-answer_directly"' in browser.text


async def test_known_source_number_is_not_typed_again(stage: Stage) -> None:
    browser = await stage.browser("operator")
    typed = TYPED | {"source_ticket_no": "SZ-2026-1"}
    await browser.get("/intake/new")
    first = await browser.post("/intake/new", typed)
    await browser.get("/intake/new")
    answer = await browser.post("/intake/new", typed)
    assert answer.status == 409
    assert "来源单号已登记过" in browser.text
    assert first.headers["Location"].split("?")[0] in browser.text


async def test_phone_draft_prefills_the_form(stage: Stage) -> None:
    ticket = await stage.draft()
    browser = await stage.browser("operator")
    await browser.get("/intake?tab=drafts")
    path = f"/intake/drafts/{ticket.ticket_id}"
    assert path in browser.text
    await browser.get(path)
    assert f'value="{PHONE}"' in browser.text
    assert "来电录音待听写" in browser.text
    answer = await browser.post(path, TYPED | {"accept": "true"})
    assert answer.status == 303
    kept = await stage.store.tickets.registration(ticket.ticket_id)
    assert kept
    assert (kept.call_no, kept.source, kept.matter.title) == (
        "C-0001", Source.PHONE_LOG, "路灯不亮",
    )  # fmt: skip
    assert (await stage.head(ticket.ticket_id)).state == "accepted"
    assert (await browser.get(path)).headers["Location"] == f"/tickets/{ticket.ticket_id}"


async def test_amending_changes_what_was_changed(stage: Stage) -> None:
    ticket = await stage.registered()
    browser = await stage.browser("operator")
    path = f"/tickets/{ticket.ticket_id}/amend"
    await browser.get(path)
    typed = TYPED | {"citizen_name": "张三", "title": "路灯不亮（更正）"}
    assert (await browser.post(path, typed | {"reason": " "})).status == 422
    assert "请填写更正原因" in browser.text
    assert (await browser.post(path, typed | {"reason": "听错"})).status == 303
    assert (await stage.head(ticket.ticket_id)).title == "路灯不亮（更正）"
    await browser.get(f"/tickets/{ticket.ticket_id}")
    assert "更正登记" in browser.text
    assert "听错" in browser.text


async def test_amending_over_somebody_elses_change_is_refused(stage: Stage) -> None:
    ticket = await stage.registered()
    browser = await stage.browser("operator")
    path = f"/tickets/{ticket.ticket_id}/amend"
    await browser.get(path)
    await stage.do("operator", Action.SUPPLEMENT, ticket.ticket_id, text="另有票据")
    answer = await browser.post(path, TYPED | {"reason": "听错"}, htmx=True)
    assert answer.status == 409
    assert "已被他人办理过" in browser.text


async def test_amending_nothing_is_no_command(stage: Stage) -> None:
    ticket = await stage.registered()
    browser = await stage.browser("operator")
    path = f"/tickets/{ticket.ticket_id}/amend"
    await browser.get(path)
    same = {
        "title": "储值卡余额未退", "text": "商家停业，卡内余额 5200 元要求退还。",
        "kind": "complaint",
        "area_code": "320508", "citizen_name": "张三", "citizen_phone": PHONE, "reason": "无",
    }  # fmt: skip
    assert (await browser.post(path, same)).status == 422
    assert "没有任何改动" in browser.text


@pytest.mark.parametrize("user", ["dispatcher", "leader"])
async def test_only_operators_register(stage: Stage, user: str) -> None:
    browser = await stage.browser(user)
    assert (await browser.get("/intake/new")).status == 403


@pytest.mark.parametrize(
    ("tab", "source"),
    [
        ("internet", Source.WEB_PORTAL),
        ("hotline", Source.HOTLINE12345),
        ("superior", Source.PROVINCIAL),
        ("other", Source.COUNTER),
    ],
)
async def test_lists_by_channel(stage: Stage, tab: str, source: Source) -> None:
    for one in (Source.WEB_PORTAL, Source.HOTLINE12345, Source.PROVINCIAL, Source.COUNTER):
        await stage.registered(f"来自 {one}", source=one)
    browser = await stage.browser("operator")
    await browser.get(f"/intake?tab={tab}")
    assert f"来自 {source}" in browser.text
    assert browser.text.count("来自 ") == 1
    await browser.get("/intake?tab=received")
    assert browser.text.count("来自 ") == 4


async def test_marks_that_cannot_be_seen_are_left_behind(stage: Stage) -> None:
    """A name and a phone as they are copied from an address book; the search drops them, too."""
    browser = await stage.browser("operator")
    await browser.get("/intake/new")
    fields = {
        "title": "路灯\u200b不亮", "text": "巷口　路灯\u2060坏了。", "kind": "help",
        "citizen_name": "\u202a李\u200b四\u202c", "citizen_phone": f"\u202d{PHONE}\u202c",
        "accused_name": "\ufeff亮化公司", "accused_uscc": "\u200b",
        "place": "北园路\u200e8号", "accept": "true",
    }  # fmt: skip
    answer = await browser.post("/intake/new", fields)
    assert answer.status == 303, browser.text
    ticket_id = int(answer.headers["Location"].split("/")[2].split("?")[0])
    known = await stage.store.tickets.registration(ticket_id)
    assert known is not None
    assert known.citizen is not None
    assert known.accused is not None
    assert (known.matter.title, known.matter.text) == ("路灯不亮", "巷口　路灯坏了。")
    assert (known.citizen.name, known.citizen.phone) == ("李四", PHONE)
    assert (known.accused.name, known.accused.uscc) == ("亮化公司", None)
    assert known.matter.place == "北园路8号"
    await browser.get(f"/tickets?text=%E2%80%AD{PHONE}%E2%80%AC")
    assert f'data-ticket="{ticket_id}"' in browser.text
