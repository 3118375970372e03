"""Signing in and out, lock-out, idle sign-out, and what a stranger gets."""

from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer

from console.app import build_console
from console.deps import ConsoleSettings
from tests.console.stage import PASSWORD, Browser, Stage


async def test_stranger_is_led_to_sign_in_and_back(stage: Stage) -> None:
    browser = await stage.browser()
    answer = await browser.get("/tickets?text=x")
    assert answer.status == 303
    assert answer.headers["Location"] == "/sign-in?next=%2Ftickets%3Ftext%3Dx"
    await browser.get(answer.headers["Location"])
    answer = await browser.post(
        "/sign-in", {"name": "operator", "password": PASSWORD}, Referer="/sign-in"
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/tickets?text=x")


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example/", "https://evil.example/", "/\\evil.example"]
)
async def test_sign_in_leads_nowhere_else(stage: Stage, elsewhere: str) -> None:
    browser = await stage.browser()
    await browser.get("/sign-in")
    answer = await browser.post(
        "/sign-in", {"name": "operator", "password": PASSWORD, "next": elsewhere}
    )
    assert answer.headers["Location"] == "/"


async def test_session_cookie_is_kept_from_scripts_and_other_sites(stage: Stage) -> None:
    browser = await stage.browser()
    answer = await browser.sign_in("operator")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie, "plain http in this test"


async def test_unknown_name_and_wrong_password_read_the_same(stage: Stage) -> None:
    browser, texts = await stage.browser(), []
    for name in ("operator", "nobody"):
        answer = await browser.sign_in(name, "not-the-password")
        assert answer.status == 403
        start = browser.text.index("未能登录")
        texts.append(browser.text[start : start + 200])
    assert texts[0] == texts[1]


async def test_lock_out_after_wrong_passwords_and_its_end(stage: Stage) -> None:
    browser = await stage.browser()
    for _ in range(stage.store.people.policy.failures_allowed):
        await browser.sign_in("operator", "not-the-password")
    answer = await browser.sign_in("operator")
    assert answer.status == 403
    assert "锁定 15 分钟" in browser.text
    stage.clock.pass_(minutes=16)
    assert (await browser.sign_in("operator")).status == 303


async def test_idle_session_ends_and_fragments_are_redirected(stage: Stage) -> None:
    browser = await stage.browser("operator")
    stage.clock.pass_(minutes=29)
    assert (await browser.get("/")).status == 200, "used in time"
    stage.clock.pass_(minutes=31)
    answer = await browser.get(
        "/menu", htmx=True, **{"HX-Current-URL": "http://hub.example/intake?tab=drafts"}
    )
    assert answer.status == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=%2Fintake%3Ftab%3Ddrafts"
    assert browser.text == ""
    assert (await browser.get("/")).status == 303


async def test_live_refreshes_do_not_keep_somebody_signed_in(stage: Stage) -> None:
    browser = await stage.browser("operator")
    for _ in range(7):
        stage.clock.pass_(minutes=5)
        answer = await browser.get("/menu", htmx=True, **{"X-Live": "1"})
    assert answer.status == 401


async def test_sign_out_ends_the_session(stage: Stage) -> None:
    browser = await stage.browser("operator")
    token = browser.cookie("sutong_session")
    assert token
    await browser.get("/")
    assert (await browser.post("/sign-out")).headers["Location"] == "/sign-in"
    assert await stage.store.people.session(token) is None


async def test_temporary_password_must_be_changed_first(stage: Stage) -> None:
    await stage.store.people.reset_password("secadmin", "operator", "Zwischen-Zeit-1")
    browser = await stage.browser()
    await browser.sign_in("operator", "Zwischen-Zeit-1")
    answer = await browser.get("/intake")
    assert answer.headers["Location"].startswith("/account")
    await browser.get("/account")
    wrong = {"old": "Zwischen-Zeit-1", "new": "short", "again": "short"}
    assert (await browser.post("/account", wrong)).status == 422
    assert "密码至少 10 位" in browser.text
    fresh = wrong | {"new": "Neue-Quelle-88", "again": "Neue-Quelle-88"}
    assert (await browser.post("/account", fresh)).status == 303
    assert (await browser.get("/intake")).status == 200


async def test_signed_in_person_is_sent_on_from_the_sign_in_page(stage: Stage) -> None:
    browser = await stage.browser("operator")
    assert (await browser.get("/sign-in")).headers["Location"] == "/"


async def test_behind_a_proxy_sign_in_was_not_limited_at_all(stage: Stage) -> None:
    """All came from loopback then, which is not limited; or shared one limit when it was."""
    settings = ConsoleSettings(sign_in_per_minute=2)
    server = TestServer(build_console(replace(stage.deps, settings=settings)))
    async with TestClient(server) as client:
        browser = Browser(client)
        await browser.get("/sign-in")

        async def tried_from(address: str) -> int:
            fields = {"name": "nobody", "password": "x"}
            return (await browser.post("/sign-in", fields, **{"X-Forwarded-For": address})).status

        assert [await tried_from("203.0.113.7") for _ in range(3)] == [403, 403, 429]
        assert await tried_from("203.0.113.8") == 403
