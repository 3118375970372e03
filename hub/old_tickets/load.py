"""Runs an import: lines are prepared by worker processes and written here, chunk after chunk.

A chunk is a transaction. What is in the store already is skipped by number, so an import that was
killed goes on where it was when it is called again.
"""

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hub.old_tickets.prepare import Line, Prepared, Preparer, Refused, Terms
from hub.old_tickets.processes import Workers
from schemas.errors import StoreBusy
from ticket_store.bulk import BulkBook, Placing

CHUNK = 256  # lines of a transaction: some 50 ms, for which a hub beside it waits
_AHEAD = 2  # chunks that are prepared or wait, a worker
_MOST_ATTEMPTS = 20  # ids that are tried for one ticket
_BUSY_TRIES = 5
_NOT_TAKEN = ("the database does not take it [not_taken]", "look for odd characters in it")


@dataclass
class Counts:
    """lines: read so far; the others are those of the report."""

    lines: int = 0
    imported: int = 0
    repeated: int = 0
    refused: int = 0
    seconds: float = 0.0

    @property
    def tickets_per_s(self) -> float:
        return round(self.imported / self.seconds, 1) if self.seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "imported": self.imported,
            "repeated": self.repeated,
            "refused": self.refused,
            "seconds": round(self.seconds, 2),
            "tickets_per_s": self.tickets_per_s,
        }


@dataclass(frozen=True)
class Told:
    """Whom an import tells: progress after each chunk, refusals one by one.

    most_refused: more than so many, and the import ends early; the file is another one.
    """

    progress: Callable[[Counts], None] = lambda _: None
    refused: Callable[[Refused], None] = lambda _: None
    most_refused: int | None = None


class Load:
    def __init__(self, book: BulkBook, terms: Terms, told: Told, workers: Workers) -> None:
        self._book, self._terms, self._told, self._workers = book, terms, told, workers
        self._here = Preparer(terms)  # for the few that need another id
        self._expect_known = True  # the last chunk held tickets that are there already
        self.counts = Counts()

    async def run(self, lines: Iterable[Line], workers: int) -> Counts:
        """Import all lines, or until too many are refused.

        Raises: StoreBusy, WorkerEnded, OSError, FileBroken; what was written stays written.
        """
        begun = time.monotonic()
        ahead: deque[asyncio.Task[list[Prepared | Refused]]] = deque()
        chunks = _chunks(lines)
        try:
            while not self._too_many():
                while len(ahead) < workers * _AHEAD and (chunk := await self._next(chunks)):
                    ahead.append(asyncio.create_task(self._workers.prepare(chunk)))
                if not ahead:
                    break
                await self._write(await ahead.popleft())
                self._took(begun)
                self._told.progress(self.counts)
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)
        self._took(begun)
        return self.counts

    def _took(self, begun: float) -> None:
        self.counts.seconds = time.monotonic() - begun

    def _too_many(self) -> bool:
        most = self._told.most_refused
        return most is not None and self.counts.refused > most

    async def _next(self, chunks: Iterator[list[Line]]) -> list[Line] | None:
        """The next lines that are not known to be there; None at the end."""
        while chunk := await asyncio.to_thread(next, chunks, None):
            self.counts.lines += len(chunk)
            if self._expect_known:
                chunk = await self._unknown(chunk)
            if chunk:
                return chunk
        return None

    async def _unknown(self, chunk: Sequence[Line]) -> list[Line]:
        """A glance at the numbers: to prepare what is there already would cost fifty times more."""
        numbers = {line: (self._terms.system, _number(line)) for line in chunk}
        known = await self._book.known(sorted(set(numbers.values())))
        left = [line for line in chunk if numbers[line] not in known]
        self.counts.repeated += len(chunk) - len(left)
        self._expect_known = bool(known)
        self._told.progress(self.counts)
        return left

    async def _write(self, prepared: Sequence[Prepared | Refused]) -> None:
        some = []
        for one in prepared:
            if isinstance(one, Refused):
                self._refuse(one)
            else:
                some.append(one)
        while some:
            placed = await self._put(some)
            again = []
            for one, place in zip(some, placed, strict=True):
                match place.placing:
                    case Placing.WRITTEN:
                        self.counts.imported += 1
                    case Placing.REPEATED:
                        self.counts.repeated += 1
                        self._expect_known = True
                    case Placing.NUMBER_TAKEN:
                        self._refuse(_taken(one, place.holder))
                    case Placing.NOT_TAKEN:
                        self._refuse(Refused(one.line, *_NOT_TAKEN))
                    case Placing.ID_TAKEN:
                        again.append(one.line._replace(attempt=one.line.attempt + 1))
            some = [self._anew(line) for line in again]

    def _anew(self, line: Line) -> Prepared:
        (one,) = self._here.prepare([line])
        if isinstance(one, Refused) or line.attempt > _MOST_ATTEMPTS:
            raise AssertionError(f"{line.file}, line {line.number}: no id is free")
        return one

    async def _put(self, some: Sequence[Prepared]) -> Any:
        """A store that another process holds for long is asked some times."""
        tickets = [one.ticket for one in some]
        for _ in range(_BUSY_TRIES - 1):
            try:
                return await self._book.put(tickets)
            except StoreBusy as busy:
                await asyncio.sleep(busy.retry_after_seconds)
        return await self._book.put(tickets)

    def _refuse(self, one: Refused) -> None:
        self.counts.refused += 1
        self._told.refused(one)


def _taken(one: Prepared, holder: int) -> Refused:
    return Refused(
        one.line,
        f"its peer's number is ticket {holder} [already_registered]",
        "it is in the hub already: leave the row out",
    )


def _chunks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while chunk := list(itertools.islice(rest, CHUNK)):
        yield chunk


def _number(line: Line) -> str:
    """As the row would have it; "" where it cannot be told here."""
    try:
        row = json.loads(line.content)
    except ValueError:
        return ""
    number = row.get("number") if isinstance(row, dict) else None
    return str(number).strip() if isinstance(number, str | int) else ""
