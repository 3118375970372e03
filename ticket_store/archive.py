"""Archives months: rows of ended tickets go to files, then what is heavy leaves the store.

In this order: the part is whole on disk and read back; the audit notes it; rows leave in small
transactions, each checked against the files. Killed anywhere, the next call goes on.
"""

import asyncio
import fcntl
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from ticket_store.archive_files import ArchiveRefused, Line, Part, PartWriter, parts_in
from ticket_store.archive_rows import (
    TABLES,
    ArchiveRows,
    delivery_leaves,
    facts_of,
    final_tickets,
    first_ticket,
    message_leaves,
    subject_of,
)
from ticket_store.metadata import microseconds
from ticket_store.models import audit
from ticket_store.months import Month
from ticket_store.store import Store

ACT = "archive_month"  # `archive` is what a command does to one ticket
_TICKETS = 100  # read at once
_ROWS = 200  # of a transaction that removes
Step = Callable[[str], None]
T = TypeVar("T")


@dataclass
class Archived:
    """What one call has done. removed: rows that lost their bytes, or left, by table."""

    months: list[str] = field(default_factory=list)
    tickets: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    bytes_written: int = 0
    removed: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        return {
            "months": self.months, "tickets": self.tickets,
            "rows": {name: self.rows[name] for name in TABLES},
            "bytes_written": self.bytes_written,
            "removed": {name: self.removed[name] for name in ("deliveries", "inbound")},
        }  # fmt: skip


class Archive:
    """One call of `sutong archive`."""

    def __init__(
        self, store: Store, output: Path, by: str, step: Step = lambda _what: None
    ) -> None:
        """by: who asked (audited). step: is told each thing that has been done."""
        self._store, self._output, self._by, self._step = store, output, by, step
        self._sql = ArchiveRows(store.database.dialect)
        self._done = Archived()

    async def run(self, before: Month) -> Archived:
        """Archive the months before `before`. Raises: ArchiveRefused, StoreBusy, OSError."""
        with _alone(self._output):
            first = await self._store.database.read(first_ticket)
            if first is not None:
                for month in Month.of_ticket(first).to(before.plus(-1)):
                    await self._month(month, before)
        return self._done

    async def _month(self, month: Month, before: Month) -> None:
        parts = [one for one in parts_in(self._output) if one.month == month]
        count = self._done.removed.total()
        for part in parts:  # of an earlier call, which may have been killed
            if problem := await asyncio.to_thread(part.problem):
                raise ArchiveRefused(problem)
            await self._leave(part)
        if (written := await self._write(month, before, parts)) is not None:
            await self._leave(written)
        if written is not None or self._done.removed.total() > count:
            self._done.months.append(str(month))

    async def _write(self, month: Month, before: Month, parts: list[Part]) -> Part | None:
        """A part with the month's ended tickets that no part has; None when there are none."""
        database, end = self._store.database, before.begins_at
        known = {line["ticket_id"] for part in parts for line in part.lines("tickets")}
        ended = await database.read(lambda one: final_tickets(one, month, end))
        wanted = [one for one in ended if one not in known]
        if not wanted:
            return None
        # those that an archive elsewhere has are not to be had a second time
        left_only = bool(await self._noted(month) - {part.digest for part in parts})
        with PartWriter(self._output, month, len(parts) + 1, TABLES) as writer:
            for some in _groups(wanted, _TICKETS):
                rows = await database.read(
                    lambda one, ids=some: self._sql.of_tickets(  # type: ignore[misc]  # a lambda's default
                        one, ids, microseconds(end), left_only=left_only
                    )
                )
                for name, lines in rows.items():
                    writer.add(name, lines)
                self._step("read")
            if not writer.rows["tickets"]:
                return None
            facts = {
                "month": str(month), "before": str(before), "tickets": writer.rows["tickets"],
                "written_at": self._store.now().isoformat(), **await database.read(facts_of),
            }  # fmt: skip
            part = await asyncio.to_thread(writer.finish, facts)
        self._step("written")
        self._done.tickets += writer.rows["tickets"]
        self._done.rows.update(writer.rows)
        self._done.bytes_written += part.bytes_written
        return part

    async def _leave(self, part: Part) -> None:
        """Note the part in the audit, then remove what it holds; both only once."""
        if part.digest not in await self._noted(part.month):
            facts = {
                "manifest": part.digest, "tickets": part.manifest["tickets"],
                "before": part.manifest["before"], "part": part.path.name,
            }  # fmt: skip
            await self._store.audit.append(self._by, ACT, subject_of(part.month), facts)
            self._step("noted")
        end = microseconds(Month.parsed(part.manifest["before"]).begins_at)
        for table, leaves, remove in (
            ("deliveries", delivery_leaves, self._sql.delete),
            ("inbound", message_leaves, self._sql.empty),
        ):
            old = (line for line in part.lines(table) if leaves(line, end))
            await self._remove(table, old, remove)

    async def _remove(
        self,
        table: str,
        lines: Iterable[Line],
        remove: Callable[[Connection, Iterable[Line]], int],
    ) -> None:
        for some in _groups(lines, _ROWS):
            self._done.removed[table] += await self._store.writer.run(
                lambda unit, rows=some: remove(unit.connection, rows)  # type: ignore[misc]  # a lambda's default
            )
            self._step("removed")

    async def _noted(self, month: Month) -> set[str]:
        """The digests of the manifests that the audit knows of the month."""
        facts = await self._store.database.read(lambda one: _notes(one, month))
        return {str(one["manifest"]) for one in facts}


async def archived_before(store: Store, month: Month) -> datetime | None:
    """Ended tickets of the month that were last touched before this are archived; None: none is."""
    facts = await store.database.read(lambda one: _notes(one, month))
    return max((Month.parsed(one["before"]).begins_at for one in facts), default=None)


def verify(output: Path) -> tuple[list[Part], list[str]]:
    """The parts, and what is wrong with them. Raises: ArchiveRefused."""
    parts = parts_in(output)
    return parts, [problem for part in parts if (problem := part.problem())]


def _notes(connection: Connection, month: Month) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(audit.c.facts)
        .where(audit.c.subject == subject_of(month), audit.c.action == ACT)
        .order_by(audit.c.row_no)
    ).scalars()
    return [json.loads(facts) for facts in rows]


def _groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Two calls do not write into one folder."""
    output.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(output / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ArchiveRefused(f"another archive is being written to {output}") from error
    finally:
        os.close(handle)
