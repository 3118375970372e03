"""Threads that each keep one connection open and lend it to one piece of work after the other.

A piece of work costs one change of threads there and one back, half of what an executor takes: it
builds a second future for each. docs/performance.md has the figures.
"""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, NamedTuple, TypeVar

C = TypeVar("C")
T = TypeVar("T")


class _Work(NamedTuple):
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    do: Callable[[Any], Any]


class Threads(Generic[C]):
    """`count` threads, begun when there is work for them."""

    def __init__(
        self, count: int, name: str, open_one: Callable[[], C], close_one: Callable[[C], None]
    ) -> None:
        """open_one, close_one: called in the thread; what fails is closed and opened again."""
        self._count, self._name = count, name
        self._open, self._close = open_one, close_one
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._under_way = 0

    async def run(self, do: Callable[[C], T]) -> T:
        """Lend a connection to `do`; its result. One that nobody waits for is done all the same.

        Raises: what `do`, or opening a connection, raises.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._under_way += 1
        if self._under_way > len(self._threads) < self._count:
            thread = Thread(target=self._serve, name=f"{self._name}-{len(self._threads)}")
            thread.daemon = True  # a loop that was killed leaves nobody to end them
            self._threads.append(thread)
            thread.start()
        self._work.put(_Work(loop, answer, do))
        return await answer

    def end(self) -> None:
        """Let what waits be done, close the connections; blocks until then."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        held: C | None = None
        while (work := self._work.get()) is not None:
            result: Any = None
            error: BaseException | None = None
            try:
                if held is None:
                    held = self._open()
                result = work.do(held)
            except BaseException as raised:  # noqa: BLE001  whatever it is, somebody waits for it
                error = raised
                self._give_up(held)
                held = None
            try:
                work.loop.call_soon_threadsafe(self._settle, work.answer, result, error)
            except RuntimeError:  # the loop has ended, and with it whoever asked
                continue
            finally:
                del work, result, error  # not kept until the next work comes
        self._give_up(held)

    def _settle(self, answer: asyncio.Future[T], result: T, error: BaseException | None) -> None:
        self._under_way -= 1
        if answer.done():  # given up
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)

    def _give_up(self, held: C | None) -> None:
        if held is None:
            return
        try:
            self._close(held)
        except Exception:  # noqa: BLE001  it is given up because it is broken
            return
