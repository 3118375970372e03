"""Moves a store from an SQLite file to a PostgreSQL database, and proves the copy equal.

Table by table in the order of the key; killed at any moment and called again, it goes on where it
was. The file is held to the end and not changed: it stays the store until the copy is proven.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Table, make_url
from sqlalchemy.exc import ArgumentError

from schemas.ids import created_at, first_id_at
from ticket_store.audit_check import AuditCheck
from ticket_store.engine import connect
from ticket_store.migrations import as_hub_error, migrate
from ticket_store.move_source import HeldFile, MoveRefused, Row, moved_tables, named_key
from ticket_store.move_target import Target, opened_target
from ticket_store.partitions import ensure_months

__all__ = ["MoveRefused", "Moved", "Step", "move"]
_MOST_SPAN = first_id_at(datetime(2055, 1, 1, tzinfo=UTC))  # thirty years of ids
T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """For whoever watches. doing: copy, compare or audit; rows of a table done, and in all."""

    doing: str
    table: str
    rows: int
    of: int


@dataclass(frozen=True)
class Moved:
    """tables: rows by name, of the file. differs: what is not equal, a line each."""

    tables: dict[str, int]
    differs: tuple[str, ...]
    audit_rows: int
    digest: str  # of the audit chain's last row


async def move(source: str, target: str, tell: Callable[[Step], None]) -> Moved:
    """Copy the store at `source` (sqlite+aiosqlite:///...) to `target` (postgresql+asyncpg://...).

    Raises: MoveRefused (a hub has the file open, the target holds something else, a value that
    PostgreSQL does not take), StoreBusy (one of the two cannot be reached), StoreNotUsable.
    """
    file = _file_of(source)
    if _backend_of(target) != "postgresql":
        raise MoveRefused("the target is not a PostgreSQL database")
    with HeldFile(file) as held:
        try:
            return await _Move(held, target, tell).run()
        except Exception as error:
            if (known := as_hub_error(error)) is not None:
                raise known from error
            raise


class _Move:
    def __init__(self, held: HeldFile, url: str, tell: Callable[[Step], None]) -> None:
        self._held, self._url, self._tell = held, url, tell
        self._tables = moved_tables()

    async def run(self) -> Moved:
        if unknown := self._held.unknown_tables():
            raise MoveRefused(f"tables of no store of this program: {', '.join(unknown)}")
        revision = self._held.revision()
        digest = await asyncio.to_thread(self._held.digest)
        async with opened_target(self._url) as target:
            begun = await target.begun()
            if begun is None:
                await migrate(self._url)
                await target.begin(digest, revision)
            elif begun.source != digest:
                raise MoveRefused(
                    "the target holds a copy of another store, or of this one before it was "
                    "written to again: name an empty database"
                )
            await self._make_months()
            counts = await self._copy(target)
            differs = await self._compare(target, counts)
            if differs:
                return Moved(counts, tuple(differs), 0, "")
            if begun is None or not begun.finished:
                await target.finish()
        return await self._audited(counts)

    async def _make_months(self) -> None:
        """A place for every month of the file, so that no row goes to a default partition."""
        span = await asyncio.to_thread(self._held.ticket_span)
        if span is None or span[1] - span[0] > _MOST_SPAN:
            return  # a number that no clock gave out: the default partitions take what comes
        database = connect(self._url)
        try:
            await ensure_months(database, *map(created_at, span))
        finally:
            await database.close()

    async def _copy(self, target: Target) -> dict[str, int]:
        """Returns how many rows each table of the file has."""
        marks = await target.marks(self._tables)
        counts = {}
        for table in self._tables:
            total = counts[table.name] = await asyncio.to_thread(self._held.count, table)
            mark = marks[table.name]
            if mark.whole:
                continue
            rows, batches = mark.rows, self._held.batches(table, mark.last_key)
            self._tell(Step("copy", table.name, rows, total))
            while batch := await _next_of(batches):
                await target.put(table, batch)
                rows += len(batch)
                self._tell(Step("copy", table.name, rows, total))
            await target.whole(table)
        return counts

    async def _compare(self, target: Target, counts: dict[str, int]) -> list[str]:
        """Every row of every table, value by value; a line for each table that is not equal."""
        differs = []
        for table in self._tables:
            found = await self._first_difference(target, table, counts[table.name])
            if found is not None:
                differs.append(found)
        texts, words = counts["ticket_texts"], await target.words()
        if words != texts:
            differs.append(f"the word index: {words} tickets of {texts}")
        return differs

    async def _first_difference(self, target: Target, table: Table, total: int) -> str | None:
        rows, batches = 0, self._held.batches(table)
        async with target.rows_of(table) as cursor:
            while batch := await _next_of(batches):
                copied = [tuple(record) for record in await cursor.fetch(len(batch))]
                if copied != batch:
                    return _difference(table, batch, copied)
                rows += len(batch)
                self._tell(Step("compare", table.name, rows, total))
            more = [tuple(record) for record in await cursor.fetch(1)]
        if more:
            return f"{table.name}: {named_key(table, more[0])} is only in the target"
        return None

    async def _audited(self, counts: dict[str, int]) -> Moved:
        """The checks of `sutong audit verify`, on the target."""
        self._tell(Step("audit", "audit", 0, counts["audit"]))
        database = connect(self._url)
        try:
            report = await AuditCheck(database).run()
        finally:
            await database.close()
        self._tell(Step("audit", "audit", report.rows, counts["audit"]))
        if report.ok:
            return Moved(counts, (), report.rows, report.digest)
        fault = (
            f"audit: row {report.first_bad}: {report.detail}; every row is as in the file, "
            "so the file has the same fault"
        )
        return Moved(counts, (fault,), report.rows, "")


def _difference(table: Table, batch: list[Row], copied: list[Row]) -> str:
    for place, row in enumerate(batch):
        if place >= len(copied):
            return f"{table.name}: {named_key(table, row)} is missing in the target"
        if copied[place] != row:
            names = [
                column.name
                for column, ours, theirs in zip(table.columns, row, copied[place], strict=True)
                if ours != theirs
            ]
            return f"{table.name}: {named_key(table, row)} differs in {', '.join(names)}"
    raise AssertionError("two lists that differ have a first difference")


async def _next_of(batches: Iterator[list[Row]]) -> list[Row] | None:
    """The next batch, read beside the loop; None at the end."""
    return await asyncio.to_thread(next, batches, None)


def _backend_of(url: str) -> str:
    try:
        return make_url(url).get_backend_name()
    except ArgumentError:
        return ""


def _file_of(url: str) -> Path:
    if _backend_of(url) != "sqlite" or not (named := make_url(url).database):
        raise MoveRefused("the source is not an SQLite file")
    return Path(named)
