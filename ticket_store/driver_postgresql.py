"""Text statements on asyncpg itself, which prepares each once a connection.

Called within `AsyncConnection.run_sync`, on a connection that leaves transactions to us.
"""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

Values = tuple[Any, ...]
T = TypeVar("T")
_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError)


@contextmanager
def as_core(text: str, driver: Any) -> Iterator[None]:
    """The driver's errors as SQLAlchemy raises them, without the values."""
    try:
        yield
    except _ERRORS as error:
        raise DBAPIError.instance(
            text, None, error, Exception,
            hide_parameters=True, connection_invalidated=driver.is_closed(),
        ) from error  # fmt: skip


def fetch(
    connection: Connection, text: str, values: Values
) -> tuple[Sequence[Any], Callable[[], Sequence[str]]]:
    """The rows, and what their columns are called (when there are rows)."""
    driver = _of(connection)
    records = _done(text, driver, driver.fetch(text, *values))
    return records, lambda: list(records[0].keys())


def run(connection: Connection, text: str, values: Values) -> int:
    """How many rows it touched."""
    driver = _of(connection)
    status: str = _done(text, driver, driver.execute(text, *values))
    return int(status.rpartition(" ")[2])


def run_many(connection: Connection, text: str, many: Sequence[Values]) -> None:
    driver = _of(connection)
    _done(text, driver, driver.executemany(text, many))


def _of(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _done(text: str, driver: Any, asked: Coroutine[Any, Any, T]) -> T:
    with as_core(text, driver):
        return await_only(asked)
