"""Core statements compiled once, and run with plain tuples at the speed of the driver.

They go to the database's own driver (driver_sqlite.py, driver_postgresql.py); its rows are wrapped
here. Column types do not convert: an Instant is passed and read as microseconds.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ClauseElement,
    Connection,
    Delete,
    Dialect,
    Insert,
    Select,
    Update,
    bindparam,
)

from ticket_store.statement_sets import change_of_many, insert_of_many


class Statement:
    """A Core statement as text of one dialect.

    columns:  for an INSERT, the columns that each row gives.
    together: an UPDATE or DELETE by key, of which `run_many` gets each key once.
    Raises:   DBAPIError of either database, without the values.
    """

    def __init__(
        self,
        clause: ClauseElement,
        dialect: Dialect,
        columns: Iterable[str] | None = None,
        *,
        together: bool = False,
    ) -> None:
        names = None if columns is None else list(columns)
        if isinstance(clause, Insert):
            clause = clause.inline()  # no RETURNING for a key that the database makes
        compiled = _Compiled(clause, dialect, names)
        self.text, self._values = compiled.text, compiled.values
        self._driver = _driver_of(dialect)
        self._row: Callable[[Iterable[Any]], Any] | None = None
        self._set: _Compiled | None = None
        if dialect.name == "postgresql":
            if isinstance(clause, Insert) and names is not None:
                self._set = _Compiled(insert_of_many(clause, names), dialect)
            elif isinstance(clause, Update | Delete) and together:
                self._set = _Compiled(change_of_many(clause), dialect)

    def rows(self, connection: Connection, **values: Any) -> Sequence[Any]:
        """All rows; each has its columns by name and by place."""
        found, names = self._driver.fetch(connection, self.text, self._values(values))
        if not found:
            return []
        if self._row is None:
            kind: Any = namedtuple("Row", names(), rename=True)  # type: ignore[misc]  # of the query
            self._row = kind._make
        return [self._row(row) for row in found]

    def run(self, connection: Connection, **values: Any) -> int:
        """Execute once; returns how many rows it touched."""
        touched: int = self._driver.run(connection, self.text, self._values(values))
        return touched

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute for every row; nothing for none.

        As one statement where the database has it, else one after the other, in order.
        """
        if not rows:
            return
        if self._set is not None and len(rows) > 1:
            arrays = {name: [row[name] for row in rows] for name in rows[0]}
            self._driver.run(connection, self._set.text, self._set.values(arrays))
        else:
            self.run_tuples(connection, [self._values(row) for row in rows])

    def run_tuples(self, connection: Connection, many: Sequence[tuple[Any, ...]]) -> None:
        """Execute for every row of values, in the order of the statement's parameters."""
        self._driver.run_many(connection, self.text, many)


class _Compiled:
    """text: with the dialect's placeholders, for `values` in their order."""

    def __init__(
        self, clause: ClauseElement, dialect: Dialect, columns: list[str] | None = None
    ) -> None:
        compiled: Any = clause.compile(dialect=dialect, column_keys=columns)
        self.text = str(compiled)
        self._names: Sequence[str] = compiled.positiontup or ()
        # what the statement brings itself; each row gives the rest
        self._fixed: Mapping[str, Any] = {
            name: bind.value for bind, name in compiled.bind_names.items() if not bind.required
        }

    def values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        if self._fixed:
            row = {**self._fixed, **row}
        return tuple([row[name] for name in self._names])


def _driver_of(dialect: Dialect) -> Any:
    """The module that runs text on that database; PostgreSQL's driver is an extra."""
    return import_module(f"ticket_store.driver_{dialect.name}")


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
