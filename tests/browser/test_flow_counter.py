"""A matter that is told at the counter: registered by hand, two departments side by side,
sent back, mediated, returned by the reviewer."""

import pytest
from playwright.async_api import expect

from schemas.ids import ticket_id_of
from schemas.lifecycle import Action
from schemas.ticket import DispatchForm, State
from tests.browser.conftest import People
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TITLE = "夜市油烟和占道经营影响居民休息"


async def test_matter_is_handled_by_departments_side_by_side(stage: Stage, people: People) -> None:
    operator, dispatcher = await people("zuoxi"), await people("paishen")
    page = await operator.open("/intake")
    await page.get_by_test_id("create").click()
    form = page.get_by_test_id("form-registration")
    await form.get_by_test_id("submit-accept").click()
    await expect(form.locator("[name=title]")).to_be_focused()  # what is missing, at once
    await operator.look("counter-01-registration-incomplete")
    await form.get_by_label("标题").fill(TITLE)
    await expect(form.get_by_text("请填写标题")).to_have_count(0)
    await form.get_by_label("诉求内容").fill(
        "来访人反映：平江路夜市每晚至凌晨一点，油烟直排居民楼，摊位占满人行道。要求规范经营时间。"
    )
    await form.get_by_label("诉求类型").select_option("complaint")
    await form.get_by_label("姓名").fill("顾南星")
    await form.get_by_label("联系电话").fill("138" + "00007788")
    await form.get_by_label("发生地点").fill("平江路夜市")
    await operator.look("counter-02-registration-filled")
    await form.get_by_test_id("submit-accept").click()
    number = await page.get_by_test_id("ticket-no").inner_text()
    ticket_id = ticket_id_of(number)
    await operator.look("counter-03-registered")

    await dispatcher.dispatch(
        ticket_id, DispatchForm.PARALLEL, ["scjg", "cgj"], name="counter-04-desk-parallel"
    )
    market, streets = await people("shijianju"), await people("chengguan")
    reviewer = await people("shenhe")

    # one of the two finds that it is not its duty; the reviewer does not agree
    await streets.act(ticket_id, Action.ASK_SEND_BACK, reason="油烟直排属生态环境部门职责。")
    await reviewer.open("/reviews?tab=send_back_review")
    await expect(reviewer.page.get_by_role("link", name=TITLE)).to_be_visible()
    await reviewer.look("counter-05-send-back-to-review")
    await reviewer.act(ticket_id, Action.REFUSE_SEND_BACK, reason="占道经营属城管职责，请办理。")
    await streets.act(ticket_id, Action.ACKNOWLEDGE)
    await market.act(ticket_id, Action.ACKNOWLEDGE)

    await market.form(ticket_id, Action.MEDIATE)
    await market.look("counter-06-form-for-mediation")
    await market.act(ticket_id, Action.MEDIATE, agreed="true", text="摊主同意二十二点收摊。")
    await market.act(ticket_id, Action.COMPLETE, result="已约谈市场开办方，责令安装净化设施。")
    await streets.act(ticket_id, Action.COMPLETE, result="已清理占道摊位并划线。")
    await reviewer.act(ticket_id, Action.RETURN_CLOSURE, reason="未答复净化设施完成时间。")
    await reviewer.look("counter-07-closure-returned")
    for person in (market, streets):
        await person.act(ticket_id, Action.ACKNOWLEDGE)
        await person.act(ticket_id, Action.COMPLETE, result="净化设施已装妥，现场复查合格。")
    await reviewer.act(ticket_id, Action.PASS_CLOSURE)
    await operator.act(ticket_id, Action.REPLY, text="夜市已调整经营时间并装妥净化设施。")
    await operator.form(ticket_id, Action.FOLLOW_UP)
    await operator.look("counter-08-form-for-follow-up")
    await operator.act(ticket_id, Action.FOLLOW_UP, satisfied="true", resolved="true")
    head = await stage.hub.store.tickets.head(ticket_id)
    assert head is not None
    assert head.state in (State.CLOSED, State.AWAITING_RATING)
