"""Database from a URL; nothing is built at import.

Work on it is a plain function over a Connection. It may be done again when a connection turns out
to be lost, so all that it changes is the database.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Dialect, make_url

from ticket_store.sqlite_engine import SqliteDatabase

WRITE_SECONDS = 10.0  # when a transaction on a server is given up: it may be silent
T = TypeVar("T")


class Database(Protocol):
    """One database: how it is read and written."""

    @property
    def dialect(self) -> Dialect: ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a connection for reading; each statement sees the newest commit.

        Raises: StoreBusy when the database cannot be read now, so that nobody who merely asked
        takes it for a fault of the message or the page at hand.
        """
        ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction of its own. Only writer.Writer and migrations do."""
        ...

    async def close(self) -> None: ...


def connect(url: str, *, write_seconds: float | None = WRITE_SECONDS) -> Database:
    """The database for `url`; no connection is opened yet.

    write_seconds: that a transaction on a server may take; None for migrations.
    Raises: ValueError for a database that the store does not speak.
    """
    match make_url(url).get_backend_name():
        case "sqlite":
            return SqliteDatabase(url)
        case "postgresql":
            from ticket_store.server_engine import (  # noqa: PLC0415 - its driver is an extra
                ServerDatabase,
            )

            return ServerDatabase(url, write_seconds)
        case other:
            raise ValueError(f"no store on {other}: sqlite or postgresql")
