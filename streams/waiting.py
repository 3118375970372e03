"""Waiting: until the store takes writes again, and between two rounds of a loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from schemas.errors import StoreBusy
from streams.progress import Part

T = TypeVar("T")
log = structlog.get_logger(__name__)

_LONGEST_WAIT = 30.0


async def when_free(call: Callable[[], Awaitable[T]]) -> T:
    """The answer of `call`, repeated while the store is busy; it must be safe to repeat."""
    told = False
    while True:
        try:
            return await call()
        except StoreBusy as busy:
            if not told:
                log.warning("store busy", retry_after_seconds=busy.retry_after_seconds)
            told = True
            rest = min(busy.retry_after_seconds, _LONGEST_WAIT)
        await asyncio.sleep(rest)


class Wake:
    """Ends the pause of a loop early; what is set while nobody waits is not lost."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()


async def until_done(call: Callable[[], Awaitable[T]]) -> T:
    """The answer of `call`, repeated over any failure; for work that must not be skipped.

    What can be refused has been caught inside `call`: here the broker or the store is away.
    """
    failures = 0
    while True:
        try:
            return await call()
        except Exception:
            failures += 1
            if failures == 1:
                log.exception("repeating until it is done")
            await asyncio.sleep(_rest(failures))


def _rest(failures: int) -> float:
    return min(0.5 * 2.0 ** min(failures, 6), _LONGEST_WAIT)


async def keep_doing(
    part: Part, once: Callable[[], Awaitable[bool]], wake: Wake, pause: Callable[[], float]
) -> None:
    """Call `once` for ever: at once again while it says there is more, else when woken or after
    `pause()` seconds. Never raises but when cancelled: a dead loop would stop the hub in silence.
    """
    failures = 0
    while True:
        part.begins()
        try:
            more = await once()
        except StoreBusy as busy:
            if failures == 0:
                log.warning("store busy", retry_after_seconds=busy.retry_after_seconds)
            failures += 1
            await asyncio.sleep(min(busy.retry_after_seconds, _LONGEST_WAIT))
            continue
        except Exception:
            failures += 1
            if failures == 1:
                log.exception("round failed")
            await asyncio.sleep(_rest(failures))
            continue
        failures = 0
        part.ends()
        if not more:
            await wake.wait(pause())
