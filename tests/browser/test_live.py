"""Open pages follow what happens elsewhere, without a reload."""

import pytest
from playwright.async_api import expect

from schemas.lifecycle import Action
from schemas.ticket import DispatchForm
from tests.browser.conftest import People
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_MARK = "document.body.dataset.loaded = 'once'"
_MARKED = "document.body.dataset.loaded"


async def test_second_page_shows_a_new_to_do(stage: Stage, people: People) -> None:
    operator, dispatcher = await people("zuoxi"), await people("paishen")
    desk = await dispatcher.open("/dispatch")
    bench = await dispatcher.second_page("/")
    for page in (desk, bench):
        await page.evaluate(_MARK)
    titles = ["井盖缺失有安全隐患", "公交站台灯箱漏电", "河道有异味"]
    for title in titles:  # in a row: no news is lost between two looks
        ticket_id = await stage.register(title, accept=False)
        await operator.act(ticket_id, Action.ACCEPT)
    for title in titles:
        await expect(desk.get_by_role("link", name=title)).to_be_visible()
        waiting = bench.get_by_test_id("list-todo-accepted")  # 待受理 may hold it a moment longer
        await expect(waiting.get_by_role("link", name=title)).to_be_visible()
    for page in (desk, bench):
        assert await page.evaluate(_MARKED) == "once"  # not reloaded
    await bench.close()


async def test_ticket_page_follows_what_others_do(stage: Stage, people: People) -> None:
    operator, leader = await people("zuoxi"), await people("lingdao")
    ticket_id = await stage.register("噪声扰民", accept=False)
    page = await leader.ticket(ticket_id)
    await page.evaluate(_MARK)
    await operator.act(ticket_id, Action.ACCEPT)
    await expect(page.get_by_test_id("state")).to_have_attribute("data-state", "accepted")
    await expect(page.locator("[data-event=ticket_accepted]")).to_be_visible()
    await expect(page.get_by_test_id("clocks")).to_contain_text("派单")
    await expect(page.get_by_test_id("offer-dispatch")).to_be_visible()
    # the button whose form is open stays marked through all that
    await page.get_by_test_id("offer-remind").click()
    await expect(page.get_by_test_id("form-remind")).to_be_visible()
    await page.evaluate("document.querySelector('[data-offer]').dataset.old = 'yes'")
    await operator.act(ticket_id, Action.SUPPLEMENT, text="夜间更响。")
    await expect(page.locator("[data-offer][data-old]")).to_have_count(0)
    await expect(page.locator("[data-offer].active")).to_have_text("催办")
    assert await page.evaluate(_MARKED) == "once"


async def test_department_is_told_of_its_own_tickets_alone(stage: Stage, people: People) -> None:
    handler, dispatcher = await people("zhujianju"), await people("paishen")
    page = await handler.open("/handling?tab=pending")
    ours = await stage.register("电梯困人，要求检验")
    others = await stage.register("医院收费不明")
    await dispatcher.dispatch(others, DispatchForm.SINGLE, ["wjw"])
    await dispatcher.dispatch(ours, DispatchForm.SINGLE, ["zjj"])
    await expect(page.get_by_role("link", name="电梯困人，要求检验")).to_be_visible()
    await expect(page.get_by_role("link", name="医院收费不明")).to_have_count(0)


@pytest.mark.parametrize("what", ["a row", "a tab", "the menu"])
async def test_what_reads_itself_again_keeps_the_focus(
    what: str, stage: Stage, people: People
) -> None:
    dispatcher = await people("paishen")
    await stage.register(f"垃圾清运不及时：{what}")
    page = await dispatcher.open("/dispatch")
    places = {
        "a row": page.get_by_role("link", name=f"垃圾清运不及时：{what}"),
        "a tab": page.locator("#tab-list").get_by_role("link", name="退单审核"),
        "the menu": page.get_by_role("navigation", name="主菜单").get_by_role("link", name="审核"),
    }
    rows = page.locator("#tab-list tbody tr")
    waiting = page.get_by_role("navigation", name="主菜单").locator("[aria-current] .st-count")
    before = await rows.count()
    await expect(waiting).to_contain_text(str(before))
    await places[what].focus()
    await stage.register("绿化带枯死")
    await expect(rows).to_have_count(before + 1)
    await expect(waiting).to_contain_text(str(before + 1))
    await expect(places[what]).to_be_focused()
