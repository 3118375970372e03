"""Database from a URL, and which database errors mean "try later".

Work on the database is a plain function over a Connection. On SQLite the writing ones run in one
thread of their own, each transaction begun IMMEDIATE, so that a whole transaction costs one change
of threads; the reading ones run on connections that never wait behind it. Nothing is built at
import. Errors do not quote the rows: they would carry personal data into the logs.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from schemas.errors import StoreBusy

BUSY_TIMEOUT_MS = 10_000  # another process may be in a transaction; none of ours lasts that long
READERS = 4
# when a connection, a read, a transaction, a farewell are given up: the server may be silent
CONNECT_SECONDS, READ_SECONDS, WRITE_SECONDS, CLOSE_SECONDS = 5.0, 60.0, 10.0, 3.0
LOG_BYTES_KEPT = 64 << 20  # of the write-ahead log, once it has been copied into the file
_BUSY_SQLITE = ("BUSY", "LOCKED", "FULL", "IOERR", "CANTOPEN", "READONLY", "NOMEM", "PROTOCOL")
# PostgreSQL classes: connection lost, out of resources, operator intervention
_BUSY_SQLSTATE = ("08", "53", "57")
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
            return ServerDatabase(url, write_seconds)
        case other:
            raise ValueError(f"no store on {other}: sqlite or postgresql")


class SqliteDatabase:
    """A file with a write-ahead log. Several processes may have it open."""

    def __init__(self, url: str) -> None:
        self._writer: Engine = create_engine(
            make_url(url).set(drivername="sqlite+pysqlite"),
            pool_size=1,
            max_overflow=0,
            pool_reset_on_return=None,
            hide_parameters=True,
        )
        self._reader: Engine = create_engine(
            make_url(url).set(drivername="sqlite+pysqlite"),
            pool_size=READERS,
            max_overflow=0,
            pool_reset_on_return=None,
            hide_parameters=True,
        )
        for engine in (self._writer, self._reader):
            event.listen(engine, "do_connect", _make_private)
        event.listen(self._writer, "connect", _prepare_writer)
        event.listen(self._writer, "begin", _begin_immediate)
        event.listen(self._reader, "connect", _prepare_reader)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._closed = False

    @property
    def dialect(self) -> Dialect:
        return self._writer.dialect

    async def read(self, work: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        if self._closed:
            raise StoreBusy("the store is closed")
        with _busy_said():
            return await loop.run_in_executor(self._readers, self._glance, work)

    def _glance(self, work: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return work(connection)

    async def write(self, work: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._transaction, work)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        with self._writer.begin() as connection:
            return work(connection)

    async def close(self) -> None:
        """Wait for what is being read and written; the last connection empties the log."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        self._thread.shutdown()

    def _end(self) -> None:
        self._readers.shutdown()  # before the pool: a connection that is out would stay open
        self._reader.dispose()
        self._writer.dispose()


class ServerDatabase:
    """A server with an asynchronous driver (PostgreSQL).

    One that is silent, behind a broken line, is as good as away: no call waits for it for ever. A
    transaction that was given up may be committed all the same, and its repeat finds that out.
    """

    def __init__(self, url: str, write_seconds: float | None = WRITE_SECONDS) -> None:
        self._write_seconds = write_seconds
        told = {"timeout": CONNECT_SECONDS}
        self._writer: AsyncEngine = create_async_engine(
            url, pool_size=2, pool_pre_ping=True, hide_parameters=True, connect_args=told
        )
        self._reader = create_async_engine(
            url,
            pool_size=READERS,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args=told,
        )

    @property
    def dialect(self) -> Dialect:
        return self._writer.sync_engine.dialect

    async def read(self, work: Callable[[Connection], T]) -> T:
        with _busy_said():
            async with asyncio.timeout(READ_SECONDS), self._reader.connect() as connection:
                return await connection.run_sync(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        async with asyncio.timeout(self._write_seconds), self._writer.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._reader.dispose()
                await self._writer.dispose()


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


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _busy_said() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if (reason := busy_reason(error)) is None:
            raise
        raise StoreBusy(reason) from error


def busy_reason(error: BaseException) -> str | None:
    """Why the database cannot serve now, or None when the statement itself is at fault."""
    if isinstance(error, PoolTimeout | OSError):
        return f"no connection: {type(error).__name__}"
    if not isinstance(error, DBAPIError):
        return None
    name = getattr(error.orig, "sqlite_errorname", None)
    if isinstance(name, str):
        busy = any(name.startswith(f"SQLITE_{kind}") for kind in _BUSY_SQLITE)
        return name if busy else None
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or (isinstance(state, str) and state[:2] in _BUSY_SQLSTATE):
        return f"database away: {state}"
    return None
