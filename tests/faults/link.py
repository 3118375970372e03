"""One direction of one connection through the proxy: read, made worse, written.

Reading and writing are two tasks, so that a delay holds back nothing but what it delays: pieces
that came together arrive together, later.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.faults.toxics import (
    Bandwidth,
    Latency,
    LimitData,
    Placed,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
    Toxic,
)

_PIECE = 16 * 1024
_WAITING = 32  # pieces read ahead; more stay with the sender
_STEP_SECONDS = 0.1  # of a slow line: so soon it notices that it is quick again
T = TypeVar("T", bound=Toxic)


class Changes:
    """Tells everybody who waits that the toxics are others now."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float | None = None) -> None:
        """Until the next change, or so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return


class Link:
    """placed: the toxics of this direction, as they are now. reset, close: of the connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        placed: Callable[[], Sequence[Placed]],
        changes: Changes,
        rng: random.Random,
        reset: Callable[[], None],
        close: Callable[[], None],
    ) -> None:
        self._reader, self._writer = reader, writer
        self._placed, self._changes, self._rng = placed, changes, rng
        self._reset, self._close = reset, close
        self._struck: dict[Placed, bool] = {}  # one throw of the dice for each toxic
        self._pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_WAITING)
        self._passed = 0

    async def run(self) -> None:
        """Until the stream has ended and its end was passed on, or the connection is gone."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch())
            read = group.create_task(self._read())
            try:
                await self._write()
            finally:
                read.cancel()
                watch.cancel()

    def _toxics(self, kind: type[T]) -> list[T]:
        found: list[T] = []
        for one in self._placed():
            if one not in self._struck:
                self._struck[one] = self._rng.random() < one.toxicity
            if self._struck[one] and isinstance(one.toxic, kind):
                found.append(one.toxic)
        return found

    async def _watch(self) -> None:
        """Toxics that need no data to strike."""
        while True:
            waits = [(one.timeout, self._reset) for one in self._toxics(ResetPeer)]
            waits += [(one.timeout, self._close) for one in self._toxics(Timeout) if one.timeout]
            if not waits:
                await self._changes.wait()
                continue
            milliseconds, end = min(waits, key=lambda wait: wait[0])
            told = asyncio.create_task(self._changes.wait())
            done, _ = await asyncio.wait({told}, timeout=milliseconds / 1000)
            told.cancel()
            if not done:
                end()
                return

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await self._reader.read(_PIECE):
                await self._pieces.put((loop.time(), data))
        except OSError:
            self._close()
            return
        await self._pieces.put((loop.time(), b""))

    async def _write(self) -> None:
        try:
            while True:
                came, data = await self._pieces.get()
                await self._hold()
                await self._delay(came)
                if not data:
                    await self._pass_end_on()
                    return
                await self._pass_on(data)
        except OSError:
            self._close()

    async def _hold(self) -> None:
        while self._toxics(Timeout):
            await self._changes.wait()

    async def _delay(self, came: float) -> None:
        late = sum(one.seconds(self._rng) for one in self._toxics(Latency))
        left = came + late - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)

    async def _pass_on(self, data: bytes) -> None:
        slicers = self._toxics(Slicer)
        pieces = slicers[0].slices(data, self._rng) if slicers else [data]
        for number, piece in enumerate(pieces):
            if number and slicers[0].delay:
                await asyncio.sleep(slicers[0].delay / 1_000_000)
            await self._slowly(piece)
            await self._hold()
            allowed = self._allowed(len(piece))
            self._writer.write(piece[:allowed])
            await self._writer.drain()
            self._passed += allowed
            if allowed < len(piece):
                self._close()
                return

    async def _slowly(self, piece: bytes) -> None:
        left = 1.0  # share of the piece that has not crossed the line yet
        while left > 0 and (lines := self._toxics(Bandwidth)):
            needed = max(line.seconds(len(piece)) for line in lines)
            step = min(_STEP_SECONDS, left * needed)
            await self._changes.wait(step)
            left -= step / needed if needed else left

    def _allowed(self, size: int) -> int:
        rooms = [one.bytes - self._passed for one in self._toxics(LimitData)]
        return max(0, min([size, *rooms]))

    async def _pass_end_on(self) -> None:
        for one in self._toxics(SlowClose):
            await asyncio.sleep(one.delay / 1000)
        if self._writer.can_write_eof():
            self._writer.write_eof()
