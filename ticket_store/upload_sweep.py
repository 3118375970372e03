"""Forgets uploads that nobody handed in: rows and, where no other row needs them, files.

A file is set aside before its rows go, and removed only after: killed in between, the next sweep
finds what is aside and decides again. Whoever keeps the same bytes meanwhile either is seen here,
and the file goes back, or misses the file after his own commit, and writes it again.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, exists, select, true

from ticket_store.attachment_models import attachments
from ticket_store.book import Book
from ticket_store.digests import compact
from ticket_store.engine import Database
from ticket_store.models import inbound, tickets
from ticket_store.upload_files import UploadFiles
from ticket_store.writer import AuditEntry, Writer

BY = "system:uploads"
_TOGETHER = 200  # rows of one transaction
_ROW = attachments.c


class UploadSweep(Book):
    """digests: SHA-256 in hex, the names of the files."""

    def __init__(self, database: Database, writer: Writer, files: UploadFiles) -> None:
        super().__init__(database, writer)
        self._files = files

    async def run(self, before: datetime) -> int:
        """Forget what was uploaded before then and belongs to no matter; returns how many rows.

        Raises: StoreBusy, OSError; what was not done is done by the next run.
        """
        await self._decide(await asyncio.to_thread(lambda: list(self._files.aside())))
        forgotten = 0
        while digests := await self._read(lambda one: _unattached(one, before)):
            needed = await self._rows_of(digests, ~_without_matter(before))
            for digest in set(digests) - needed:
                await asyncio.to_thread(self._files.set_aside, digest)
            forgotten += await self._forget(before, digests)
            await self._decide(digests)
        return forgotten

    async def drop(self, digests: Sequence[str]) -> None:
        """Remove the files that no row needs. Raises: StoreBusy, OSError."""
        for digest in set(digests) - await self._rows_of(digests, true()):
            await asyncio.to_thread(self._files.set_aside, digest)
        await self._decide(digests)

    async def _forget(self, before: datetime, digests: Sequence[str]) -> int:
        wanted = delete(attachments).where(_without_matter(before), _ROW.sha256.in_(digests))

        def entries(count: int) -> list[AuditEntry]:
            facts = compact({"count": count})
            return [AuditEntry(BY, "uploads_forgotten", "uploads", facts)] if count else []

        return await self._write(lambda one: one.execute(wanted).rowcount, audit=entries)

    async def _decide(self, digests: Sequence[str]) -> None:
        """What is aside goes back when a row needs it, else for good."""
        needed = await self._rows_of(digests, true())
        for digest in digests:
            settle = self._files.put_back if digest in needed else self._files.remove
            await asyncio.to_thread(settle, digest)

    async def _rows_of(self, digests: Sequence[str], which: ColumnElement[bool]) -> set[str]:
        """Those of the digests that a row of this sort has."""
        wanted = select(_ROW.sha256).where(_ROW.sha256.in_(digests), which).distinct()
        return set(await self._read(lambda one: one.execute(wanted).scalars().all()))


def _unattached(connection: Connection, before: datetime) -> list[str]:
    wanted = select(_ROW.sha256).where(_without_matter(before)).distinct().limit(_TOGETHER)
    return list(connection.execute(wanted).scalars())


def _without_matter(before: datetime) -> ColumnElement[bool]:
    """Neither a message nor a ticket has the number under which the file was kept."""
    handed_in = exists().where(inbound.c.ticket_id == _ROW.ticket_id)
    registered = exists().where(tickets.c.ticket_id == _ROW.ticket_id)
    return (_ROW.added_at < before) & ~handed_in & ~registered
