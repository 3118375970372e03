"""The database that a store moves to: what has been copied, and what is written beside it.

A batch and the row that says how far its table has come are one transaction, so a copy that was
killed goes on behind the last batch. Until the copy is whole the database calls itself by a
revision that no program knows: a hub does not open it.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import LargeBinary, Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from schemas.errors import HubError, StoreBusy
from ticket_store import words_postgresql
from ticket_store.metadata import metadata
from ticket_store.migrations import UNFINISHED
from ticket_store.move_source import MoveRefused, Row, key_of, quoted
from ticket_store.search_models import ticket_texts

_LOCK = 0x5D70_0001  # any number that nobody else takes
_LOCK_TIMEOUT = "30s"  # the session of a copy that was killed ends its last statement first
_AWAY = ("08", "53", "57")  # classes: connection lost, out of resources, operator intervention
_LOCK_NOT_AVAILABLE = "55P03"
_AT_FIRST = {"audit_head": 1}  # rows that the migrations make
_MAKE = (
    "CREATE TABLE moves (source TEXT NOT NULL, revision TEXT NOT NULL, finished BOOLEAN NOT NULL)",
    "CREATE TABLE moved_tables"
    " (name TEXT PRIMARY KEY, last_key TEXT, rows BIGINT NOT NULL, whole BOOLEAN NOT NULL)",
)
_PUT = text(
    "INSERT INTO moved_tables (name, last_key, rows, whole) VALUES (:name, :last_key, :rows, false)"
    " ON CONFLICT (name) DO UPDATE SET last_key = :last_key, rows = moved_tables.rows + :rows"
)
_WHOLE = text(
    "INSERT INTO moved_tables (name, rows, whole) VALUES (:name, 0, true)"
    " ON CONFLICT (name) DO UPDATE SET whole = true"
)


@dataclass(frozen=True)
class Mark:
    """How far a table has come. last_key: of the last row copied; None before the first."""

    last_key: list[Any] | None = None
    rows: int = 0
    whole: bool = False


@dataclass(frozen=True)
class Begun:
    """A copy that has begun. source: the digest of the file that it is of."""

    source: str
    revision: str
    finished: bool


class Target:
    """One session; it holds a lock, so that two copies do not meet."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self) -> None:
        async with self._connection.begin():
            await self._connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
            try:
                await self._connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                    raise
                raise MoveRefused("another copy into the target is under way") from error

    async def begun(self) -> Begun | None:
        async with self._connection.begin():
            there = await self._connection.execute(text("SELECT to_regclass('moves')"))
            if there.scalar() is None:
                return None
            found = await self._connection.execute(
                text("SELECT source, revision, finished FROM moves")
            )
            return Begun(*found.one())

    async def begin(self, source: str, revision: str) -> None:
        """Take over a database that the migrations have just made.

        Raises: MoveRefused when it is at another revision or holds rows of somebody.
        """
        async with self._connection.begin():
            version = await self._connection.execute(
                text("SELECT version_num FROM alembic_version")
            )
            if (newest := version.scalar_one()) != revision:
                raise MoveRefused(
                    f"the store is at {revision}, this program at {newest}: "
                    "run `sutong migrate` on it first"
                )
            counts = await self._counted(metadata.sorted_tables)
            held = [name for name, rows in counts.items() if rows > _AT_FIRST.get(name, 0)]
            if held or await self._audited():
                raise MoveRefused(
                    f"the target holds another store ({', '.join(held) or 'audit_head'}): "
                    "name an empty database"
                )
            for name in _AT_FIRST:
                await self._connection.execute(text(f"DELETE FROM {quoted(name)}"))  # noqa: S608  a name of ours
            for statement in _MAKE:
                await self._connection.execute(text(statement))
            await self._connection.execute(
                text("INSERT INTO moves VALUES (:source, :revision, false)"),
                {"source": source, "revision": revision},
            )
            await self._name(UNFINISHED)

    async def _audited(self) -> bool:
        rows = await self._connection.execute(text('SELECT "rows" FROM audit_head'))
        return rows.scalar() != 0

    async def marks(self, tables: Sequence[Table]) -> Mapping[str, Mark]:
        """Of every table. Raises: MoveRefused when a table holds other rows than were copied."""
        async with self._connection.begin():
            found = await self._connection.execute(
                text("SELECT name, last_key, rows, whole FROM moved_tables")
            )
            kept = {row.name: row for row in found}
            counts = await self._counted(metadata.sorted_tables)
        marks = {}
        for table in tables:
            row = kept.get(table.name)
            if row is not None:
                marks[table.name] = Mark(_read_key(table, row.last_key), row.rows, row.whole)
        more = [
            name for name, rows in counts.items()
            if rows != (kept[name].rows if name in kept else 0)
        ]  # fmt: skip
        if more:
            raise MoveRefused(
                f"a hub has written to the target since ({', '.join(more)}): name an empty database"
            )
        return {table.name: marks.get(table.name, Mark()) for table in tables}

    async def _counted(self, tables: Sequence[Table]) -> dict[str, int]:
        return {table.name: await self._count(table.name) for table in tables}

    async def _count(self, name: str) -> int:
        found = await self._connection.execute(text(f"SELECT count(*) FROM {quoted(name)}"))  # noqa: S608  a name of ours
        return int(found.scalar_one())

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        """A batch, its words where it has some, and how far the table has come now."""
        async with self._connection.begin():
            last_key = _written_key(key_of(table, rows[-1]))
            await self._connection.execute(
                _PUT, {"name": table.name, "last_key": last_key, "rows": len(rows)}
            )
            # within the transaction that the statement above has begun
            driver = await self._driver()
            with _driver_said(table):
                await driver.copy_records_to_table(
                    table.name, records=rows, columns=[column.name for column in table.columns]
                )
            if table is ticket_texts:
                texts = [(row[0], row[1]) for row in rows]
                await self._connection.run_sync(words_postgresql.add_words, texts)

    async def whole(self, table: Table) -> None:
        """All rows are there: the numbers that the database gives out go on behind them."""
        async with self._connection.begin():
            await self._connection.execute(_WHOLE, {"name": table.name})
            column = table.autoincrement_column
            if column is not None:
                name = column.name
                await self._connection.execute(
                    text(
                        f"SELECT setval(pg_get_serial_sequence('{table.name}', '{name}'),"  # noqa: S608  names of ours
                        f" (SELECT coalesce(max({quoted(name)}), 0) + 1"
                        f" FROM {quoted(table.name)}), false)"
                    )
                )
            await self._connection.execute(text(f"ANALYZE {quoted(table.name)}"))

    async def words(self) -> int:
        """How many tickets the word index knows."""
        async with self._connection.begin():
            return await self._count("ticket_words")

    @asynccontextmanager
    async def rows_of(self, table: Table) -> AsyncIterator[Any]:
        """A cursor of the driver over the rows in the order that the file has them in."""
        columns = ", ".join(quoted(column.name) for column in table.columns)
        order = ", ".join(
            quoted(column.name) + (' COLLATE "C"' if column.type.python_type is str else "")
            for column in table.primary_key
        )
        query = f"SELECT {columns} FROM {quoted(table.name)} ORDER BY {order}"  # noqa: S608  names of ours
        driver = await self._driver()
        with _driver_said(table):
            async with driver.transaction():
                yield await driver.cursor(query)

    async def finish(self) -> None:
        """The database is a store from now on."""
        async with self._connection.begin():
            revision = await self._connection.execute(
                text("UPDATE moves SET finished = true RETURNING revision")
            )
            await self._name(revision.scalar_one())

    async def _name(self, revision: str) -> None:
        await self._connection.execute(
            text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
        )

    async def _driver(self) -> Any:
        return (await self._connection.get_raw_connection()).driver_connection


