"""Every page opens for its roles and is refused to all others."""

import pytest

from console.permissions import BY_PATH
from tests.console.stage import CAST, Stage

PAGES = [
    "/", "/intake", "/intake?tab=internet", "/intake?tab=reminders", "/intake?tab=declined",
    "/dispatch", "/dispatch?tab=send-back", "/handling", "/handling?tab=working",
    "/handling?tab=reminders", "/handling?tab=done", "/reviews", "/replies", "/replies?tab=rated",
    "/tickets", "/supervise", "/supervise?tab=reminded", "/messages", "/messages?outcome=dead",
    "/messages/deliveries", "/users", "/audit", "/account", "/menu", "/departments?q=scjg",
]  # fmt: skip


@pytest.mark.parametrize("user", CAST)
async def test_pages_are_for_their_roles(stage: Stage, user: str) -> None:
    await stage.registered()
    await stage.acknowledged()
    browser = await stage.browser(user)
    role = CAST[user][0]
    for path in PAGES:
        answer = await browser.get(path)
        allowed = role in BY_PATH[path.lstrip("/").partition("?")[0].partition("/")[0]].roles
        assert answer.status == (200 if allowed else 403), (path, browser.text[:3000])


async def test_workbench_shows_the_first_of_each_list_and_leads_to_the_whole(
    stage: Stage,
) -> None:
    for number in range(10):
        await stage.registered(f"第{number}件")
    browser = await stage.browser("operator")
    await browser.get("/")
    assert browser.text.count('data-ticket="') == 8
    assert "共 10 件" in browser.text
    assert 'data-test="next-page"' not in browser.text
    assert 'href="/intake?tab=received">全部' in browser.text
    await browser.get("/menu?at=intake", htmx=True)
    assert '<span class="st-count">10<' in browser.text
    assert 'class="is-active" aria-current="page"' in browser.text
