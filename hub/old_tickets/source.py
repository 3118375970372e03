"""Lines of files, of .gz files and of standard input; their size is bounded."""

import gzip
import sys
import zlib
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from hub.old_tickets.prepare import Line
from schemas.errors import HubError

STDIN = "-"
LONGEST = 1 << 20  # bytes of a row; a text has 20,000 characters at most
_BOM = b"\xef\xbb\xbf"


class FileBroken(HubError):
    """A file ends in the middle, or is no gzip. What stood before is imported."""


def lines_of(names: Sequence[str]) -> Generator[Line, None, None]:
    """All lines that are not empty, file after file, numbered from 1. "-" is standard input.

    A line that is too long comes cut off, so that it is refused.
    Raises: OSError, FileBroken.
    """
    for name in names:
        if name == STDIN:
            yield from _lines(STDIN, sys.stdin.buffer)
        elif name.endswith(".gz"):
            with gzip.open(name) as packed:
                yield from _unpacked(name, packed)
        else:
            with Path(name).open("rb") as file:
                yield from _lines(name, file)


def _unpacked(name: str, packed: BinaryIO | gzip.GzipFile) -> Iterator[Line]:
    try:
        yield from _lines(name, packed)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FileBroken(f"{name} is not a whole gzip file: pack it again") from error


def _lines(name: str, file: BinaryIO | gzip.GzipFile) -> Iterator[Line]:
    number = 0
    while content := file.readline(LONGEST):
        number += 1
        rest = content
        while not rest.endswith(b"\n") and (rest := file.readline(LONGEST)):
            pass  # of a line that is too long
        if number == 1:
            content = content.removeprefix(_BOM)
        if stripped := content.strip():
            yield Line(name, number, stripped)
