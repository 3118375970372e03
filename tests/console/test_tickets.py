"""Search and the ticket's page: scope, masking, unmasking, trace, time left, deliveries."""

import re

import pytest

from schemas.clock_running import ClockPolicy
from schemas.ids import ticket_no
from schemas.lifecycle import Action
from schemas.matter import Matter, MatterKind
from schemas.parties import Citizen
from schemas.ticket import Source
from schemas.winding import rebuild
from tests.console.stage import PHONE, Stage


async def wind(stage: Stage, ticket_id: int) -> None:
    """Let the clocks run as the streams would have wound them."""
    policy = ClockPolicy(tuple(stage.deps.limits), stage.deps.calendar())
    sheet = rebuild(await stage.store.tickets.history(ticket_id), policy)
    assert sheet
    await stage.store.clocks.save(ticket_id, sheet.version, sheet.clocks)


async def test_phone_is_masked_until_somebody_looks_and_the_look_is_audited(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    browser = await stage.browser("handler")
    await browser.get(f"/tickets/{ticket.ticket_id}")
    assert PHONE not in browser.text
    assert "138****1234" in browser.text
    assert "张*" in browser.text
    rows = (await stage.store.audit.verify()).rows
    answer = await browser.post(f"/tickets/{ticket.ticket_id}/unmask", htmx=True)
    assert answer.status == 200
    assert PHONE in browser.text
    assert "张三" in browser.text
    report = await stage.store.audit.verify()
    assert (report.ok, report.rows) == (True, rows + 1)


async def test_citizen_who_asked_for_secrecy_stays_secret_from_departments(stage: Stage) -> None:
    secret = Citizen(name="张三", phone=PHONE, confidential=True)
    ticket = await stage.acknowledged(citizen=secret)
    handler, operator = await stage.browser("handler"), await stage.browser("operator")
    path = f"/tickets/{ticket.ticket_id}"
    await handler.get(path)
    assert "要求保密" in handler.text
    assert f"{path}/unmask" not in handler.text
    assert (await handler.post(f"{path}/unmask")).status == 403
    await operator.get(path)
    assert (await operator.post(f"{path}/unmask")).status == 200


async def test_department_finds_its_own_tickets_only(stage: Stage) -> None:
    mine = await stage.dispatched("scjg", matter=Matter(title="储值卡甲", text="余额"))
    theirs = await stage.dispatched("cgj", matter=Matter(title="储值卡乙", text="余额"))
    handler = await stage.browser("handler")
    for query in ("text=储值卡&department=scjg", "department=scjg", "due=near&department=scjg"):
        assert (await handler.get(f"/tickets?{query}")).status == 200, query
    await handler.get("/tickets?text=储值卡")
    assert "储值卡甲" in handler.text
    assert "储值卡乙" not in handler.text
    assert "共 1 件" in handler.text
    answer = await handler.get(f"/tickets?text={ticket_no(theirs.ticket_id)}")
    unknown = await handler.get(f"/tickets?text={ticket_no(theirs.ticket_id + 4096)}")
    assert (answer.status, unknown.status) == (200, 200), "hidden and unknown read the same"
    answer = await handler.get(f"/tickets?text={ticket_no(mine.ticket_id).lower()}")
    assert answer.headers["Location"] == f"/tickets/{mine.ticket_id}"
    for path in ("", "/progress", "/trace", "/actions/complete", "/amend"):
        assert (await handler.get(f"/tickets/{theirs.ticket_id}{path}")).status == 404, path


async def test_filters_are_in_the_address_and_combine(stage: Stage) -> None:
    tip_off = Matter(title="举报甲", text="无证经营", kind=MatterKind.TIP_OFF)
    await stage.registered(matter=tip_off, source=Source.COUNTER)
    await stage.accepted(matter=Matter(title="投诉乙", text="噪声扰民"))
    browser = await stage.browser("operator")
    for query, found in (
        ("kind=tip_off", {"举报甲"}),
        ("state=accepted", {"投诉乙"}),
        ("state=accepted&kind=tip_off", set()),
        ("source=counter&text=无证", {"举报甲"}),
        ("text=扰民", {"投诉乙"}),
        (f"text={PHONE}", {"举报甲", "投诉乙"}),
        ("from=2026-11-24&until=2026-11-24", {"举报甲", "投诉乙"}),
        ("from=2026-11-25", set()),
        ("kind=nonsense&text=扰民", {"投诉乙"}),
        ("state=&kind=&from=&until=", {"举报甲", "投诉乙"}),
    ):
        await browser.get(f"/tickets?{query}")
        table = browser.text.partition('data-test="list-found"')[2]
        assert {name for name in ("举报甲", "投诉乙") if name in table} == found, query
    await browser.get("/tickets?text=扰民&kind=complaint")
    assert 'value="扰民"' in browser.text
    assert '<option value="complaint" selected>' in browser.text


async def test_next_page_goes_on_with_the_same_filters(stage: Stage) -> None:
    for number in range(35):
        await stage.registered(f"第{number}件")
        stage.clock.pass_(seconds=1)
    browser = await stage.browser("operator")
    await browser.get("/tickets?kind=complaint")
    seen = set(re.findall(r">(第\d+件)</a>", browser.text))
    assert len(seen) == 30
    more = re.search(r'href="([^"]+)" data-test="next-page"', browser.text)
    assert more
    assert "kind=complaint" in more[1]
    await browser.get(more[1].replace("&amp;", "&"))
    rest = set(re.findall(r">(第\d+件)</a>", browser.text))
    assert len(rest) == 5
    assert not seen & rest
    assert 'data-test="next-page"' not in browser.text


async def test_trace_tells_newest_first_who_did_what(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    await stage.do("handler", Action.GIVE_FEEDBACK, ticket.ticket_id, text="<b>已约谈</b>")
    browser = await stage.browser("leader")
    await browser.get(f"/tickets/{ticket.ticket_id}/trace", htmx=True)
    kinds = re.findall(r'data-event="(\w+)"', browser.text)
    assert kinds == [
        "feedback_given", "department_acknowledged", "ticket_dispatched", "ticket_accepted",
        "ticket_registered",
    ]  # fmt: skip
    assert "市场监督管理局 阶段反馈" in browser.text
    assert "handler 某（市场监督管理局）" not in browser.text, "the title has said it"
    assert "&lt;b&gt;已约谈" in browser.text, "what people write is never markup"


async def test_clocks_show_the_working_time_that_is_left(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    await wind(stage, ticket.ticket_id)
    browser = await stage.browser("handler")
    await browser.get(f"/tickets/{ticket.ticket_id}")
    assert "余 15 天" in browser.text
    await browser.get("/handling?tab=working")
    assert 'class="st-step">全程</span> <span class="st-left">余 15 天' in browser.text, (
        "that it may be sent back until tomorrow is nobody's duty"
    )
    stage.clock.pass_(days=40)
    browser = await stage.browser("leader")
    await browser.get("/supervise?tab=overdue")
    assert "st-left-over" in browser.text
    assert "超 " in browser.text
    await browser.get("/")
    assert 'data-to-do="overdue"' in browser.text


async def test_evaluations_are_listed_with_what_citizens_said(stage: Stage) -> None:
    for satisfied, title in ((True, "甲"), (False, "乙")):
        ticket = await stage.awaiting_follow_up(
            source=Source.COUNTER, matter=Matter(title=title, text="余额")
        )
        await stage.do(
            "operator", Action.FOLLOW_UP, ticket.ticket_id, satisfied=satisfied, resolved=True
        )
    waits = await stage.awaiting_follow_up()
    await stage.do("operator", Action.FOLLOW_UP, waits.ticket_id, satisfied=True, resolved=False)
    browser = await stage.browser("operator")
    await browser.get("/replies?tab=rated")
    assert "满意 · 已解决" in browser.text
    assert "不满意 · 已解决" in browser.text
    assert "共 2 件" not in browser.text, "such a list is not counted"
    await browser.get("/replies?tab=rating")
    assert "待评价" in browser.text
    assert f'data-ticket="{waits.ticket_id}"' in browser.text


async def test_deliveries_to_the_source_are_shown_to_the_centre_only(stage: Stage) -> None:
    ticket = await stage.acknowledged(source=Source.HOTLINE12345, peer="city12345")
    leader, handler = await stage.browser("leader"), await stage.browser("handler")
    await leader.get(f"/tickets/{ticket.ticket_id}")
    assert 'data-test="deliveries"' in leader.text
    assert "待推送" in leader.text
    await handler.get(f"/tickets/{ticket.ticket_id}")
    assert 'data-test="deliveries"' not in handler.text


@pytest.mark.parametrize(
    ("action", "fields", "name", "now"),
    [
        (Action.DECLINE, {"reason": "已诉讼"}, "不受理", True),
        (Action.ACCEPT, {}, "派审", True),
    ],
)
async def test_steps_show_where_the_ticket_is(
    stage: Stage, action: Action, fields: dict[str, str], name: str, now: bool
) -> None:
    ticket = await stage.registered()
    await stage.do("operator", action, ticket.ticket_id, **fields)
    browser = await stage.browser("operator")
    await browser.get(f"/tickets/{ticket.ticket_id}/progress", htmx=True)
    assert (f'aria-current="step">{name}</li>' in browser.text) is now


async def test_a_department_that_had_sent_a_matter_back_could_still_look_the_citizen_up(
    stage: Stage,
) -> None:
    ticket = await stage.dispatched()
    handler = await stage.browser("handler")
    path = f"/tickets/{ticket.ticket_id}"
    await handler.get(path)
    assert (await handler.post(f"{path}/unmask")).status == 200
    assert PHONE in handler.text
    asked = await stage.do("handler", Action.ASK_SEND_BACK, ticket.ticket_id, reason="非本部门职责")
    await stage.do(
        "reviewer", Action.GRANT_SEND_BACK, ticket.ticket_id,
        review_no=asked.open_reviews[0].review_no, departments=("cgj",),
    )  # fmt: skip
    await handler.get(path)
    assert (await handler.post(f"{path}/unmask")).status == 403
    assert PHONE not in handler.text
    other = await stage.browser("other")
    await other.get(path)
    assert (await other.post(f"{path}/unmask")).status == 200
