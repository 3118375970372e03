"""Text statements on SQLite's own driver: a fifth of what a Core result costs."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Values = tuple[Any, ...]


@contextmanager
def as_core(text: str) -> Iterator[None]:
    """The driver's errors as SQLAlchemy raises them, without the values."""
    try:
        yield
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, None, error, sqlite3.Error, hide_parameters=True) from error


def of(connection: Connection) -> sqlite3.Connection:
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]  # of any driver
    return driver


def fetch(
    connection: Connection, text: str, values: Values
) -> tuple[Sequence[Values], Callable[[], Sequence[str]]]:
    """The rows, and what their columns are called."""
    with as_core(text):
        cursor = of(connection).execute(text, values)
        return cursor.fetchall(), lambda: [column[0] for column in cursor.description]


def run(connection: Connection, text: str, values: Values) -> int:
    """How many rows it touched."""
    with as_core(text):
        return of(connection).execute(text, values).rowcount


def run_many(connection: Connection, text: str, many: Sequence[Values]) -> None:
    with as_core(text):
        of(connection).executemany(text, many)
