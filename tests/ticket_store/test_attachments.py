"""Attachments: what is taken, what is refused, and that damage is noticed."""

import hashlib
import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest

from schemas.errors import StoreBusy
from tests.ticket_store.reading_case import ReadingCase, reading_case
from ticket_store.attachments import (
    AttachmentBook,
    AttachmentDamaged,
    AttachmentLimits,
    AttachmentRefused,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(100))
TICKET = 245_366_873_341_952


def office(name: str) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("[Content_Types].xml", "<Types/>")
        out.writestr(name, "<x/>")
    return packed.getvalue()


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[ReadingCase]:
    async with reading_case(tmp_path) as opened:
        yield opened


async def test_a_file_comes_back_with_what_is_known_of_it(
    case: ReadingCase, tmp_path: Path
) -> None:
    book = case.reading.attachments
    kept = await book.keep(TICKET, "现场.png", "image/png", PNG, "citizen")
    assert (kept.name, kept.content_type, kept.size) == ("现场.png", "image/png", len(PNG))
    assert kept.added_at == case.clock.now
    assert await book.find(kept.attachment_id) == kept
    assert await book.content(kept) == PNG
    assert await book.of(TICKET) == [kept]
    assert await book.of(TICKET + 1) == []
    assert await book.find("no such id") is None
    digest = hashlib.sha256(PNG).hexdigest()
    assert [file.name for file in (tmp_path / "uploads").rglob("*") if file.is_file()] == [digest]
    assert await case.audited() == [("citizen", "attachment_kept", kept.attachment_id)]


async def test_the_same_bytes_are_one_file_and_two_rows(case: ReadingCase, tmp_path: Path) -> None:
    book = case.reading.attachments
    one = await book.keep(TICKET, "a.png", "", PNG, "citizen")
    case.clock.advance(1)
    two = await book.keep(TICKET, "b.png", "application/octet-stream", PNG, "citizen")
    assert await book.of(TICKET) == [one, two]
    assert sum(file.is_file() for file in (tmp_path / "uploads").rglob("*")) == 1


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0" + b"x" * 20, "image/jpeg"),
        (PNG, "image/png"),
        (b"GIF89a....", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        (b"ID3\x04", "audio/mpeg"),
        (b"#!AMR\n", "audio/amr"),
        ("情况说明\n".encode(), "text/plain"),
        (
            office("word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (
            office("xl/workbook.xml"),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    ],
)
async def test_the_type_is_what_the_bytes_say(case: ReadingCase, content: bytes, kind: str) -> None:
    for said in ("", kind, f"{kind.upper()}; charset=x"):
        kept = await case.reading.attachments.keep(TICKET, "x", said, content, "citizen")
        assert kept.content_type == kind


@pytest.mark.parametrize(
    ("said", "content", "code"),
    [
        ("image/png", b"", "attachment_empty"),
        ("image/png", PNG + bytes(1_000), "attachment_too_large"),
        ("image/jpeg", PNG, "attachment_type_differs"),
        ("application/zip", office("other.txt"), "attachment_type"),
        ("application/zip", b"PK\x03\x04 cut short", "attachment_type"),
        ("", b"MZ\x90\x00\x03", "attachment_type"),
        ("", b"\x7fELF\x02\x01", "attachment_type"),
        ("text/html", b" <html><script>x</script>", "attachment_type"),
        ("image/svg+xml", b"<svg onload='x'/>", "attachment_type"),
        ("audio/wav", b"RIFF\x00\x00\x00\x00AVI ", "attachment_type"),
        ("application/pdf", b"%PDF-1.7", "attachment_type"),  # known, but not wanted here
    ],
)
async def test_what_is_refused_leaves_nothing_behind(
    case: ReadingCase, tmp_path: Path, said: str, content: bytes, code: str
) -> None:
    limits = AttachmentLimits(
        largest_bytes=1_000, content_types=frozenset({"image/png", "image/jpeg", "text/plain"})
    )
    folder = tmp_path / "files"
    book = AttachmentBook(case.database, case.writer, case.clock, folder, limits)
    with pytest.raises(AttachmentRefused) as refusal:
        await book.keep(TICKET, "x", said, content, "citizen")
    assert refusal.value.code == code
    assert not folder.exists()
    assert await book.of(TICKET) == []


async def test_a_ticket_holds_so_many_files(case: ReadingCase, tmp_path: Path) -> None:
    book = AttachmentBook(
        case.database, case.writer, case.clock, tmp_path / "f", AttachmentLimits(most_per_ticket=2)
    )
    for number in range(2):
        await book.keep(TICKET, "x", "", PNG + bytes([number]), "citizen")
    with pytest.raises(AttachmentRefused) as refusal:
        await book.keep(TICKET, "x", "", PNG, "citizen")
    assert refusal.value.code == "attachment_too_many"
    await book.keep(TICKET + 1, "x", "", PNG, "citizen")


async def test_a_deleted_or_changed_file_is_noticed_and_healed_by_its_bytes(
    case: ReadingCase, tmp_path: Path
) -> None:
    book = case.reading.attachments
    kept = await book.keep(TICKET, "x", "", PNG, "citizen")
    (file,) = [one for one in (tmp_path / "uploads").rglob("*") if one.is_file()]
    file.write_bytes(PNG[:-1] + b"?")
    with pytest.raises(AttachmentDamaged, match="changed"):
        await book.content(kept)
    file.unlink()
    with pytest.raises(AttachmentDamaged, match=kept.attachment_id):
        await book.content(kept)
    file.write_bytes(PNG[:-1] + b"?")
    await book.keep(TICKET, "again", "", PNG, "citizen")
    assert await book.content(kept) == PNG


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\a.png", "a.png"),
        ("a\x00b\n\u202egnp.exe", "ab gnp.exe"),
        ("收\u200b据.png", "收据.png"),
        ("..", "file"),
        ("", "file"),
        ("长" * 200 + ".png", "长" * 116 + ".png"),
        ("x" * 200, "x" * 120),
    ],
)
async def test_names_are_made_harmless(case: ReadingCase, said: str, kept: str) -> None:
    attachment = await case.reading.attachments.keep(TICKET, said, "", PNG, "citizen")
    assert attachment.name == kept


async def test_a_folder_that_cannot_be_written_means_try_later(
    case: ReadingCase, tmp_path: Path
) -> None:
    (tmp_path / "uploads").write_text("a file where the folder should be")
    with pytest.raises(StoreBusy):
        await case.reading.attachments.keep(TICKET, "x", "", PNG, "citizen")
    assert await case.reading.attachments.of(TICKET) == []
