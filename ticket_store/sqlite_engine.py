"""A file with a write-ahead log, and the threads that read and write it.

The writing thread begins each transaction IMMEDIATE, so that a whole one costs one change of
threads; the reading ones are connections that never wait behind it. Errors do not quote the rows:
they would carry personal data into the logs.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, make_url

from schemas.errors import StoreBusy
from ticket_store import driver_sqlite
from ticket_store.busy import busy_said
from ticket_store.threads import Threads

READERS = 4
BUSY_TIMEOUT_MS = 10_000  # another process may be in a transaction; none of ours lasts that long
LOG_BYTES_KEPT = 64 << 20  # of the write-ahead log, once it has been copied into the file
T = TypeVar("T")


class SqliteDatabase:
    """A file with a write-ahead log. Several processes may have it open."""

    def __init__(self, url: str) -> None:
        # SQLAlchemy makes connections and leaves their transactions to us
        make = partial(
            create_engine,
            make_url(url).set(drivername="sqlite+pysqlite"),
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            hide_parameters=True,
        )
        self._writer: Engine = make(pool_size=1, max_overflow=0)
        self._reader: Engine = make(pool_size=READERS, max_overflow=0)
        for engine in (self._writer, self._reader):
            event.listen(engine, "do_connect", _make_private)
        event.listen(self._writer, "connect", _prepare_writer)
        event.listen(self._reader, "connect", _prepare_reader)
        self._writing = Threads(1, "store-writer", self._writer.connect, Connection.close)
        self._reading = Threads(READERS, "store-reader", self._reader.connect, Connection.close)
        self._closed = False

    @property
    def dialect(self) -> Dialect:
        return self._writer.dialect

    async def read(self, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise StoreBusy("the store is closed")
        with busy_said():
            return await self._reading.run(partial(_glance, work))

    async def write(self, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise StoreBusy("the store is closed")
        return await self._writing.run(partial(_transaction, work))

    async def close(self) -> None:
        """Wait for what is being read and written; the last connection empties the log."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._reading.end()
        self._reader.dispose()
        self._writing.end()
        self._writer.dispose()


def _glance(work: Callable[[Connection], T], connection: Connection) -> T:
    try:
        return work(connection)
    finally:
        connection.rollback()  # ends what SQLAlchemy counts as begun; the file knows of nothing


def _transaction(work: Callable[[Connection], T], connection: Connection) -> T:
    driver = driver_sqlite.of(connection)
    with driver_sqlite.as_core("BEGIN IMMEDIATE"):
        driver.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        with driver_sqlite.as_core("COMMIT"):
            driver.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # the thread closes the connection, too
            driver.rollback()
        raise
    connection.rollback()  # as in _glance
    return result


def _make_private(_dialect: object, _record: object, arguments: Any, _named: object) -> None:
    """A new file is its owner's alone: it will hold citizens' data. Its -wal and -shm follow it.

    Whoever connects first makes the file, even to look only.
    """
    file = Path(arguments[0])
    with suppress(OSError):  # the connection will say what is wrong
        if not file.exists():
            file.touch(mode=0o600)


def _prepare_writer(connection: Any, _record: object) -> None:
    # FULL: a peer was told "got it", so a commit must survive the loss of power
    _prepare(
        connection,
        "journal_mode=WAL",
        "synchronous=FULL",
        "cache_size=-16000",
        f"journal_size_limit={LOG_BYTES_KEPT}",
    )


def _prepare_reader(connection: Any, _record: object) -> None:
    _prepare(connection, "query_only=ON", "cache_size=-8000")


def _prepare(connection: Any, *pragmas: str) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "temp_store=MEMORY", *pragmas):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
