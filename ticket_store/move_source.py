"""The store that moves: an SQLite file, held so that nobody else has it open while it is copied."""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, Table, Text

from schemas.errors import HubError
from ticket_store import (
    attachment_models,
    calendar_models,
    clock_models,
    lease_models,
    models,
    people_models,
    search_models,
)
from ticket_store.metadata import Instant, metadata
from ticket_store.rows import storable

# imported for their tables
_MODELS = (
    attachment_models, calendar_models, clock_models, models, people_models, search_models,
)  # fmt: skip
# a lease says which process leads now: true of the hub that stands, not of the one that comes
_LEFT_BEHIND = {lease_models.leases.name}
_WORDS = "ticket_words_"  # the word index, which the target builds in its own way
LOCK_MS = 3_000  # a command that looks at the store is gone by then; a hub is not
MOST_ROWS = 5_000  # a batch
MOST_BYTES = 8 << 20
_READ_AT_ONCE = 200
_HASHED_AT_ONCE = 1 << 20
_LAST_TICKET = (1 << 53) - 1
_FITS = {32: 1 << 31, 64: 1 << 63}
Row = tuple[Any, ...]


class MoveRefused(HubError):
    """The store cannot be copied from there or to there. What was copied is left as it is."""


def moved_tables() -> list[Table]:
    """What a move copies, by name."""
    return [metadata.tables[name] for name in sorted(metadata.tables.keys() - _LEFT_BEHIND)]


