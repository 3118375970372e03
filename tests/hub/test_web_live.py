"""Live pages: a web process of its own looks for what others committed; one with a worker not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.assembly import Hub, build
from hub.settings import load
from hub.web import running_web
from hub.worker import Worker, build_sender
from streams.deps import Wakes
from streams.progress import Progress


@pytest.fixture
async def hub(home: Path) -> AsyncIterator[Hub]:
    built = await build(load(home=home, port=0), migrating=True)
    yield built
    await built.close()


def followers() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "live"]


async def test_web_alone_follows_others_until_it_stops(hub: Hub) -> None:
    async with running_web(hub, None):
        assert followers() == ["live"]
    assert followers() == []


async def test_with_the_worker_in_the_process_nothing_is_polled(hub: Hub) -> None:
    worker = Worker(Progress(lambda: 0.0), Wakes(), build_sender(hub), asyncio.Event())
    async with running_web(hub, worker):
        assert followers() == []
