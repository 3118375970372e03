"""A citizen's complaint on its whole way: handed in on the portal, one department, rated."""

from datetime import datetime, timedelta
from http import HTTPStatus

import pytest
from playwright.async_api import expect

from console.rendering import moment
from schemas.ids import ticket_id_of
from schemas.lifecycle import Action
from schemas.sla import Step
from schemas.ticket import DispatchForm
from tests.browser.conftest import People
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TITLE = "健身房闭店不退会员费"
FORM = {
    "title": TITLE,
    "text": "三月在观前街某健身房办理年卡，付款3600元，十一月店面关闭，负责人失联。要求退还余额。",
    "kind": "complaint",
    "place": "观前街88号",
    "citizen": {"name": "沈知夏", "phone": "138" + "00006612"},
    "accused": {"name": "跃动健身有限公司"},
}


async def _handling_due(stage: Stage, ticket_id: int) -> datetime:
    """The deadline that an extension moves."""
    clocks = (await stage.hub.store.clocks.of([ticket_id]))[ticket_id]
    return next(clock.due_at for clock in clocks if clock.step is Step.TOTAL)


async def test_complaint_travels_from_the_portal_and_back(stage: Stage, people: People) -> None:
    operator, dispatcher = await people("zuoxi"), await people("paishen")
    handler, reviewer = await people("shijianju"), await people("shenhe")
    await operator.open("/intake?tab=received")
    taken = await stage.portal.submit(FORM)
    ticket_id = ticket_id_of(taken.ticket_no)
    await expect(operator.page.get_by_role("link", name=TITLE)).to_be_visible()
    await operator.look("portal-01-received")
    await stage.portal.supplement(taken, "补充：合同和付款凭证已拍照留存。")
    await operator.ticket(ticket_id)
    await expect(operator.page.locator("[data-event=matter_supplemented]")).to_be_visible()
    await operator.act(ticket_id, Action.ACCEPT)

    await stage.proposed(ticket_id)
    await dispatcher.dispatch(ticket_id, DispatchForm.SINGLE, ["scjg"], name="portal-02-desk")
    await handler.form(ticket_id, Action.ACKNOWLEDGE)
    await handler.look("portal-03-form-to-acknowledge")
    await handler.act(ticket_id, Action.ACKNOWLEDGE)
    await handler.act(ticket_id, Action.GIVE_FEEDBACK, text="已约谈经营者，核对会员名册。")

    # asked for and granted: the deadline on the department's open page moves by itself
    await handler.act(
        ticket_id, Action.REQUEST_EXTENSION, working_days="5", reason="经营者在外地，需协助调查。"
    )
    await handler.look("portal-04-extension-asked")
    before = await _handling_due(stage, ticket_id)
    clocks = handler.page.get_by_test_id("clocks")
    await expect(clocks).to_contain_text(moment(before))
    await reviewer.form(ticket_id, Action.GRANT_EXTENSION)
    await reviewer.look("portal-05-extension-to-review")
    await reviewer.act(ticket_id, Action.GRANT_EXTENSION, note="同意")
    await expect(clocks).not_to_contain_text(moment(before))
    after = await _handling_due(stage, ticket_id)
    assert after - before >= timedelta(days=7)  # five working days hold a weekend
    await expect(clocks).to_contain_text(moment(after))
    await handler.look("portal-06-deadline-moved")

    await handler.act(ticket_id, Action.COMPLETE, result="经营者已退还余额2100元。")
    await reviewer.form(ticket_id, Action.PASS_CLOSURE)
    await reviewer.look("portal-07-closure-review")
    await reviewer.act(ticket_id, Action.PASS_CLOSURE)
    await operator.form(ticket_id, Action.REPLY)
    await operator.look("portal-08-form-to-reply")
    await operator.act(ticket_id, Action.REPLY, text="经协调，经营者已退还余额，请查收。")
    await operator.act(
        ticket_id, Action.FOLLOW_UP, satisfied="true", resolved="true", note="款已收到"
    )
    await operator.look("portal-09-followed-up")

    # the citizen rates, and the open page shows it
    await stage.portal_book.until_state(taken.ticket_no, "AWAITING_RATING")
    assert (await stage.portal.progress(taken))["ticket_no"] == taken.ticket_no
    assert await stage.portal.rate(taken, 5, "处理及时") < HTTPStatus.BAD_REQUEST
    await expect(operator.page.get_by_test_id("state")).to_have_attribute("data-state", "closed")
    await expect(operator.page.locator("[data-event=ticket_rated]")).to_contain_text("5")
    await operator.look("portal-10-rated")

    # the portal's own book: every state, in order, once
    await stage.portal_book.until_state(taken.ticket_no, "CLOSED")
    assert stage.portal_book.states(taken.ticket_no) == [
        "RECEIVED",
        "ACCEPTED",
        "DISPATCHED",
        "ACKNOWLEDGED",
        "COMPLETED",
        "AWAITING_REPLY",
        "AWAITING_FOLLOW_UP",
        "AWAITING_RATING",
        "CLOSED",
    ]
    assert (stage.portal_book.doubled, stage.portal_book.out_of_order) == (0, 0)
