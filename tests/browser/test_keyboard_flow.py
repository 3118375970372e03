"""From signing in to the closure review without a mouse: Tab, arrows, Space, Enter, Ctrl+Enter."""

import pytest
from playwright.async_api import Locator, Page, expect

from schemas.ids import ticket_id_of
from schemas.lifecycle import Action
from schemas.ticket import State
from tests.browser.conftest import People
from tests.browser.person import Person
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_HERE = "one => one === document.activeElement"


async def tab_to(page: Page, goal: Locator, *, most: int = 50, key: str = "Tab") -> None:
    """Press Tab until `goal` has the focus; it is then in sight."""
    await expect(goal).to_be_visible()
    for _ in range(most):
        if await goal.evaluate(_HERE):
            await expect(goal).to_be_in_viewport()
            return
        await page.keyboard.press(key)
    pytest.fail(f"{goal} is not reached within {most} stops")


async def _seated(people: People, user: str) -> Person:
    """Signed in by the keys alone, in a browser of its own."""
    person = await people.seat(user)
    page = person.page
    await page.goto(f"{person.url}/sign-in")
    await expect(page.get_by_label("用户名")).to_be_focused()
    await page.keyboard.type(user)
    await page.keyboard.press("Tab")
    await page.keyboard.type(person.user.password)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="工作台")).to_be_visible()
    return person


async def _through_menu(page: Page, name: str) -> None:
    menu = page.get_by_role("navigation", name="主菜单").get_by_role("link", name=name)
    await tab_to(page, menu)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


async def _open_row(page: Page, title: str) -> None:
    await tab_to(page, page.get_by_role("main").get_by_role("link", name=title), most=80)
    await page.keyboard.press("Enter")


async def _register(page: Page, title: str) -> int:
    await _through_menu(page, "统一受理")
    await tab_to(page, page.get_by_test_id("create"))
    await page.keyboard.press("Enter")
    form = page.get_by_test_id("form-registration")
    await expect(form.locator("[name=title]")).to_be_focused()  # typed into at once
    await page.keyboard.type(title)
    await page.keyboard.press("Tab")
    await page.keyboard.type("锅炉停运三天，全楼没有热水。")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowDown")  # the first kind of matter
    await tab_to(page, form.locator("[name=citizen_name]"))
    await page.keyboard.type("顾南星")
    await tab_to(page, form.locator("[name=confidential]"))
    await page.keyboard.press("Space")
    await expect(form.locator("[name=confidential]")).to_be_checked()
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_test_id("done")).to_be_visible()
    return ticket_id_of(await page.get_by_test_id("ticket-no").inner_text())


async def _dispatch(page: Page, stage: Stage, ticket_id: int, title: str) -> None:
    await stage.proposed(ticket_id)
    await _through_menu(page, "统一派审")
    await _open_row(page, title)
    await tab_to(page, page.get_by_label("查找其他部门"))
    await page.keyboard.type("scjg")
    await tab_to(page, page.get_by_test_id("add-scjg"))
    await page.keyboard.press("Enter")
    added = page.locator(".st-cand[data-department=scjg]").last.locator("[name=lead]")
    await expect(added).to_be_checked()
    await tab_to(page, page.get_by_label("派审意见"))
    await page.keyboard.type("请核实")
    await tab_to(page, page.get_by_test_id("submit-dispatch"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("done")).to_be_visible()
    head = await stage.hub.store.tickets.head(ticket_id)
    assert head is not None
    assert [one.department for one in head.assignments] == ["scjg"]


async def _send(page: Page, action: Action, words: str = "") -> None:
    """The form is open, or opened by its button; what is typed goes where the focus is."""
    form = page.get_by_test_id(f"form-{action}")
    if not await form.is_visible():
        await tab_to(page, page.get_by_test_id(f"offer-{action}"))
        await page.keyboard.press("Enter")
        await expect(form).to_be_visible()
    if words:
        await tab_to(page, form.locator("textarea").first)
        await page.keyboard.type(words)
    async with page.expect_navigation():
        await page.keyboard.press("Control+Enter")
    await expect(page.get_by_test_id("done")).to_be_visible()


async def test_from_sign_in_to_review_by_keys(stage: Stage, people: People) -> None:
    title = "宿舍楼锅炉停运没有热水"
    operator, dispatcher = await _seated(people, "zuoxi"), await _seated(people, "paishen")
    handler, reviewer = await _seated(people, "shijianju"), await _seated(people, "shenhe")

    ticket_id = await _register(operator.page, title)
    await _dispatch(dispatcher.page, stage, ticket_id, title)

    page = handler.page
    await _through_menu(page, "协同处理")
    await _open_row(page, title)
    await _send(page, Action.ACKNOWLEDGE)
    await _send(page, Action.GIVE_FEEDBACK, "已到现场。")
    await _send(page, Action.COMPLETE, "锅炉已修复。")

    page = reviewer.page
    await _through_menu(page, "审核")
    await _open_row(page, title)
    await _send(page, Action.PASS_CLOSURE, "同意")
    head = await stage.hub.store.tickets.head(ticket_id)
    assert head is not None
    assert head.state is State.AWAITING_REPLY

    # the menu of the account: opened, left by Escape, signed out from
    summary = page.locator("details.st-user-menu summary")
    await tab_to(page, summary, key="Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("sign-out")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("sign-out")).to_be_hidden()
    await expect(summary).to_be_focused()
    await page.keyboard.press("Enter")
    await tab_to(page, page.get_by_test_id("sign-out"), most=4)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("用户名")).to_be_focused()
    for person in (operator, dispatcher, handler, reviewer):
        assert person.complaints == []
        await person.context.close()
