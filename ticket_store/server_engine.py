"""A server with an asynchronous driver: PostgreSQL through asyncpg.

SQLAlchemy keeps the connections and leaves their transactions to us, so that a statement may go to
the driver. A connection that the server has closed meanwhile is replaced without a word, as long as
nothing can have happened on it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection, Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ticket_store.busy import busy_said
from ticket_store.driver_postgresql import as_core

READERS = 4
_WRITERS = 2  # the writer, and a lease or a migration beside it
# when a connection, a read, a farewell are given up
_CONNECT_SECONDS, _READ_SECONDS, _CLOSE_SECONDS = 5.0, 60.0, 3.0
_STATEMENTS = 512  # prepared ones that a connection keeps
T = TypeVar("T")


class ServerDatabase:
    """Several processes write at the same time; the rows that they change are locked.

    A server that is silent, behind a broken line, is as good as away: no call waits for it for
    ever. A transaction that was given up may be committed all the same; its repeat finds that out.
    """

    def __init__(self, url: str, write_seconds: float | None) -> None:
        """write_seconds: when a transaction is given up; None for never."""
        self._write_seconds = write_seconds
        self._writer = _engine(url, _WRITERS, _locks_end(write_seconds))
        self._reader = _engine(url, READERS, {})

    @property
    def dialect(self) -> Dialect:
        return self._writer.sync_engine.dialect

    async def read(self, work: Callable[[Connection], T]) -> T:
        with busy_said():
            async with asyncio.timeout(_READ_SECONDS):
                for last in (*[False] * READERS, True):
                    async with self._reader.connect() as connection, _kept_whole(connection):
                        driver = await _driver_of(connection)
                        try:
                            return await connection.run_sync(work)
                        except Exception:
                            if last or not driver.is_closed():
                                raise
                            await connection.invalidate()
        raise AssertionError("the last try returns or raises")

    async def write(self, work: Callable[[Connection], T]) -> T:
        async with asyncio.timeout(self._write_seconds):
            for last in (*[False] * _WRITERS, True):
                async with self._writer.connect() as connection, _kept_whole(connection):
                    driver = await _driver_of(connection)
                    try:
                        with as_core("BEGIN", driver):
                            await driver.execute("BEGIN")
                    except Exception:
                        if last or not driver.is_closed():
                            raise
                        await connection.invalidate()
                        continue
                    return await _transaction(connection, driver, work)
        raise AssertionError("the last try returns or raises")

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._reader.dispose()
                await self._writer.dispose()


@asynccontextmanager
async def _kept_whole(connection: AsyncConnection) -> AsyncIterator[None]:
    """One that is given up in the middle of a statement does not go back to the others."""
    driver = await _driver_of(connection)
    try:
        yield
    except Exception:
        raise
    except BaseException:
        driver.terminate()
        with suppress(Exception):
            await connection.invalidate()
        raise


async def _transaction(
    connection: AsyncConnection, driver: Any, work: Callable[[Connection], T]
) -> T:
    """The rest of one that has begun. When it raises, it may have been committed all the same."""
    try:
        result = await connection.run_sync(work)
        with as_core("COMMIT", driver):
            await driver.execute("COMMIT")
    except Exception:
        try:
            await driver.execute("ROLLBACK")
        except Exception:  # noqa: BLE001  the server rolls back what has lost its connection
            driver.terminate()
        if driver.is_closed():
            with suppress(Exception):
                await connection.invalidate()
        raise
    return result


async def _driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    return (await connection.get_raw_connection()).driver_connection


def _locks_end(write_seconds: float | None) -> dict[str, str]:
    """For the server, which does not hear it when the line to us breaks in the middle.

    It would keep our locks, and with them every other process waiting, until TCP gives up after
    hours. When it has heard nothing for as long as we would have waited, we have given up.
    """
    if write_seconds is None:
        return {}
    return {"idle_in_transaction_session_timeout": str(round(write_seconds * 1000))}


def _engine(url: str, connections: int, settings: dict[str, str]) -> AsyncEngine:
    return create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=connections,
        max_overflow=0,
        pool_reset_on_return=None,
        hide_parameters=True,
        connect_args={
            "timeout": _CONNECT_SECONDS,
            "statement_cache_size": _STATEMENTS,
            "max_cached_statement_lifetime": 0,
            "server_settings": {"application_name": "sutong", "jit": "off"} | settings,
        },
    )
