"""A server with an asynchronous driver: PostgreSQL through asyncpg.

SQLAlchemy keeps the connections and leaves their transactions to us, so that a statement may go to
the driver. A connection that the server has closed meanwhile is replaced without a word, as long as
nothing can have happened on it.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection, Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ticket_store.busy import busy_said
from ticket_store.driver_postgresql import as_core

READERS = 4
_WRITERS = 2  # the writer, and a lease or a migration beside it
_CONNECT_SECONDS = 10.0
_STATEMENTS = 512  # prepared ones that a connection keeps
T = TypeVar("T")


class ServerDatabase:
    """Several processes write at the same time; the rows that they change are locked."""

    def __init__(self, url: str) -> None:
        self._writer, self._reader = _engine(url, _WRITERS), _engine(url, READERS)

    @property
    def dialect(self) -> Dialect:
        return self._writer.sync_engine.dialect

    async def read(self, work: Callable[[Connection], T]) -> T:
        with busy_said():
            for last in (*[False] * READERS, True):
                async with self._reader.connect() as connection:
                    driver = await _driver_of(connection)
                    try:
                        return await connection.run_sync(work)
                    except Exception:
                        if last or not driver.is_closed():
                            raise
                        await connection.invalidate()
        raise AssertionError("the last try returns or raises")

    async def write(self, work: Callable[[Connection], T]) -> T:
        for last in (*[False] * _WRITERS, True):
            async with self._writer.connect() as connection:
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
        await self._reader.dispose()
        await self._writer.dispose()


async def _transaction(
    connection: AsyncConnection, driver: Any, work: Callable[[Connection], T]
) -> T:
    """The rest of one that has begun. When it raises, it may have been committed all the same."""
    try:
        result = await connection.run_sync(work)
        with as_core("COMMIT", driver):
            await driver.execute("COMMIT")
    except BaseException:
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


def _engine(url: str, connections: int) -> AsyncEngine:
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
            "server_settings": {"application_name": "sutong", "jit": "off"},
        },
    )
