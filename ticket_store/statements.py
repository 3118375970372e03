"""Core statements compiled once, and run with plain tuples at the speed of the driver.

On SQLite they go to the driver itself: its rows and errors are wrapped here, at a fifth of the cost
of a Core result. Column types do not convert: an Instant is passed and read as microseconds.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ClauseElement,
    Connection,
    Dialect,
    Insert,
    Select,
    bindparam,
)
from sqlalchemy.exc import DBAPIError


class Statement:
    """A Core statement as text of one dialect.

    columns: for an INSERT, the columns that each row gives.
    Raises:  DBAPIError of either database, without the values.
    """

    def __init__(
        self, clause: ClauseElement, dialect: Dialect, columns: Iterable[str] | None = None
    ) -> None:
        if isinstance(clause, Insert):
            clause = clause.inline()  # no RETURNING for a key that the database makes
        compiled = clause.compile(
            dialect=dialect, column_keys=None if columns is None else list(columns)
        )
        self.text = str(compiled)
        self._names: Sequence[str] = compiled.positiontup or ()  # type: ignore[attr-defined]  # of SQLCompiler
        # what the statement brings itself; each row gives the rest
        self._fixed: Mapping[str, Any] = {
            name: bind.value
            for bind, name in compiled.bind_names.items()  # type: ignore[attr-defined]  # of SQLCompiler
            if not bind.required
        }
        self._bare = dialect.name == "sqlite"
        self._row: Callable[[Iterable[Any]], Any] | None = None

    def _values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        if self._fixed:
            row = {**self._fixed, **row}
        return tuple([row[name] for name in self._names])

    def rows(self, connection: Connection, **values: Any) -> Sequence[Any]:
        """All rows; each has its columns by name and by place."""
        if not self._bare:
            return connection.exec_driver_sql(self.text, self._values(values)).all()
        with _as_core(self.text):
            cursor = _driver(connection).execute(self.text, self._values(values))
            if self._row is None:
                names = [column[0] for column in cursor.description]
                kind: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # of the query
                self._row = kind._make
            return [self._row(row) for row in cursor]

    def run(self, connection: Connection, **values: Any) -> int:
        """Execute once; returns how many rows it touched."""
        if not self._bare:
            return connection.exec_driver_sql(self.text, self._values(values)).rowcount
        with _as_core(self.text):
            touched: int = _driver(connection).execute(self.text, self._values(values)).rowcount
            return touched

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute for every row, in order; nothing for none."""
        if not rows:
            return
        self.run_tuples(connection, [self._values(row) for row in rows])

    def run_tuples(self, connection: Connection, many: Sequence[tuple[Any, ...]]) -> None:
        """Execute for every row of values, in the order of the statement's parameters."""
        if not self._bare:
            connection.exec_driver_sql(self.text, list(many))
            return
        with _as_core(self.text):
            _driver(connection).executemany(self.text, many)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


@contextmanager
def _as_core(text: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, None, error, sqlite3.Error, hide_parameters=True) from error


def numbered(places: Sequence[int]) -> list[BindParameter[int]]:
    """The parameters of a Lookup whose keys are ids."""
    return [bindparam(f"k{place}", type_=BigInteger) for place in places]


_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)  # keys a statement; a list is filled up with its last key


class Lookup:
    """Rows by a list of keys, through few prepared statements of fixed size."""

    def __init__(
        self, dialect: Dialect, build: Callable[[Sequence[int]], Select[Any]], width: int = 1
    ) -> None:
        """build: makes the query for numbered keys, whose parameters are k0, k1 ... (k0_0 ...)."""
        self._dialect, self._build, self._width = dialect, build, width
        self._by_size: dict[int, Statement] = {}

    def rows(self, connection: Connection, keys: Sequence[Any]) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(keys), _SIZES[-1]):
            some = keys[start : start + _SIZES[-1]]
            size = next(size for size in _SIZES if size >= len(some))
            full = [*some, *[some[-1]] * (size - len(some))]
            if size not in self._by_size:
                self._by_size[size] = Statement(self._build(range(size)), self._dialect)
            found += self._by_size[size].rows(connection, **self._named(full))
        return found

    def _named(self, keys: Sequence[Any]) -> dict[str, Any]:
        if self._width == 1:
            return {f"k{place}": key for place, key in enumerate(keys)}
        return {
            f"k{place}_{part}": value
            for place, key in enumerate(keys)
            for part, value in enumerate(key)
        }
