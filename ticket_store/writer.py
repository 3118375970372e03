"""Groups concurrent pieces of work into one transaction: many effects, one wait for the disk.

A piece of work is answered only after the commit that holds it. If anything in a group fails, the
group is rolled back and its pieces are done again one by one, so that only the guilty one fails;
work must therefore have no effect outside its transaction. Where several processes write, a group
that another one came in between is done again before that.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection

from schemas.errors import StoreBusy
from ticket_store.busy import busy_reason, is_collision, is_conflict
from ticket_store.engine import Database

MOST_TOGETHER = 64
LINGER_SECONDS = 0.002
# when another process changed the same rows; the second look sees what it did
_TRIES_TOGETHER, _TRIES_ALONE = 2, 5
T = TypeVar("T")
R = TypeVar("R")
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AuditEntry:
    """An act for the audit chain. events_digest: of the events that it made, if it made some."""

    actor_id: str
    action: str
    subject: str
    facts: str  # JSON
    events: int = 0
    events_digest: bytes | None = None


class Turn(IntEnum):
    """The order of work within a group, the same in every process.

    Heads are locked before the rows that follow from them: two processes that lock in two orders
    wait for each other until the server ends one of them.
    """

    DESK, ERRAND, CLOCKS = range(3)


@dataclass
class Unit:
    """One transaction under way.

    audit: entries are chained at the end, just before the commit: the chain's head is the one row
    that all writers share, so it is held as briefly as can be.
    """

    connection: Connection
    audit: list[AuditEntry] = field(default_factory=list)


Errand = Callable[[Unit], R]
Handler = Callable[[Unit, Sequence[T]], Sequence[R]]
Closing = Callable[[Unit], None]


@dataclass
class Job:
    handler: Handler[Any, Any]
    item: Any
    answer: asyncio.Future[Any]
    turn: Turn


@dataclass
class WriterCounters:
    """For metrics; plain numbers since the start."""

    groups: int = 0
    jobs: int = 0
    largest_group: int = 0
    last_group: int = 0
    replays: int = 0
    conflicts: int = 0
    refused_busy: int = 0


class Writer:
    """The only one in this process that writes; other processes may have theirs."""

    def __init__(
        self,
        database: Database,
        closing: Closing,
        *,
        most: int = MOST_TOGETHER,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        """closing: what every transaction ends with (the audit chain)."""
        self._database, self._closing = database, closing
        self._most, self._linger = most, linger_seconds
        self._waiting: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self.counters = WriterCounters()

    @property
    def queue_length(self) -> int:
        return len(self._waiting)

    async def run(self, errand: Errand[R]) -> R:
        """Do one errand in a transaction, together with whatever else is waiting.

        Raises: what the errand raises; StoreBusy when the database cannot take writes now.
        """
        result: R = await self.submit(_run_errands, errand)
        return result

    async def submit(self, handler: Handler[T, R], item: T, turn: Turn = Turn.ERRAND) -> R:
        """Hand `item` to `handler`, which gets all items of a group that are its own at once."""
        if self._closed:
            raise StoreBusy("the store is closing")
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="store-writer")
        job = Job(handler, item, asyncio.get_running_loop().create_future(), turn)
        self._waiting.append(job)
        self._wake.set()
        result: R = await job.answer
        return result

    async def close(self) -> None:
        """Finish what is waiting, then stop."""
        self._closed = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def _work(self) -> None:
        while True:
            if not self._waiting:
                if self._closed:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            # alone, nobody is worth waiting for; in company, more are on their way
            if self.counters.last_group > 1 and len(self._waiting) < self._most:
                await asyncio.sleep(self._linger)
            count = min(len(self._waiting), self._most)
            await self.process([self._waiting.popleft() for _ in range(count)])

    async def process(self, group: Sequence[Job], tries: int = 1) -> None:
        """Commit, then answer: never the other way round."""
        self._count(group)
        try:
            results = await self.commit(group)
        except Exception as error:  # noqa: BLE001  whatever it is, somebody waits for it
            await self._recover(group, error, tries)
        else:
            self.answer(group, results)

    async def commit(self, group: Sequence[Job]) -> list[Any]:
        """Do all jobs in one transaction; returns their results, in order, once it is durable."""
        return await self._database.write(lambda connection: self.do(connection, group))

    def do(self, connection: Connection, group: Sequence[Job]) -> list[Any]:
        """The group's work, within the transaction that `commit` makes durable."""
        results: dict[int, Any] = {}
        by_handler: dict[Handler[Any, Any], list[int]] = {}
        for place, job in sorted(enumerate(group), key=lambda pair: pair[1].turn):
            by_handler.setdefault(job.handler, []).append(place)
        unit = Unit(connection)
        for handler, places in by_handler.items():
            done = handler(unit, [group[place].item for place in places])
            results.update(zip(places, done, strict=True))
        self._closing(unit)
        return [results[place] for place in range(len(group))]

    def answer(self, group: Sequence[Job], results: Sequence[Any]) -> None:
        for job, result in zip(group, results, strict=True):
            if not job.answer.done():  # the asker may have gone away; the work is done all the same
                job.answer.set_result(result)

    async def _recover(self, group: Sequence[Job], error: Exception, tries: int) -> None:
        if (reason := busy_reason(error)) is not None:
            self.counters.refused_busy += len(group)
            log.warning("store busy", reason=reason, jobs=len(group))
            for job in group:
                _fail(job, StoreBusy(reason))
        elif is_conflict(error) and tries < (_TRIES_ALONE if len(group) == 1 else _TRIES_TOGETHER):
            self.counters.conflicts += 1
            log.info("another process came in between", jobs=len(group), tries=tries)
            await self.process(group, tries + 1)
        elif len(group) == 1:
            met = is_collision(error)
            _fail(group[0], StoreBusy("other processes are at the same rows") if met else error)
        else:
            self.counters.replays += 1
            log.warning("group replayed", jobs=len(group), error=type(error).__name__)
            for job in group:
                await self.process([job])

    def _count(self, group: Sequence[Job]) -> None:
        self.counters.groups += 1
        self.counters.jobs += len(group)
        self.counters.last_group = len(group)
        self.counters.largest_group = max(self.counters.largest_group, len(group))


def _run_errands(unit: Unit, errands: Sequence[Errand[Any]]) -> list[Any]:
    return [errand(unit) for errand in errands]


def _fail(job: Job, error: Exception) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)
