"""Worker processes that prepare chunks of lines; they end with their pipe, however we end."""

import asyncio
import marshal
import multiprocessing
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from hub.memory import settle
from hub.old_tickets.prepare import Line, Prepared, Preparer, Refused, Terms
from schemas.errors import HubError
from ticket_store.bulk_rows import BulkTicket

_PATIENCE_SECONDS = 5.0


class WorkerEnded(HubError):
    """A process that prepares tickets is gone: out of memory, or killed. Call the import again."""


class Workers:
    """Hands each chunk to a free process. Use it as a context."""

    def __init__(self, terms: Terms, count: int) -> None:
        self.terms = terms
        context = multiprocessing.get_context("spawn")
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        self._processes: list[Any] = []
        self._pipes: list[Connection] = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, terms), daemon=True)
            process.start()
            theirs.close()  # so that each side learns of the other's end
            self._processes.append(process)
            self._pipes.append(ours)
            self._free.put_nowait(ours)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="import-worker")

    async def prepare(self, lines: Sequence[Line]) -> list[Prepared | Refused]:
        """Raises: WorkerEnded."""
        pipe = await self._free.get()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, _asked, pipe, list(lines))
        except (EOFError, OSError) as error:
            raise WorkerEnded("a worker process of the import has ended") from error
        finally:
            self._free.put_nowait(pipe)

    async def close(self) -> None:
        """End the processes; what they are at is left."""
        for process in self._processes:
            process.terminate()
        self._threads.shutdown(wait=True)
        for process, pipe in zip(self._processes, self._pipes, strict=True):
            process.join(_PATIENCE_SECONDS)
            pipe.close()
            process.close()


def _asked(pipe: Connection, lines: list[Line]) -> list[Prepared | Refused]:
    pipe.send_bytes(marshal.dumps([tuple(line) for line in lines]))
    return [_read(one) for one in marshal.loads(pipe.recv_bytes())]  # noqa: S302  from our own child


def _work(pipe: Connection, terms: Terms) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to end
    preparer = Preparer(terms)
    settle()
    while True:
        try:
            lines = marshal.loads(pipe.recv_bytes())  # noqa: S302  from our own parent
        except (EOFError, OSError):
            return
        done = preparer.prepare([Line(*line) for line in lines])
        pipe.send_bytes(marshal.dumps([_written(one) for one in done]))


def _written(one: Prepared | Refused) -> tuple[Any, ...]:
    """Plain tuples: they travel at a fraction of what objects cost."""
    if isinstance(one, Refused):
        return tuple(one.line), one.detail, one.remedy
    return tuple(one.line), tuple(one.ticket)


def _read(fields: tuple[Any, ...]) -> Prepared | Refused:
    line, *rest = fields
    if len(rest) > 1:
        return Refused(Line(*line), *rest)
    return Prepared(Line(*line), BulkTicket(*rest[0]))
