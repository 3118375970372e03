"""The text of an export file to rows with their line numbers; a bad row never takes another along.

Pure. CSV after RFC 4180 (header line, comma, quotes doubled); JSON Lines, one object a line.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass

_MOST_RECORD_LINES = 200  # a quoted field that runs on longer is a quote that was never closed


class NotAnExport(ValueError):
    """The file as a whole cannot be read; its text says why."""


@dataclass(frozen=True)
class Row:
    """line: of the row's beginning, the first line is 1. problem: why `cells` is None."""

    line: int
    cells: dict[str, object] | None
    problem: str = ""


def decoded(content: bytes) -> str:
    """The file's text: UTF-8 with or without a byte order mark, else GB 18030; strictly.

    Raises: NotAnExport.
    """
    for codec in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(codec)
        except UnicodeDecodeError:
            continue
    raise NotAnExport("bytes are neither UTF-8 nor GB 18030")


def is_complete(content: bytes) -> bool:
    """Whether the last line has its end."""
    return content.endswith(b"\n")


def rows_of(text: str, form: str, required: frozenset[str]) -> Iterator[Row]:
    """form: "csv" or "jsonl". required: headers that a CSV must have. Raises: NotAnExport."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return _csv_rows(lines, required) if form == "csv" else _json_rows(lines)


def _csv_rows(lines: list[str], required: frozenset[str]) -> Iterator[Row]:
    records = _records(lines)
    _, first = next(records, (1, ""))
    header = [name.strip() for name in _cells(first)]
    if missing := required - set(header):
        raise NotAnExport(f"the first line lacks the columns {'、'.join(sorted(missing))}")
    if len(set(header)) != len(header):
        raise NotAnExport("the first line names a column twice")
    for line, record in records:
        try:
            cells = _cells(record)
        except csv.Error as error:
            yield Row(line, None, f"not CSV: {error}")
            continue
        if len(cells) != len(header):
            yield Row(line, None, f"{len(cells)} cells under {len(header)} columns")
        else:
            yield Row(line, dict(zip(header, cells, strict=True)))


def _records(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Line number and text of each record: lines belong together while a quote is open."""
    at = 0
    while at < len(lines):
        end, quotes = at, lines[at].count('"')
        while quotes % 2 and end + 1 < len(lines) and end - at < _MOST_RECORD_LINES:
            end += 1
            quotes += lines[end].count('"')
        if quotes % 2:
            end = at  # never closed: this line alone is bad
        record = "\n".join(lines[at : end + 1])
        if record.strip():
            yield at + 1, record
        at = end + 1


def _cells(record: str) -> list[str]:
    # the reader takes an iterable of lines; one element may hold line breaks inside quotes
    return next(csv.reader([record], strict=True), [])


def _json_rows(lines: list[str]) -> Iterator[Row]:
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            yield Row(line, None, f"not JSON: {type(error).__name__}")
            continue
        if isinstance(value, dict):
            yield Row(line, value)
        else:
            yield Row(line, None, "not a JSON object")