class HeldFile:
    """The file, while the block runs: no other connection has it or gets it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._cursors: list[sqlite3.Cursor] = []

    def __enter__(self) -> Self:
        """Raises: MoveRefused when there is no store, or a process has it open."""
        if not self._file.is_file():
            raise MoveRefused(f"no store: there is no file {self._file.absolute()}")
        # opened before SQLite locks it and closed after: closing any handle of a file takes
        # away all the locks that this process has on it
        self._bytes = self._file.open("rb")
        self._connection = sqlite3.connect(
            self._file, isolation_level=None, check_same_thread=False, timeout=LOCK_MS / 1000
        )
        try:
            self._hold()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_raised: object) -> None:
        self._close()

    def _hold(self) -> None:
        """With this mode a write-ahead log is opened only by one that has the file to itself."""
        try:
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._connection.execute("BEGIN EXCLUSIVE")
            self._connection.execute("COMMIT")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.execute("PRAGMA query_only=ON")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise MoveRefused(
                    f"a process has {self._file.absolute()} open: stop the hub first"
                ) from error
            raise MoveRefused(f"{self._file.absolute()}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise MoveRefused(f"{self._file.absolute()} is no store: {error}") from error

    def _close(self) -> None:
        """A cursor that is half read, after an error, would keep the connection and its lock."""
        with suppress(sqlite3.Error):
            for cursor in self._cursors:
                cursor.close()
            self._connection.close()
        self._bytes.close()

    def revision(self) -> str:
        """The newest migration that the store has. Raises: MoveRefused when it has none."""
        try:
            found = self._connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError as error:
            raise MoveRefused(f"no store: no tables in {self._file.absolute()}") from error
        return str(found[0]) if found else "none"

    def unknown_tables(self) -> list[str]:
        """Tables that this program knows nothing of; a copy would lose them."""
        names = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        known = {*metadata.tables, "alembic_version"}
        return sorted(
            name for (name,) in names
            if name not in known and not name.startswith((_WORDS, "sqlite_"))
        )  # fmt: skip

    def digest(self) -> str:
        """Of every byte of the file: whoever has written to it since has changed this."""
        digest = hashlib.sha256()
        self._bytes.seek(0)
        while block := self._bytes.read(_HASHED_AT_ONCE):
            digest.update(block)
        return digest.hexdigest()

    def count(self, table: Table) -> int:
        found = self._connection.execute(f"SELECT count(*) FROM {quoted(table.name)}")  # noqa: S608  a name of ours
        return int(found.fetchone()[0])

    def ticket_span(self) -> tuple[int, int] | None:
        """The lowest and the highest ticket id that one can be; None without tickets."""
        found = self._connection.execute(
            "SELECT min(ticket_id), max(ticket_id) FROM tickets"
            " WHERE typeof(ticket_id) = 'integer' AND ticket_id BETWEEN 0 AND ?",
            (_LAST_TICKET,),
        ).fetchone()
        return None if found[0] is None else (int(found[0]), int(found[1]))

    def batches(self, table: Table, after: Sequence[Any] | None = None) -> Iterator[list[Row]]:
        """The rows in the order of their key, as PostgreSQL takes them; `after`: a key.

        Raises: MoveRefused for a value that it would not take.
        """
        columns = ", ".join(quoted(column.name) for column in table.columns)
        keys = [column.name for column in table.primary_key]
        key = ", ".join(map(quoted, keys))
        where = "" if after is None else f" WHERE ({key}) > ({', '.join('?' * len(keys))})"
        cursor = self._connection.execute(
            f"SELECT {columns} FROM {quoted(table.name)}{where} ORDER BY {key}",  # noqa: S608  names of ours
            tuple(after or ()),
        )
        self._cursors.append(cursor)
        batch: list[Row] = []
        size = 0
        try:
            while some := cursor.fetchmany(min(_READ_AT_ONCE, MOST_ROWS)):
                batch += some
                size += sum(len(value) for row in some for value in row if _has_length(value))
                if len(batch) >= MOST_ROWS or size >= MOST_BYTES:
                    yield as_server_takes(table, batch)
                    batch, size = [], 0
        except sqlite3.Error as error:
            raise MoveRefused(f"{table.name} cannot be read: {error}") from error
        if batch:
            yield as_server_takes(table, batch)


def _has_length(value: object) -> bool:
    return isinstance(value, str | bytes)


def quoted(name: str) -> str:
    return f'"{name}"'


def key_of(table: Table, row: Row) -> list[Any]:
    places = [list(table.columns).index(column) for column in table.primary_key]
    return [row[place] for place in places]


def as_server_takes(table: Table, rows: Sequence[Row]) -> list[Row]:
    """SQLite keeps any value in any column; PostgreSQL only what the column is for.

    Raises: MoveRefused, which names the row by its key and never quotes a value.
    """
    columns = list(zip(*rows, strict=True))
    for place, column in enumerate(table.columns):
        try:
            columns[place] = _column_as_server_takes(column, columns[place])
        except _Unfit as unfit:
            wrong = next(row for row in rows if not unfit.fits(row[place]))
            raise MoveRefused(
                f"{table.name}: {named_key(table, wrong)}: {column.name} is {unfit}"
            ) from None
    return list(zip(*columns, strict=True))


def named_key(table: Table, row: Row) -> str:
    """A key for people: numbers as they are, bytes in hex."""
    key = key_of(table, row)
    return ", ".join(one.hex() if isinstance(one, bytes) else str(one) for one in key)


class _Unfit(Exception):
    """A column holds what it is not for. fits: whether one value is for it."""

    def __init__(self, what: str, fits: Any) -> None:
        super().__init__(what)
        self.fits = fits


def _column_as_server_takes(column: Column[Any], values: Row) -> Row:
    kind = column.type
    if isinstance(kind, Boolean):
        _require(values, "neither true nor false", lambda one: one in {None, 0, 1})
        return tuple(None if one is None else bool(one) for one in values)
    if isinstance(kind, Integer | Instant):
        most = _FITS[64 if isinstance(kind, BigInteger | Instant) else 32]
        _require_kind(values, int, "no whole number")
        _require(values, "too large", lambda one: one is None or -most <= one < most)
    elif isinstance(kind, LargeBinary):
        _require_kind(values, bytes, "no bytes")
    elif isinstance(kind, String | Text):
        _require_kind(values, str, "no text")
        if any(one is not None and "\0" in one for one in values):
            values = tuple(None if one is None else storable(one) for one in values)
        if (most_long := kind.length) is not None:
            _require(values, "too long", lambda one: one is None or len(one) <= most_long)
    else:
        raise TypeError(f"{column}: a kind of column that a move does not know")
    return values


def _require_kind(values: Row, kind: type, what: str) -> None:
    if not set(map(type, values)) <= {kind, type(None)}:
        raise _Unfit(what, lambda one: one is None or type(one) is kind)


def _require(values: Row, what: str, fits: Any) -> None:
    if not all(map(fits, values)):
        raise _Unfit(what, fits)
