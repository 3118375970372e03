"""Twice clicked or sent again is one command; of two people the second is told what happened."""

import pytest
from playwright.async_api import expect

from schemas.lifecycle import Action
from schemas.ticket import DispatchForm
from tests.browser.conftest import People
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def _times(stage: Stage, ticket_id: int, kind: str) -> int:
    history = await stage.hub.store.tickets.history(ticket_id)
    return sum(recorded.event.kind == kind for recorded in history)


async def test_double_click_is_one_command(stage: Stage, people: People) -> None:
    operator = await people("zuoxi")
    ticket_id = await stage.register("路面塌陷", accept=False)
    form = await operator.form(ticket_id, Action.SUPPLEMENT)
    await form.get_by_label("补充内容").fill("塌陷处已有两米宽。")
    await form.get_by_test_id("submit-supplement").dblclick()
    await expect(operator.page.get_by_test_id("done")).to_be_visible()
    assert await _times(stage, ticket_id, "matter_supplemented") == 1


async def test_form_that_is_sent_again_is_one_command(stage: Stage, people: People) -> None:
    """By the address bar's reload of a posted form, or after the answer was lost."""
    operator = await people("zuoxi")
    ticket_id = await stage.register("路面积水", accept=False)
    form = await operator.form(ticket_id, Action.SUPPLEMENT)
    await form.get_by_label("补充内容").fill("雨后三天未退。")
    fields = await form.evaluate("form => Object.fromEntries(new FormData(form))")
    url = f"{stage.url}/tickets/{ticket_id}/actions/supplement"
    for _ in range(2):
        answer = await operator.context.request.post(url, form=fields, max_redirects=0)
        assert answer.status == 303
        assert "done=supplement" in answer.headers["location"]
    assert await _times(stage, ticket_id, "matter_supplemented") == 1


async def test_second_dispatcher_is_told_that_it_was_dispatched(
    stage: Stage, people: People
) -> None:
    dispatcher, leader = await people("paishen"), await people("lingdao")
    ticket_id = await stage.register("餐馆食品过期")
    desk = (await leader.open(f"/dispatch/{ticket_id}")).get_by_test_id("form-dispatch")
    await desk.get_by_label("查找其他部门").fill("wjw")
    await desk.get_by_test_id("add-wjw").click()
    await desk.get_by_label("派审意见").fill("请卫健委办理。")
    await dispatcher.dispatch(ticket_id, DispatchForm.SINGLE, ["scjg"])
    await desk.get_by_test_id("submit-dispatch").click()
    refusal = leader.page.get_by_test_id("refusal")
    await expect(refusal).to_contain_text("工单现在是“待签收”，不能派发。")
    await expect(refusal).to_contain_text("可能刚有人办理过。")
    await expect(refusal).to_be_focused()
    await expect(leader.page.get_by_test_id("offer-remind")).to_be_visible()  # what can be done
    await expect(leader.page.locator("[data-event=ticket_dispatched]")).to_be_visible()
    await leader.look("repeats-second-dispatcher")
    head = await stage.hub.store.tickets.head(ticket_id)
    assert head is not None
    assert head.departments == ("scjg",)
