"""Faust apps on a log file of the test's own, run inside the test's event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import faust

PATIENCE = 20.0  # seconds after which a test gives up waiting; never waited in full


def new_app(folder: Path, *, query: str = "", **settings: Any) -> Any:
    """Return an app on `folder`'s log; `settings` go to Faust."""
    options: dict[str, Any] = {
        "broker": f"sqlite:///{folder / 'log.db'}?{query}",
        "datadir": str(folder),
        "web_enabled": False,
        "topic_partitions": 2,
        "topic_disable_leader": True,
        "stream_wait_empty": True,
    }
    app: Any = faust.App("embedded-test", **(options | settings))
    return app


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[Any]:
    """The embedding recipe: start and stop the app in the loop we are in."""
    async with asyncio.timeout(PATIENCE):
        await app.start()
    try:
        yield app
    finally:
        async with asyncio.timeout(PATIENCE):
            await app.stop()


class Collector:
    """Collects what processors saw and wakes whoever waits for enough of it."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._changed = asyncio.Condition()

    async def add(self, item: Any) -> None:
        self.items.append(item)
        async with self._changed:
            self._changed.notify_all()

    async def until(self, enough: Callable[[list[Any]], bool]) -> list[Any]:
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: enough(self.items))
        return self.items

    async def count(self, number: int) -> list[Any]:
        return await self.until(lambda items: len(items) >= number)


async def send_all(topic: Any, pairs: list[tuple[str, Any]]) -> list[Any]:
    """Send and wait until all are durable; return their metadata."""
    sends = [await topic.send(key=key, value=value) for key, value in pairs]
    async with asyncio.timeout(PATIENCE):
        return list(await asyncio.gather(*sends))
