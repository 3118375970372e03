"""Live pages: topics reach the streams that may hear them, and nothing else travels."""

import asyncio

import pytest

from console import live_page
from console.live import BOARD, LiveHub
from tests.console.stage import Stage


async def lines(response: object, until: str) -> str:
    text = ""
    async with asyncio.timeout(5):
        while until not in text:
            chunk = await response.content.readany()  # type: ignore[attr-defined]  # ClientResponse
            assert chunk, "the stream ended"
            text += chunk.decode()
    return text


async def test_commit_reaches_an_open_stream_as_topics(stage: Stage) -> None:
    browser = await stage.browser("operator")
    answer = await browser.client.get("/live")
    assert answer.headers["Content-Type"] == "text/event-stream"
    await lines(answer, "retry")
    ticket = await stage.registered("机密标题")
    text = await lines(answer, f"data: ticket-{ticket.ticket_id}")
    assert "data: board" in text
    assert "机密标题" not in text
    answer.close()


async def test_department_hears_no_ticket_numbers(stage: Stage) -> None:
    browser = await stage.browser("handler")
    answer = await browser.client.get("/live")
    await lines(answer, "retry")
    await stage.registered()
    text = await lines(answer, "data: board")
    assert "ticket-" not in text
    answer.close()


async def test_stream_tells_when_the_session_has_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_page, "HEARTBEAT_SECONDS", 0.01)
    browser = await stage.browser("operator")
    answer = await browser.client.get("/live")
    await lines(answer, "still here")
    stage.clock.pass_(minutes=31)
    await lines(answer, "data: signed-out")
    assert (await answer.content.read()).count(b"still here") == 0


async def test_in_a_busy_hub_a_stream_outlived_its_session(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_page, "HEARTBEAT_SECONDS", 0.2)
    browser = await stage.browser("operator")
    answer = await browser.client.get("/live")
    await lines(answer, "retry")
    stage.clock.pass_(minutes=31)
    text = ""
    async with asyncio.timeout(5):
        while "signed-out" not in text:
            stage.deps.live.publish([1])  # never quiet as long as a heartbeat
            text = (await answer.content.readany()).decode()
            assert "still here" not in text


async def test_stream_needs_a_session(stage: Stage) -> None:
    browser = await stage.browser()
    assert (await browser.get("/live")).status == 401


async def test_shutdown_ends_the_streams(stage: Stage) -> None:
    browser = await stage.browser("operator")
    answer = await browser.client.get("/live")
    await lines(answer, "retry")
    stage.deps.live.close()
    async with asyncio.timeout(5):
        assert await answer.content.read() == b""


async def test_closed_browser_leaves_no_listener(stage: Stage) -> None:
    browser = await stage.browser("operator")
    answer = await browser.client.get("/live")
    await lines(answer, "retry")
    assert stage.deps.live.listeners == 1
    answer.close()
    async with asyncio.timeout(5):
        while stage.deps.live.listeners:
            await stage.registered()
            await asyncio.sleep(0)


async def test_slow_browser_costs_no_memory() -> None:
    hub = LiveHub()
    with hub.listen(sees_all=False) as listener:
        for number in range(1000):
            hub.publish([number])
        assert await listener.topics(1) == [BOARD]
        assert await listener.topics(0) == []
        hub.publish([])
        assert await listener.topics(0) == []
    assert hub.listeners == 0
