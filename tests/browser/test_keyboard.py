"""The dispatch desk without a mouse, and what a keyboard finds on every page."""

import pytest
from playwright.async_api import Page, expect

from schemas.lifecycle import Action
from schemas.ticket import State
from tests.browser.conftest import People
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# on the element, or on what wears the outline for it: a button's label, the box round a field
_OUTLINE = """() => {
  const one = document.activeElement;
  return [one, one.nextElementSibling, one.parentElement].some((wearer) => {
    if (!wearer) return false;
    const drawn = getComputedStyle(wearer);
    return drawn.boxShadow !== "none"
      || drawn.outlineStyle !== "none" && drawn.outlineWidth !== "0px";
  });
}"""


async def _tab_to(page: Page, test_id: str, most: int = 60) -> None:
    """Press Tab until the element has the focus; each stop on the way can be seen."""
    goal = page.get_by_test_id(test_id)
    for _ in range(most):
        await page.keyboard.press("Tab")
        assert await page.evaluate(_OUTLINE), await page.evaluate(
            "document.activeElement.outerHTML"
        )
        if await goal.evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"{test_id} is not reached within {most} stops")


async def _form(stage: Stage, ticket_id: int) -> tuple[State, list[str]]:
    head = await stage.hub.store.tickets.head(ticket_id)
    assert head is not None
    return head.state, [f"{one.part}:{one.department}" for one in head.assignments]


async def test_desk_is_worked_by_keyboard_alone(stage: Stage, people: People) -> None:
    dispatcher = await people("paishen")
    words = "餐馆后厨脏乱，食品过期，要求检查；隔壁工地夜间施工噪声扰民。"
    first = await stage.register("餐馆使用过期食品，夜间施工噪声", words)
    second = await stage.register("餐馆使用过期食品并占道经营", words)
    page = await dispatcher.open(f"/dispatch/{first}")
    await stage.proposed(first)
    await page.reload()
    candidates = page.get_by_test_id("candidates")
    assert await candidates.locator(".st-cand").count() >= 2

    # 2 picks the second candidate, J goes to the next ticket, Ctrl+Enter sends
    await page.keyboard.press("2")
    await expect(candidates.locator("[name=lead]").nth(1)).to_be_checked()
    chosen = await candidates.locator(".st-cand").nth(1).get_attribute("data-department")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_test_id("done")).to_be_visible()
    assert await _form(stage, first) == (State.DISPATCHED, [f"single:{chosen}"])

    await stage.proposed(second)
    third = await stage.register("第三件：路灯不亮", "小区门口路灯不亮。")
    await stage.proposed(third)
    page = await dispatcher.open(f"/dispatch/{third}")
    after = await page.get_by_test_id("next").get_attribute("href")
    await page.keyboard.press("j")
    await expect(page).to_have_url(f"{stage.url}{after}")
    page = await dispatcher.open(f"/dispatch/{second}")

    # several departments side by side: arrows choose the form, numbers tick the candidates
    await _tab_to(page, "form-choice-single")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_test_id("form-choice-parallel")).to_be_checked()
    await page.keyboard.press("1")
    await page.keyboard.press("2")
    ticked = candidates.locator("[name=assist]:checked")
    await expect(ticked).to_have_count(2)
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_test_id("done")).to_be_visible()
    state, parts = await _form(stage, second)
    assert state is State.DISPATCHED
    assert len(parts) == 2
    assert all(part.startswith("parallel:") for part in parts)


async def test_number_typed_into_a_field_picks_nothing(stage: Stage, people: People) -> None:
    dispatcher = await people("paishen")
    ticket_id = await stage.register("物业和电梯问题", "小区电梯停运，物业不修。")
    await stage.proposed(ticket_id)
    page = await dispatcher.open(f"/dispatch/{ticket_id}")
    await page.get_by_label("派审意见").focus()
    await page.keyboard.type("请在 2 日内办理 j")
    await expect(page.get_by_label("派审意见")).to_have_value("请在 2 日内办理 j")
    await expect(page.get_by_test_id("candidates").locator("[name=lead]").first).to_be_checked()
    # found by initials, added and chosen without a mouse
    await page.get_by_label("查找其他部门").focus()
    await page.keyboard.type("mzj")
    await expect(page.get_by_test_id("add-mzj")).to_be_visible()
    await _tab_to(page, "add-mzj", most=3)
    await page.keyboard.press("Enter")
    added = page.locator(".st-cand[data-department=mzj]").last.locator("[name=lead]")
    await expect(added).to_be_checked()
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_test_id("done")).to_be_visible()
    assert await _form(stage, ticket_id) == (State.DISPATCHED, ["single:mzj"])


async def test_skip_link_leads_past_the_menu(people: People) -> None:
    operator = await people("zuoxi")
    page = await operator.open("/intake")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="跳到正文")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    await _tab_to(page, "create", most=3)


async def test_refused_form_keeps_what_was_typed_and_takes_the_focus(
    stage: Stage, people: People
) -> None:
    operator = await people("zuoxi")
    ticket_id = await stage.register("路灯不亮", accept=False)
    form = await operator.form(ticket_id, Action.DECLINE)
    page = operator.page
    await expect(form.locator("[name=reason]")).to_be_focused()  # what was asked for
    await page.keyboard.press("Control+Enter")
    await expect(form.locator("[name=reason][aria-invalid]")).to_be_focused()
    await expect(form.get_by_text("请填写不受理理由")).to_be_visible()
    await page.keyboard.type("不属于受理范围")
    await stage.accept(ticket_id)
    await page.keyboard.press("Control+Enter")
    refusal = page.get_by_test_id("refusal")
    await expect(refusal).to_be_focused()
    await expect(refusal).to_contain_text("工单现在是“待派审”，不能不予受理。")
    await expect(form.locator("[name=reason]")).to_have_value("不属于受理范围")
    # the buttons are those of the ticket as it is now
    await expect(page.get_by_test_id("offer-answer_directly")).to_be_visible()
    await expect(page.get_by_test_id("offer-decline")).to_have_count(0)
    await operator.look("keyboard-refusal")
