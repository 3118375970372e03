"""Many rows of one table at once: executemany on SQLite, COPY on PostgreSQL."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.util import await_only

from ticket_store.statements import Statement

_NO_CONNECTION, _INTEGRITY = "08006", "23"


class RowPutter:
    """columns: those that the rows give, in the order of the table."""

    def __init__(self, dialect: Dialect, table: Table, left_out: Collection[str] = ()) -> None:
        self.table, self.dialect = table, dialect
        self.columns = tuple(one.name for one in table.columns if one.name not in left_out)
        self._insert = Statement(insert(table), dialect, self.columns)

    def put(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Rows as tuples of `columns`; instants are microseconds.

        Raises: DBAPIError, without the values.
        """
        if not rows:
            return
        if self.dialect.name == "sqlite":
            self._insert.run_tuples(connection, rows)
            return
        driver = connection.connection.driver_connection
        copying = driver.copy_records_to_table(  # type: ignore[union-attr]  # asyncpg's own
            self.table.name, records=rows, columns=list(self.columns)
        )
        try:
            await_only(copying)
        except Exception as error:  # noqa: BLE001  the driver has many kinds
            raise as_core(error) from None  # the driver's own text holds rows


class CopyFailed(Exception):
    """What the driver said, without the rows that it quotes. sqlstate: PostgreSQL's code."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"PostgreSQL says {sqlstate}")
        self.sqlstate = sqlstate


def as_core(error: Exception) -> Exception:
    """An error of asyncpg, which SQLAlchemy has not seen, as SQLAlchemy's; others as they are."""
    state = getattr(error, "sqlstate", None)
    if state is None:
        ours = type(error).__module__.startswith("asyncpg") or isinstance(error, OSError)
        state = _NO_CONNECTION if ours else None
    if state is None:
        return error
    kind = IntegrityError if state.startswith(_INTEGRITY) else DBAPIError
    return kind("COPY", None, CopyFailed(state), hide_parameters=True)
