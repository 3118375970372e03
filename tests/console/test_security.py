"""Headers, cross-site requests, error pages, and limits on guessing."""

import io
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from console.app import LARGEST_FORM, build_console
from console.deps import ConsoleSettings
from schemas.errors import StoreBusy
from tests.console.api_stage import Seconds
from tests.console.stage import Browser, Stage


async def test_every_answer_carries_the_policy(stage: Stage) -> None:
    browser = await stage.browser("operator")
    for path in ("/", "/sign-in", "/nothing-here", "/static/console.css", "/users"):
        headers = (await browser.get(path)).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert path.startswith("/static") or headers["Cache-Control"] == "no-store"


async def test_form_without_our_token_is_refused(stage: Stage) -> None:
    ticket = await stage.registered()
    browser = await stage.browser("operator")
    path = f"/tickets/{ticket.ticket_id}/actions/accept"
    await browser.get(path)
    command_id = dict(browser.hidden(path))["command_id"]
    for token in ("", "0" * 64):
        answer = await browser.post(path, {"command_id": command_id, "csrf": token})
        assert answer.status == 403
        assert "安全校验" in browser.text
    assert (await stage.head(ticket.ticket_id)).state == "received"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_request_from_another_site_is_refused(stage: Stage, site: str) -> None:
    ticket = await stage.registered()
    browser = await stage.browser("operator")
    path = f"/tickets/{ticket.ticket_id}/actions/accept"
    await browser.get(path)
    answer = await browser.post(path, **{"Sec-Fetch-Site": site})
    assert answer.status == 403
    assert (await stage.head(ticket.ticket_id)).state == "received"
    await browser.get(path)
    assert (await browser.post(path, **{"Sec-Fetch-Site": "same-origin"})).status == 303


async def test_token_of_another_session_is_worth_nothing(stage: Stage) -> None:
    ticket = await stage.registered()
    mine, theirs = await stage.browser("operator"), await stage.browser("operator")
    path = f"/tickets/{ticket.ticket_id}/actions/accept"
    await theirs.get(path)
    answer = await mine.post(path, theirs.hidden(path), hidden=False)
    assert answer.status == 403


async def test_sign_in_form_of_a_stranger_needs_its_token_too(stage: Stage) -> None:
    browser = await stage.browser()
    answer = await browser.post("/sign-in", {"name": "operator", "password": "x"}, hidden=False)
    assert answer.status == 403
    assert "安全校验" in browser.text


async def test_errors_say_what_to_do_in_chinese(stage: Stage) -> None:
    browser = await stage.browser("operator")
    for path, status, words in (
        ("/tickets/1", 404, "请核对单号"),
        ("/users", 403, "从左侧菜单进入"),
        ("/tickets?cursor=nonsense", 400, "返回上一页"),
        ("/no-such-page", 404, "请核对单号"),
    ):
        answer = await browser.get(path)
        assert (answer.status, words in browser.text) == (status, True), path
        assert "Traceback" not in browser.text


async def test_failing_page_is_explained_and_not_shown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_args: object, **_named: object) -> None:
        raise RuntimeError("secret of the house")

    browser = await stage.browser("operator")
    monkeypatch.setattr(stage.store.search, "to_dos", breaks)
    with capture_logs() as logs:
        answer = await browser.get("/")
    assert answer.status == 500
    assert "系统内部出错" in browser.text
    assert "secret of the house" not in browser.text
    assert [(line["event"], line["path"]) for line in logs] == [("page failed", "/")]


async def test_busy_store_is_said_with_the_typed_text_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await stage.registered()
    browser = await stage.browser("operator")

    async def full(_command: object) -> None:
        raise StoreBusy("SQLITE_FULL")

    path = f"/tickets/{ticket.ticket_id}/actions/decline"
    await browser.get(path)
    monkeypatch.setattr(stage.store.desk, "execute", full)
    answer = await browser.post(path, {"reason": "不属本市职责范围"}, htmx=True)
    assert answer.status == 503
    assert "稍后再次提交" in browser.text
    assert "不属本市职责范围" in browser.text


async def test_busy_store_at_the_door_is_explained_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: object, **_named: object) -> None:
        raise StoreBusy("database away", retry_after_seconds=7)

    browser = await stage.browser("operator")
    monkeypatch.setattr(stage.store.people, "session", away)
    answer = await browser.get("/")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert "系统暂时无法保存" in browser.text


async def test_sign_in_attempts_are_limited_by_address(stage: Stage) -> None:
    settings = ConsoleSettings(sign_in_per_minute=3, limit_loopback=True)
    seconds = Seconds()
    deps = replace(stage.deps, settings=settings, monotonic=seconds)
    async with TestClient(TestServer(build_console(deps))) as client:
        browser = Browser(client)
        statuses = [(await browser.sign_in("nobody", "x")).status for _ in range(4)]
        assert statuses == [403, 403, 403, 429]
        seconds.at = 45.0
        refused = await browser.sign_in("nobody", "x")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "15")
        assert "操作过于频繁" in browser.text
        seconds.at = 60.0
        assert (await browser.sign_in("nobody", "x")).status == 403


async def test_too_large_form_is_refused(stage: Stage) -> None:
    browser = await stage.browser("operator")
    await browser.get("/intake/new")
    (token,) = {value for name, value in browser.hidden("/intake/new") if name == "csrf"}
    answer = await browser.client.post(
        "/intake/new",
        data=io.BytesIO(b"text=" + b"a" * (LARGEST_FORM + 1)),
        headers={
            "X-CSRF-Token": token,
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    assert answer.status == 413
    assert "提交的内容太大" in await answer.text()
