"""Every page of every role: accessible in light and dark, fit for a phone, without complaint."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import People
from tests.browser.looking import PHONE, WIDE, look, picture
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# user -> pages beside those of the menu
PAGES: dict[str, tuple[str, ...]] = {
    "zuoxi": ("/intake/new", "/intake?tab=drafts", "/replies?tab=rated", "/account"),
    "paishen": ("/dispatch?tab=send-back",),
    "shijianju": ("/handling?tab=working", "/handling?tab=done", "/handling?tab=reminders"),
    "shenhe": ("/reviews?tab=extension_review",),
    "lingdao": ("/supervise?tab=reminded", "/tickets?due=overdue", "/messages"),
    "xitong": (),
    "anquan": (),
    "shenji": (),
}


def _name(user: str, path: str) -> str:
    words = path.strip("/").replace("?tab=", "-").replace("?due=", "-").replace("/", "-")
    return f"page-{user}-{words or 'workbench'}"


@pytest.mark.parametrize("user", PAGES)
async def test_pages_of_the_role_are_sound(user: str, people: People) -> None:
    person = await people(user)
    page = await person.open("/")
    menu = page.get_by_role("navigation", name="主菜单").get_by_role("link")
    paths = [await one.get_attribute("href") or "" for one in await menu.all()]
    assert paths[0] == "/"
    for path in [*paths, *PAGES[user]]:
        await person.open(path)
        await person.look(_name(user, path))


async def test_sign_in_page_and_its_refusal(people: People) -> None:
    stranger = await people.seat("zuoxi")
    page = await stranger.open("/sign-in")
    await look(page, "page-sign-in")
    await page.get_by_label("用户名").fill("zuoxi")
    await page.get_by_label("密码").fill("not the password")
    await page.get_by_test_id("sign-in").click()
    await expect(page.get_by_test_id("refusal")).to_contain_text("未能登录")
    await look(page, "page-sign-in-refused")
    assert stranger.complaints == []
    await stranger.context.close()


async def test_pages_of_others_are_refused_in_words(stage: Stage, people: People) -> None:
    handler = await people("shijianju")
    answer = await handler.page.goto(f"{stage.url}/users")
    assert answer is not None
    assert answer.status == 403
    await expect(handler.page.get_by_text("您的岗位不能打开这一页")).to_be_visible()
    await handler.look("page-refused")
    answer = await handler.page.goto(f"{stage.url}/tickets/1")
    assert answer is not None
    assert answer.status == 404
    await handler.look("page-not-found")


async def test_menu_opens_on_a_phone_and_dark_stays_dark(people: People) -> None:
    operator = await people("zuoxi")
    page = await operator.open("/intake")
    await page.get_by_role("button", name="深色显示").click()
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    await page.get_by_role("button", name="深色显示").click()
    await page.set_viewport_size(PHONE)
    await page.get_by_role("button", name="打开菜单").click()
    link = page.get_by_role("link", name="回复回访")
    await expect(link).to_be_in_viewport()
    await picture(page, "page-phone-menu", width=390)
    await link.click()
    await expect(page.get_by_role("heading", name="回复回访", level=1)).to_be_visible()
    await page.set_viewport_size(WIDE)


@pytest.mark.parametrize("width", [600, 768, 1024, 1180, 1366])
async def test_a_list_shows_its_matter_in_every_window(
    width: int, stage: Stage, people: People
) -> None:
    """Between a phone and a wide screen the other columns give way."""
    dispatcher = await people("paishen")
    title = "小区门口道路破损，雨天积水无法通行，要求尽快修复"
    ticket_id = await stage.register(title)
    page = await dispatcher.open("/dispatch")
    await page.set_viewport_size({"width": width, "height": 800})
    cell = page.locator(f"tr[data-ticket='{ticket_id}'] .st-cell-main")
    box = await cell.bounding_box()
    assert box is not None
    assert box["width"] >= 120
    table = page.locator(".table-responsive").first
    room = await table.evaluate("box => box.querySelector('table').offsetWidth - box.clientWidth")
    assert room <= 0 or width < 768, "the table is wider than its place"
    await page.set_viewport_size(WIDE)
