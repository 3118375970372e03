"""The folder shared with the phone switch: which files are whole, and how results are put down.

All methods block on the file system; the connector calls them in a thread.
"""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from connectors.phone_log.records import is_complete

FORMS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_UNFINISHED = (".tmp", ".part")  # suffixes that writers put on files they still write
_REPORT = ".errors.csv"


@dataclass(frozen=True)
class Mark:
    """What tells two versions of a file apart."""

    size: int
    changed_ns: int


@dataclass(frozen=True)
class Export:
    """A whole file, as read."""

    path: Path
    mark: Mark
    content: bytes

    @property
    def form(self) -> str:
        return FORMS[self.path.suffix.lower()]


@dataclass(frozen=True)
class Folder:
    """incoming: watched. done, rejected: where read files go. results: what we write.

    marker: suffix of the empty file that a writer puts beside a finished one ("calls.csv.ok");
    None: a file is whole when size and time are as at the last look and its last line has its end.
    """

    incoming: Path
    done: Path
    rejected: Path
    results: Path
    marker: str | None
    most_bytes: int

    def check(self) -> None:
        """Make what is missing below an existing `incoming`. Raises: OSError."""
        next(self.incoming.iterdir(), None)
        for folder in (self.done, self.rejected, self.results):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(f"{folder.name} cannot be written to")

    def look(self) -> dict[str, Mark]:
        """The export files that lie there now."""
        found = {}
        for path in self.incoming.iterdir():
            name = path.name.lower()
            if (
                path.suffix.lower() in FORMS
                and not name.startswith(".")
                and not name.endswith((*_UNFINISHED, _REPORT))
                and path.is_file()
            ):
                found[path.name] = _mark(path)
        return found

    def read(self, name: str, seen: Mark | None) -> Export | None:
        """The file if it is whole; None when it may still be written.

        seen: its mark at the last look. Raises: OSError; OversizedFile.
        """
        path = self.incoming / name
        mark = _mark(path)
        if self.marker is None:
            if mark != seen:
                return None
        elif not path.with_name(name + self.marker).exists():
            return None
        if mark.size > self.most_bytes:
            raise OversizedFile(f"larger than {self.most_bytes} bytes")
        content = path.read_bytes()
        if _mark(path) != mark or (self.marker is None and not is_complete(content)):
            return None
        return Export(path, mark, content)

    def finish(self, export: Export, bad_rows: Sequence[tuple[int, str]]) -> bool:
        """Move a file whose rows are all kept to `done`, its report of bad rows beside it.

        False, and nothing is moved, when the file has grown since: it is read again.
        """
        if _mark(export.path) != export.mark:
            return False
        self._move(export.path, self.done, bad_rows)
        return True

    def reject(self, name: str, why: str) -> None:
        """Move a file that cannot be read at all to `rejected`, the reason beside it."""
        self._move(self.incoming / name, self.rejected, [(0, why)])

    def write_result(self, key: str, content: bytes) -> str:
        """Put a result down under its key, once and whole; return the file's name.

        The same key again changes nothing. Raises: OSError.
        """
        path = self._result(key)
        if not path.exists():
            self.results.mkdir(parents=True, exist_ok=True)
            _write_whole(path, content)
        return path.name

    def has_result(self, key: str) -> bool:
        return self._result(key).exists()

    def _result(self, key: str) -> Path:
        return self.results / f"{quote(key, safe='')}.json"

    def _move(self, path: Path, target: Path, bad_rows: Sequence[tuple[int, str]]) -> None:
        target.mkdir(parents=True, exist_ok=True)
        final, number = target / path.name, 1
        while final.exists():  # the switch used a name again
            number += 1
            final = target / f"{path.stem}.{number}{path.suffix}"
        if bad_rows:
            _write_report(final.with_name(final.name + _REPORT), bad_rows)
        path.replace(final)
        if self.marker is not None:
            path.with_name(path.name + self.marker).unlink(missing_ok=True)


class OversizedFile(ValueError):
    """More bytes than the settings allow."""


def _mark(path: Path) -> Mark:
    stat = path.stat()
    return Mark(stat.st_size, stat.st_mtime_ns)


def _write_report(path: Path, bad_rows: Sequence[tuple[int, str]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark is for Excel
        writer = csv.writer(file)
        writer.writerow(("line", "reason"))
        writer.writerows(bad_rows)


def _write_whole(path: Path, content: bytes) -> None:
    """All or nothing, and on the disk when this returns."""
    draft = path.with_name(f".{path.name}.tmp")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
