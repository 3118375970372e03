"""Uploads that nobody handed in: forgotten with their files, while others keep the same bytes."""

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Body
from schemas.errors import StoreBusy
from schemas.ticket import Source
from tests.ticket_store.reading_case import ReadingCase, reading_case
from tests.ticket_store.test_attachments import PNG, TICKET
from ticket_store.attachments import Attachment, AttachmentRefused
from ticket_store.inbound import InboundBook
from ticket_store.upload_files import UploadFiles
from ticket_store.upload_sweep import UploadSweep

LATER = PNG + b"2"


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[ReadingCase]:
    async with reading_case(tmp_path) as opened:
        yield opened


def files_in(folder: Path) -> set[str]:
    return {file.name for file in (folder / "uploads").rglob("*") if file.is_file()}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def hand_in(case: ReadingCase, ticket_id: int) -> None:
    book = InboundBook(case.database, case.writer, case.clock)
    body = Body(b"{}", str(ticket_id))
    await book.keep("portal", Source.WEB_PORTAL, [body], case.clock.now, ticket_id=ticket_id)


async def test_what_nobody_handed_in_is_forgotten_and_nothing_else(
    case: ReadingCase, tmp_path: Path
) -> None:
    book = case.reading.attachments
    left = await book.keep(TICKET, "a.png", "", PNG, "citizen")
    with_matter = await book.keep(TICKET + 1, "b.png", "", LATER, "citizen")
    await hand_in(case, TICKET + 1)
    case.clock.advance(3600)
    fresh = await book.keep(TICKET + 2, "c.png", "", PNG + b"3", "citizen")
    before = fresh.added_at
    assert await book.sweep.run(before) == 1
    assert await book.find(left.attachment_id) is None
    assert await book.content(with_matter) == LATER
    assert await book.content(fresh) == PNG + b"3"
    assert files_in(tmp_path) == {digest(LATER), digest(PNG + b"3")}
    assert (await case.audited())[-1] == ("system:uploads", "uploads_forgotten", "uploads")
    count = len(await case.audited())
    assert await book.sweep.run(before) == 0
    assert len(await case.audited()) == count


async def test_a_file_that_another_matter_has_stays(case: ReadingCase, tmp_path: Path) -> None:
    book = case.reading.attachments
    await book.keep(TICKET, "a.png", "", PNG, "citizen")
    theirs = await book.keep(TICKET + 1, "a.png", "", PNG, "citizen")
    await hand_in(case, TICKET + 1)
    case.clock.advance(1)
    assert await book.sweep.run(case.clock.now) == 1
    assert await book.content(theirs) == PNG
    assert files_in(tmp_path) == {digest(PNG)}


async def test_the_same_bytes_kept_while_they_are_swept_are_there(
    case: ReadingCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept after the sweep has set the file aside: before its rows go, and after they are gone."""
    book = case.reading.attachments
    await book.keep(TICKET, "a.png", "", PNG, "citizen")
    case.clock.advance(1)
    before, kept = case.clock.now, []
    forget, decide = UploadSweep._forget, UploadSweep._decide

    async def forgetting(self: UploadSweep, *given: Any) -> int:
        kept.append(await book.keep(TICKET + 1, "b.png", "", PNG, "citizen"))
        return await forget(self, *given)

    async def deciding(self: UploadSweep, digests: Sequence[str]) -> None:
        if digests:
            kept.append(await book.keep(TICKET + 2, "c.png", "", PNG, "citizen"))
        await decide(self, digests)

    monkeypatch.setattr(UploadSweep, "_forget", forgetting)
    monkeypatch.setattr(UploadSweep, "_decide", deciding)
    assert await book.sweep.run(before) == 1
    assert [await book.content(one) for one in kept] == [PNG, PNG]
    assert files_in(tmp_path) == {digest(PNG)}


async def test_bytes_whose_file_was_taken_away_before_their_row_stood_are_written_again(
    case: ReadingCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = case.reading.attachments
    write = UploadFiles.write
    taken: list[str] = []

    def written_and_taken(self: UploadFiles, name: str, content: bytes) -> None:
        write(self, name, content)
        if not taken:
            taken.append(name)
            self.set_aside(name)

    monkeypatch.setattr(UploadFiles, "write", written_and_taken)
    kept = await book.keep(TICKET, "a.png", "", PNG, "citizen")
    assert taken == [digest(PNG)]
    assert await book.content(kept) == PNG


async def test_what_a_full_ticket_refuses_leaves_no_file(
    case: ReadingCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever had one ticket's code could fill the disk with files that no row knew."""
    book = case.reading.attachments
    for number in range(book.limits.most_per_ticket - 1):
        await book.keep(TICKET, f"{number}.png", "", PNG, "citizen")
    both = (book.keep(TICKET, "x.png", "", PNG + ending, "citizen") for ending in (b"4", b"5"))
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    (kept,) = [one for one in outcomes if isinstance(one, Attachment)]
    (refused,) = [one for one in outcomes if isinstance(one, AttachmentRefused)]
    assert refused.code == "attachment_too_many"
    assert files_in(tmp_path) == {digest(PNG), kept.sha256}

    def never(*_given: object) -> None:
        raise AssertionError("written before it was refused")

    monkeypatch.setattr(UploadFiles, "write", never)
    with pytest.raises(AttachmentRefused):
        await book.keep(TICKET, "y.png", "", PNG + b"6", "citizen")


@pytest.mark.parametrize("rows_gone", [False, True])
async def test_a_sweep_that_was_killed_is_finished_by_the_next(
    case: ReadingCase, tmp_path: Path, rows_gone: bool
) -> None:
    book = case.reading.attachments
    kept = await book.keep(TICKET, "a.png", "", PNG, "citizen")
    before = kept.added_at + timedelta(seconds=1)
    files = UploadFiles(tmp_path / "uploads")
    files.set_aside(digest(PNG))
    if rows_gone:
        assert await book.sweep._forget(before, [digest(PNG)]) == 1
    assert list(files.aside()) == [digest(PNG)]
    assert await book.sweep.run(kept.added_at) == 0  # nothing is old enough
    assert files_in(tmp_path) == (set() if rows_gone else {digest(PNG)})


async def test_what_cannot_be_dropped_means_try_later(
    case: ReadingCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare OSError came out of keep, and the citizen was told of a fault."""
    book = case.reading.attachments
    for number in range(book.limits.most_per_ticket - 1):
        await book.keep(TICKET, f"{number}.png", "", PNG, "citizen")

    def cannot(*_given: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(UploadFiles, "set_aside", cannot)
    both = (book.keep(TICKET, "x.png", "", PNG + ending, "citizen") for ending in (b"4", b"5"))
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["Attachment", "StoreBusy"]
    (busy,) = [one for one in outcomes if isinstance(one, StoreBusy)]
    assert "Read-only" in str(busy)
