"""The bytes of attachments: a file each, named by its SHA-256, whole before it has its name."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

_ASIDE = ".aside"


class UploadFiles:
    """Blocking; the folder is made when the first file comes.

    digest: SHA-256 of the content, in hex.
    Raises: OSError, from all that look at the disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def write(self, digest: str, content: bytes) -> None:
        """Write, wait for the disk, then name: under its name there is never half a file."""
        path = self.path(digest)
        if path.is_file() and path.stat().st_size == len(content):
            known = hashlib.sha256(path.read_bytes()).hexdigest()
            if known == digest:
                return
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with fresh.open("xb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        for folder in (path.parent, path.parent.parent):
            _sync_folder(folder)

    def read(self, digest: str) -> bytes:
        return self.path(digest).read_bytes()

    def is_there(self, digest: str) -> bool:
        return self.path(digest).is_file()

    def set_aside(self, digest: str) -> None:
        """Take the name away, to see whether somebody still needs it."""
        path = self.path(digest)
        if path.is_file():
            path.replace(_aside(path))

    def put_back(self, digest: str) -> None:
        path = self.path(digest)
        if _aside(path).is_file():
            _aside(path).replace(path)

    def remove(self, digest: str) -> None:
        """What was set aside is gone for good."""
        _aside(self.path(digest)).unlink(missing_ok=True)

    def aside(self) -> Iterator[str]:
        """What is set aside: something, after a crash only."""
        for path in self._folder.glob(f"??/.*{_ASIDE}"):
            yield path.name[1 : -len(_ASIDE)]


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}{_ASIDE}")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
