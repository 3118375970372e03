"""An archive on disk: a folder a month and part, a file a table, and a manifest that is last.

A part is written beside its place and renamed when it has been read back equal, so a folder without
`.partial` at its end is whole.
"""

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from schemas.errors import HubError
from ticket_store.months import Month

MANIFEST = "manifest.json"
FORMAT = 1
_PARTIAL = ".partial"
_READ_AT_ONCE = 1 << 20
_LEVEL = 6
Line = dict[str, Any]


class ArchiveRefused(HubError):
    """The archive cannot be written, or is not what its manifest says. Nothing was removed."""


class PartWriter:
    """One part under way. What a kill leaves is wiped by the next run."""

    def __init__(self, output: Path, month: Month, part: int, tables: Sequence[str]) -> None:
        self.path = output / f"{month}-{part}"
        self._partial = output / f"{month}-{part}{_PARTIAL}"
        self._tables = tables
        self._rows = dict.fromkeys(tables, 0)
        self._written = {name: hashlib.sha256() for name in tables}

    def __enter__(self) -> Self:
        if self._partial.exists():
            shutil.rmtree(self._partial)
        self._partial.mkdir(mode=0o700)
        self._raw = {name: _private(self._partial / _file(name)) for name in self._tables}
        self._files = {
            # without name and time: the same rows make the same bytes
            name: gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0)
            for name, raw in self._raw.items()
        }
        return self

    def __exit__(self, *_raised: object) -> None:
        opened: list[IO[bytes] | gzip.GzipFile] = [*self._files.values(), *self._raw.values()]
        for file in opened:
            with suppress(OSError):  # a full disk was said already
                file.close()
        if self._partial.exists():
            shutil.rmtree(self._partial, ignore_errors=True)

    def add(self, table: str, rows: Sequence[Line]) -> None:
        content = b"".join(_line(row) for row in rows)
        self._files[table].write(content)
        self._written[table].update(content)
        self._rows[table] += len(rows)

    @property
    def rows(self) -> dict[str, int]:
        return dict(self._rows)

    def finish(self, facts: Mapping[str, Any]) -> "Part":
        """Durable and read back when it returns. Raises: ArchiveRefused when it is not equal."""
        for name in self._tables:
            self._files[name].close()
            _durable(self._raw[name])
        files = {}
        for name in self._tables:
            path = self._partial / _file(name)
            rows, content = _read_back(path)
            if (rows, content) != (self._rows[name], self._written[name].hexdigest()):
                raise ArchiveRefused(f"{path} was not read back as it was written")
            files[_file(name)] = {
                "table": name, "rows": rows, "bytes": path.stat().st_size, "sha256": _sha256(path),
            }  # fmt: skip
        manifest = {"format": FORMAT, **facts, "files": files}
        with _private(self._partial / MANIFEST) as file:
            file.write(json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n")
            _durable(file)
        _sync_folder(self._partial)
        self._partial.rename(self.path)
        _sync_folder(self.path.parent)
        return Part(self.path)


class Part:
    """A whole part, as its manifest tells."""

    def __init__(self, path: Path) -> None:
        """Raises: ArchiveRefused when there is no manifest that can be read."""
        self.path = path
        try:
            content = (path / MANIFEST).read_bytes()
            self.manifest: dict[str, Any] = json.loads(content)
            self.month = Month.parsed(self.manifest["month"])
            self.files: dict[str, Line] = dict(self.manifest["files"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArchiveRefused(f"{path / MANIFEST} cannot be read: {error}") from error
        self.digest = hashlib.sha256(content).hexdigest()

    @property
    def bytes_written(self) -> int:
        return sum(int(one["bytes"]) for one in self.files.values())

    def problem(self) -> str | None:
        """What is not as the manifest says; None: nothing."""
        if self.manifest.get("format") != FORMAT:
            return f"{self.path}: a format that this program does not know"
        for name, told in self.files.items():
            path = self.path / name
            try:
                if _sha256(path) != told["sha256"]:
                    return f"{path}: its SHA-256 is another one"
                if _read_back(path)[0] != told["rows"]:
                    return f"{path}: it has other rows"
            except (OSError, EOFError, ValueError) as error:
                return f"{path}: cannot be read: {error}"
        return None

    def lines(self, table: str) -> Iterator[Line]:
        with gzip.open(self.path / _file(table), "rb") as file:
            for line in file:
                yield json.loads(line)


def parts_in(output: Path) -> list[Part]:
    """The whole ones, oldest month first. Raises: ArchiveRefused."""
    if not output.is_dir():
        raise ArchiveRefused(f"no folder {output}")
    whole = [one for one in output.iterdir() if one.is_dir() and one.suffix != _PARTIAL]
    return sorted(map(Part, whole), key=lambda one: (one.month, one.path.name))


def _file(table: str) -> str:
    return f"{table}.jsonl.gz"


def _line(row: Line) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _private(path: Path) -> IO[bytes]:
    """They hold citizens' data."""
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))


def _durable(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_back(path: Path) -> tuple[int, str]:
    """Rows, and the SHA-256 of what is in the compressed file."""
    rows, digest = 0, hashlib.sha256()
    with gzip.open(path, "rb") as file:
        while block := file.read(_READ_AT_ONCE):
            rows += block.count(b"\n")
            digest.update(block)
    return rows, digest.hexdigest()
