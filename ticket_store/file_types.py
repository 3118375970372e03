"""What a file is by its own first bytes, whatever its name or sender says."""

import re
import zipfile
from io import BytesIO

_OFFICE = "application/vnd.openxmlformats-officedocument."
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
)
_INSIDE_ZIP = (
    ("word/document.xml", f"{_OFFICE}wordprocessingml.document"),
    ("xl/workbook.xml", f"{_OFFICE}spreadsheetml.sheet"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

KNOWN = frozenset(
    {kind for _, kind in _STARTS}
    | {kind for _, kind in _INSIDE_ZIP}
    | {"image/webp", "audio/wav", "video/mp4", "text/plain"}
)


def content_type_of(content: bytes) -> str | None:
    """The type that the bytes show, None for one that we do not take."""
    for start, kind in _STARTS:
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(content[8:12])
    if content[4:8] == b"ftyp":
        return "video/mp4"
    if content.startswith(b"PK\x03\x04"):
        return _office_type(content)
    return "text/plain" if _is_text(content) else None


def _office_type(content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(BytesIO(content)) as packed:
            names = set(packed.namelist())  # the list only; nothing is unpacked
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    return next((kind for name, kind in _INSIDE_ZIP if name in names), None)


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    # a page with scripts is text, too, but a browser would run it
    return not _CONTROL.search(text) and not re.match(r"\s*<", text)
