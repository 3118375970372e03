"""Group commit: many sends, one transaction, one fsync, in a thread of its own.

Everything here but `_write` runs on the event loop, so there is no lock. A send's future is done
when its transaction is durable, never before.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import structlog
from faust.exceptions import ProducerSendError

from streams.embedded.log import Log
from streams.embedded.records import NewRecord
from streams.embedded.settings import BrokerSettings

log = structlog.get_logger(__name__)
FULL_SECONDS = 1.0  # between two tries on a full disk
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
T = TypeVar("T")
Written = Callable[[int | None, BaseException | None], None]
"""Told the offset a record got, or why it was not written."""


@dataclass
class _Group:
    """What goes into one transaction."""

    records: list[NewRecord] = field(default_factory=list)
    tellers: list[Written] = field(default_factory=list)
    offsets: dict[str, dict[int, int]] = field(default_factory=dict)
    done: asyncio.Future[None] | None = None

    @property
    def taken(self) -> bool:
        return bool(self.records or self.offsets)


class GroupWriter:
    """The only way into a log that is open for a worker."""

    def __init__(
        self,
        log: Log,
        settings: BrokerSettings,
        *,
        on_written: Callable[[set[int]], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._log = log
        self._settings = settings
        self._on_written = on_written
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedded-log")
        self._group = _Group()
        self._writing: _Group | None = None
        self._go = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._timer: asyncio.TimerHandle | None = None
        self.failed: ProducerSendError | None = None  # once failed, it takes nothing any more
        self._pending_bytes = 0
        self.pending_records = 0
        self._task = self._loop.create_task(self._run())

    # -- asking

    def append(self, record: NewRecord, tell: Written) -> None:
        """Take a record; `tell` is called on the loop once it is durable or has failed."""
        if self.failed is not None:
            self._loop.call_soon(tell, None, self.failed)
            return
        group = self._group
        group.records.append(record)
        group.tellers.append(tell)
        self.pending_records += 1
        self._pending_bytes += record.size
        if self.full:
            self._room.clear()
        self._start_linger(len(group.records))

    async def commit(self, group: str, offsets: Mapping[int, int]) -> None:
        """Write a group's positions; return when they and all records before are durable."""
        self._group.offsets.setdefault(group, {}).update(offsets)
        await self.flush()

    async def flush(self) -> None:
        """Return when everything taken so far is durable; raise ProducerSendError if it is not."""
        if self.failed is not None:
            raise self.failed
        group: _Group | None = self._group
        if not self._group.taken:
            group = self._writing  # not "until idle": under load that moment may never come
        if group is None:
            return
        if group.done is None:
            group.done = self._loop.create_future()
        self._go.set()
        await asyncio.shield(group.done)

    async def call(self, work: Callable[[], T]) -> T:
        """Run `work` in the writing thread, between two transactions."""
        return await self._loop.run_in_executor(self._thread, work)

    @property
    def full(self) -> bool:
        return (
            self.pending_records >= self._settings.pending_records
            or self._pending_bytes >= self._settings.pending_bytes
        )

    async def room(self) -> None:
        """Wait until a record may be taken without more than the allowed number pending."""
        while self.full and self.failed is None:
            self._go.set()
            await self._room.wait()

    async def close(self) -> None:
        """Write what was taken, then let the thread go; after a failure there is nothing left."""
        try:
            if self.failed is None:
                await self.flush()
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            if self._timer is not None:
                self._timer.cancel()
            self._thread.shutdown(wait=True)

    # -- doing

    def _start_linger(self, waiting: int) -> None:
        if waiting >= self._settings.group_records:
            self._go.set()
        elif self._timer is None and self._writing is None:
            self._timer = self._loop.call_later(self._settings.linger_ms / 1000, self._go.set)

    async def _run(self) -> None:
        while True:
            await self._go.wait()
            self._go.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            # while one transaction is written the next group gathers: no further linger
            while self._group.taken and self.failed is None:
                self._writing, self._group = self._group, _Group()
                await self._write(self._writing)
                self._writing = None

    async def _write(self, group: _Group) -> None:
        step = self._settings.group_records
        error: ProducerSendError | None = None
        for start in range(0, max(len(group.records), 1), step):
            records = group.records[start : start + step]
            final = start + step >= len(group.records)
            given: list[int] = []
            if error is None:
                work = partial(self._log.append, records, group.offsets if final else None)
                try:
                    given = await self._when_there_is_room(work)
                except Exception as cause:  # noqa: BLE001  # handed to every waiting sender
                    error = ProducerSendError(f"log not written: {cause!r}")
                    error.__cause__ = cause
                    self.failed = error
            self.pending_records -= len(records)
            self._pending_bytes -= sum(record.size for record in records)
            for index, tell in enumerate(group.tellers[start : start + step]):
                tell(given[index] if error is None else None, error)
            if error is None and records:
                self._on_written({record.part for record in records})
            if not self.full or error:
                self._room.set()
        if group.done is not None and not group.done.done():
            if error is None:
                group.done.set_result(None)
            else:
                group.done.set_exception(error)
        if error is not None:
            self._fail_rest(error)
            self._on_failure(error)

    async def _when_there_is_room(self, work: Callable[[], T]) -> T:
        """What `work` gives. On a full disk nothing is lost, only late: it was rolled back whole,
        and whoever waits for it goes on when somebody has made room."""
        told = False
        while True:
            try:
                return await self._loop.run_in_executor(self._thread, work)
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", None) not in _NO_ROOM:
                    raise
                if not told:
                    log.error("no room for the broker's log", error=error.sqlite_errorname)  # noqa: TRY400 - no trace: the fact is all
                told = True
            await asyncio.sleep(FULL_SECONDS)

    def _fail_rest(self, error: BaseException) -> None:
        """Refuse what gathered meanwhile: a record must not overtake one that was lost."""
        group, self._group = self._group, _Group()
        self.pending_records = self._pending_bytes = 0
        for tell in group.tellers:
            tell(None, error)
        if group.done is not None and not group.done.done():
            group.done.set_exception(error)
