"""Who was given a password changes it first, on a page that stays one page."""

import pytest
from playwright.async_api import Browser, expect

from schemas.parties import Role
from tests.browser.stage import Stage
from ticket_store.people_values import NewUser

GIVEN, OWN = "Given-Once-2026", "Chosen-By-Me-2026"  # of a user who lives as long as the test


@pytest.mark.asyncio(loop_scope="session")
async def test_the_page_for_the_first_password_does_not_hold_itself(
    stage: Stage, browser: Browser
) -> None:
    new = NewUser(user_name="xinren", display_name="新人", roles=frozenset({Role.OPERATOR}))
    await stage.hub.store.people.create("test", new, GIVEN)
    context = await browser.new_context(locale="zh-CN")
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{stage.url}/sign-in")
    await page.get_by_label("用户名").fill("xinren")
    await page.get_by_label("密码").fill(GIVEN)
    async with page.expect_response(lambda answer: "/menu" in answer.url):
        await page.get_by_test_id("sign-in").click()
    await expect(page.get_by_test_id("form-password")).to_have_count(1)
    fields = page.locator("input[type=password]")
    await expect(fields).to_have_count(3)
    assert sum("/menu" in url for url in asked) == 1
    for number, text in enumerate((GIVEN, OWN, OWN)):
        await fields.nth(number).fill(text)
    await page.get_by_test_id("submit-password").click()
    await expect(page.get_by_text("密码已修改")).to_be_visible()
    await page.goto(stage.url)
    await expect(page.get_by_role("heading", name="工作台")).to_be_visible()
    await context.close()
