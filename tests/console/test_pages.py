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
