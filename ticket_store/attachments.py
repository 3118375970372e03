"""Attachments: a row each in the store, and a file named by its SHA-256 that is durable before it.

A file that was deleted or changed since is noticed when it is read. The same bytes are kept once.
"""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Row, func, insert, select

from schemas.errors import HubError, StoreBusy
from schemas.matter import Frozen
from schemas.visible_text import visible_line
from ticket_store.attachment_models import attachments
from ticket_store.book import Book
from ticket_store.digests import compact
from ticket_store.engine import Database
from ticket_store.file_types import KNOWN, content_type_of
from ticket_store.upload_files import UploadFiles
from ticket_store.upload_sweep import UploadSweep
from ticket_store.writer import AuditEntry, Writer

_ID_BYTES = 16
_LONGEST_NAME = 120
_ROW = attachments.c


class AttachmentRefused(HubError):
    """Not taken, and nothing was kept. code: for the sender's text."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class AttachmentDamaged(HubError):
    """The file is gone or is not what was kept: restore it from a backup."""


class AttachmentLimits(Frozen):
    largest_bytes: int = Field(default=10_000_000, ge=1)
    most_per_ticket: int = Field(default=20, ge=1)
    content_types: frozenset[str] = KNOWN


@dataclass(frozen=True)
class Attachment:
    attachment_id: str
    ticket_id: int
    name: str
    content_type: str
    size: int
    sha256: str
    added_by: str
    added_at: datetime


class AttachmentBook(Book):
    def __init__(
        self,
        database: Database,
        writer: Writer,
        now: Callable[[], datetime],
        folder: Path,
        limits: AttachmentLimits | None = None,
    ) -> None:
        """folder: made when the first file comes."""
        super().__init__(database, writer)
        self._now, self._files = now, UploadFiles(folder)
        self.sweep = UploadSweep(database, writer, self._files)
        self.limits = limits or AttachmentLimits()

    async def keep(
        self, ticket_id: int, name: str, content_type: str, content: bytes, by: str
    ) -> Attachment:
        """Keep a file with a ticket; both are durable when this returns.

        name:         the sender's; only what follows the last slash is kept.
        content_type: what the sender says; "" or application/octet-stream says nothing.
        Raises:       AttachmentRefused; StoreBusy when nothing can be written now.
        """
        kind = self._checked(content_type, content)
        digest = hashlib.sha256(content).hexdigest()
        held = select(func.count()).where(_ROW.ticket_id == ticket_id)

        def is_full(connection: Connection) -> bool:
            count: int = connection.execute(held).scalar_one()
            return count >= self.limits.most_per_ticket

        if await self._read(is_full):  # before its bytes are on the disk
            raise self._too_many()
        with _busy_when_it_fails():
            await asyncio.to_thread(self._files.write, digest, content)
        values = {
            "attachment_id": secrets.token_hex(_ID_BYTES),
            "ticket_id": ticket_id,
            "name": _plain_name(name),
            "content_type": kind,
            "size": len(content),
            "sha256": digest,
            "added_by": by,
            "added_at": self._now(),
        }
        kept = Attachment(**values)  # type: ignore[arg-type]  # the columns are the fields

        def work(connection: Connection) -> bool:
            if is_full(connection):
                return False
            connection.execute(insert(attachments).values(values))
            return True

        facts = compact({"sha256": digest, "ticket_id": str(ticket_id)})
        entry = AuditEntry(by, "attachment_kept", kept.attachment_id, facts)
        if not await self._write(work, audit=lambda done: [entry] if done else []):
            with _busy_when_it_fails():
                await self.sweep.drop([digest])
            raise self._too_many()
        await self._write_again(digest, content)
        return kept

    def _too_many(self) -> AttachmentRefused:
        most = self.limits.most_per_ticket
        return AttachmentRefused("attachment_too_many", f"a ticket holds {most} files")

    async def _write_again(self, digest: str, content: bytes) -> None:
        """A sweep may have taken the same bytes away before it could see the new row."""
        with _busy_when_it_fails():
            if not await asyncio.to_thread(self._files.is_there, digest):
                await asyncio.to_thread(self._files.write, digest, content)

    async def find(self, attachment_id: str) -> Attachment | None:
        wanted = select(attachments).where(_ROW.attachment_id == attachment_id)
        row = await self._read(lambda connection: connection.execute(wanted).first())
        return None if row is None else _attachment(row)

    async def of(self, ticket_id: int) -> list[Attachment]:
        """A ticket's attachments, the oldest first."""
        wanted = (
            select(attachments)
            .where(_ROW.ticket_id == ticket_id)
            .order_by(_ROW.added_at, _ROW.attachment_id)
        )
        rows = await self._read(lambda connection: connection.execute(wanted).all())
        return [_attachment(row) for row in rows]

    async def content(self, attachment: Attachment) -> bytes:
        """Raises: AttachmentDamaged."""
        try:
            content = await asyncio.to_thread(self._files.read, attachment.sha256)
        except OSError as error:
            raise AttachmentDamaged(
                f"attachment {attachment.attachment_id}: {error.strerror}"
            ) from error
        if hashlib.sha256(content).hexdigest() != attachment.sha256:
            raise AttachmentDamaged(f"attachment {attachment.attachment_id} was changed")
        return content

    def _checked(self, said: str, content: bytes) -> str:
        if not content:
            raise AttachmentRefused("attachment_empty", "the file is empty")
        if len(content) > self.limits.largest_bytes:
            raise AttachmentRefused(
                "attachment_too_large", f"a file has {self.limits.largest_bytes} bytes at most"
            )
        kind = content_type_of(content)
        if kind is None or kind not in self.limits.content_types:
            raise AttachmentRefused("attachment_type", f"files of this kind are not taken: {kind}")
        plain = said.partition(";")[0].strip().lower()
        if plain not in {"", "application/octet-stream", kind}:
            raise AttachmentRefused(
                "attachment_type_differs", f"said to be {plain}, but its bytes are {kind}"
            )
        return kind


@contextmanager
def _busy_when_it_fails() -> Iterator[None]:
    """Raises: StoreBusy for what the file system says."""
    try:
        yield
    except OSError as error:
        raise StoreBusy(f"attachments cannot be written: {error.strerror}") from error


def _plain_name(name: str) -> str:
    plain = visible_line(re.split(r"[/\\]", name)[-1]).strip(" .")
    if len(plain) > _LONGEST_NAME:
        stem, dot, suffix = plain.rpartition(".")
        kept = f"{dot}{suffix}" if 0 < len(suffix) < _LONGEST_NAME // 4 and stem else ""
        plain = plain[: _LONGEST_NAME - len(kept)] + kept
    return plain or "file"


def _attachment(row: Row[Any]) -> Attachment:
    return Attachment(**row._mapping)