@asynccontextmanager
async def opened_target(url: str) -> AsyncIterator[Target]:
    engine = create_async_engine(url, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            target = Target(connection)
            await target.lock()
            yield target
    finally:
        await engine.dispose()


@contextmanager
def _driver_said(table: Table) -> Iterator[None]:
    """The driver's own errors, which SQLAlchemy has not seen. They are not quoted: they hold rows.

    Raises: StoreBusy when the session is gone; MoveRefused for rows that it does not take.
    """
    try:
        yield
    except (HubError, ValueError) as error:
        if isinstance(error, HubError):
            raise
        raise MoveRefused(f"{table.name}: rows that PostgreSQL does not take") from error
    except Exception as error:
        state = getattr(error, "sqlstate", None)
        if state is not None and not state.startswith(_AWAY):
            raise MoveRefused(f"{table.name}: PostgreSQL says {state}") from error
        raise StoreBusy(f"database away: {state or type(error).__name__}") from error


def _written_key(key: Sequence[Any]) -> str:
    return json.dumps([one.hex() if isinstance(one, bytes) else one for one in key])


def _read_key(table: Table, written: str | None) -> list[Any] | None:
    if written is None:
        return None
    return [
        bytes.fromhex(value) if isinstance(column.type, LargeBinary) else value
        for column, value in zip(table.primary_key, json.loads(written), strict=True)
    ]
