"""Live pages: one event stream a browser that carries topic names only, never a ticket's content.

`board` says that something in the platform changed; `ticket-<id>` goes to those alone who see all
tickets, so that the stream reveals nothing that the lists hide.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

BOARD, SIGNED_OUT = "board", "signed-out"
HEARTBEAT_SECONDS = 20.0


@dataclass(eq=False)
class Listener:
    """Topics that wait to be told; a set, so that a slow browser costs no memory."""

    sees_all: bool
    waiting: set[str] = field(default_factory=set)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def tell(self, topics: Iterable[str]) -> None:
        self.waiting.update(topics)
        self.woken.set()

    async def topics(self, timeout_seconds: float) -> list[str]:
        """What is new, sorted; empty when `timeout_seconds` pass without any news."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.woken.wait()
        except TimeoutError:
            return []
        self.woken.clear()
        news, self.waiting = sorted(self.waiting), set()
        return news


class LiveHub:
    """Hands the news of committed events to the streams that are open in this process."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._heard = asyncio.Event()

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listen(self, *, sees_all: bool) -> Iterator[Listener]:
        listener = Listener(sees_all)
        self._listeners.add(listener)
        self._heard.set()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                self._heard.clear()

    async def until_heard(self) -> None:
        """Return as soon as somebody listens."""
        await self._heard.wait()

    def publish(self, ticket_ids: Iterable[int]) -> None:
        """Something happened to these tickets; call it after the commit."""
        topics = {f"ticket-{ticket_id}" for ticket_id in ticket_ids}
        if not topics:
            return
        for listener in self._listeners:
            listener.tell({BOARD, *topics} if listener.sees_all else {BOARD})

    def close(self) -> None:
        """End all streams: the process is going down."""
        for listener in self._listeners:
            listener.closed = True
            listener.woken.set()


def sse(topic: str) -> bytes:
    return f"event: topic\ndata: {topic}\n\n".encode()
