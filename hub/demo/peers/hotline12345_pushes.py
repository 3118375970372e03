"""Versions of orders that a simulated 12345 platform pushes to the hub instead of being polled."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from zlib import crc32

import httpx

_LANES = 4  # pushes under way at once; the versions of an order stay in one lane
_NOT_NOW = frozenset({429, 500, 502, 503, 504})
_PAUSE_SECONDS = 0.2


class PushRefused(Exception):
    """The hub's gateway answered a push with what no good push gets."""


class Pushes:
    """What waits to be pushed, and what became of it.

    acknowledged: versions that the hub said it has; turned_away: how many it could not read.
    """

    def __init__(self, pause: Callable[[float], Awaitable[None]]) -> None:
        """pause: waits so many seconds."""
        self.acknowledged: list[bytes] = []
        self.turned_away = 0
        self._pause = pause
        self._lanes: list[deque[bytes]] = [deque() for _ in range(_LANES)]

    def __len__(self) -> int:
        return sum(map(len, self._lanes))

    def add(self, order_no: str, versions: tuple[bytes, ...]) -> None:
        self._lanes[crc32(order_no.encode()) % _LANES].extend(versions)

    async def send(self, push: Callable[[bytes], Awaitable[tuple[int, str]]]) -> None:
        """Push what waits, each version until the hub has answered; orders side by side.

        push: sends one version once; HTTP status and code of the answer.
        Raises: PushRefused.
        """
        await asyncio.gather(*(self._send_lane(lane, push) for lane in self._lanes))

    async def _send_lane(
        self, lane: deque[bytes], push: Callable[[bytes], Awaitable[tuple[int, str]]]
    ) -> None:
        while lane:
            content = lane[0]
            try:
                status, code = await push(content)
            except (httpx.TransportError, ValueError):  # ValueError: half an answer
                status, code = 503, ""
            if status in _NOT_NOW:
                await self._pause(_PAUSE_SECONDS)
                continue
            if status == HTTPStatus.OK:
                self.acknowledged.append(content)
            elif status == HTTPStatus.UNPROCESSABLE_ENTITY:
                self.turned_away += 1
            else:
                raise PushRefused(f"HTTP {status} code {code}")
            lane.popleft()
