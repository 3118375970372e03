"""Turns whole tables into partitioned ones while hubs, also of the release before, go on writing.

Three short steps a table, each a transaction: a CHECK that is not validated, its validation (which
reads the table and stops nobody), then old table becomes first partition of a new one of its name.
Killed in between, the next call goes on. It cannot be one transaction, and so no alembic revision:
the first step's lock would be held until the table has been read.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ticket_store.engine import Database
from ticket_store.months import Month
from ticket_store.partitions import (
    PARTED,
    Parted,
    begin_short,
    ensure_ahead,
    is_partitioned,
    patiently,
    place_strays,
)

# the CHECK refuses ids behind it, so it ends well after any end of this conversion
_MARGIN = timedelta(days=7)
_CONSTRAINT = "ck_{table}_before_months"


async def partition(database: Database, now: datetime) -> list[str]:
    """Partition what is not yet, make the months ahead, move rows out of the default partitions.

    Returns the names of what was made. Nothing on SQLite. Raises: StoreBusy.
    """
    if database.dialect.name != "postgresql":
        return []
    made = []
    for parted in PARTED:
        if await database.read(lambda one, p=parted: is_partitioned(one, p.name)) is not False:  # type: ignore[misc]  # a lambda's default
            continue
        try:
            await _convert(database, parted, now)
        except BaseException:
            await _give_up(database, parted)
            raise
        made.append(parted.name)
    return made + await ensure_ahead(database, now) + await place_strays(database)


async def _convert(database: Database, parted: Parted, now: datetime) -> None:
    await patiently(database, lambda one: _bound(one, parted, now))
    await database.write(lambda one: _validate(one, parted))
    await patiently(database, lambda one: _swap(one, parted))


async def _give_up(database: Database, parted: Parted) -> None:
    """Without the CHECK, which would refuse rows once its month is over."""

    def drop(connection: Connection) -> None:
        begin_short(connection)
        if is_partitioned(connection, parted.name) is False:
            connection.execute(
                text(f"ALTER TABLE {parted.name} DROP CONSTRAINT IF EXISTS {_name(parted)}")
            )

    try:
        await database.write(drop)
    except (DBAPIError, OSError):
        return  # the error that led here says more; the next migrate goes on from the CHECK


def _name(parted: Parted) -> str:
    return _CONSTRAINT.format(table=parted.name)


def _upper(connection: Connection, parted: Parted) -> int | None:
    """Where the CHECK ends; None without one."""
    told = connection.execute(
        text(
            "SELECT substring(pg_get_constraintdef(oid) FROM '<\\D*(\\d+)') FROM pg_constraint"
            " WHERE conrelid = to_regclass(:table) AND conname = :name"
        ),
        {"table": parted.name, "name": _name(parted)},
    ).scalar()
    return None if told is None else int(told)


def _bound(connection: Connection, parted: Parted, now: datetime) -> None:
    begin_short(connection)
    if is_partitioned(connection, parted.name):
        return
    margin = Month.of(now + _MARGIN).plus(1)
    upper = _upper(connection, parted)
    if upper is not None and upper > Month.of(now + _MARGIN).first_id << parted.shift:
        return
    newest = connection.execute(
        text(f"SELECT max({parted.key}) FROM {parted.name}")  # noqa: S608  names of ours
    ).scalar()
    last = (
        margin if newest is None else max(margin, Month.of_ticket(newest >> parted.shift).plus(1))
    )
    connection.execute(text(f"ALTER TABLE {parted.name} DROP CONSTRAINT IF EXISTS {_name(parted)}"))
    connection.execute(
        text(
            f"ALTER TABLE {parted.name} ADD CONSTRAINT {_name(parted)}"
            f" CHECK ({parted.key} < {last.first_id << parted.shift}) NOT VALID"
        )
    )


def _validate(connection: Connection, parted: Parted) -> None:
    if not is_partitioned(connection, parted.name):
        connection.execute(text(f"ALTER TABLE {parted.name} VALIDATE CONSTRAINT {_name(parted)}"))


def _swap(connection: Connection, parted: Parted) -> None:
    """The old table under another name, and the new one above it; an empty one just goes."""
    begin_short(connection)
    if is_partitioned(connection, parted.name):
        return
    name, old = parted.name, f"{parted.name}_before"
    connection.execute(text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
    upper = _upper(connection, parted)
    if upper is None:
        raise RuntimeError(f"{name}: its bound is gone; migrate again")
    for index in _indexes(connection, name):
        connection.execute(text(f'ALTER INDEX "{index}" RENAME TO "{index}_before"'))
    connection.execute(text(f"ALTER TABLE {name} RENAME TO {old}"))
    connection.execute(
        text(
            f"CREATE TABLE {name} (LIKE {old} INCLUDING DEFAULTS) PARTITION BY RANGE ({parted.key})"
        )
    )
    connection.execute(
        text(f"ALTER TABLE {name} ADD CONSTRAINT {name}_pkey PRIMARY KEY ({parted.key})")
    )
    if parted.index:
        connection.execute(text(parted.index))
    connection.execute(text(f"CREATE TABLE {name}_default PARTITION OF {name} DEFAULT"))
    if connection.execute(text(f"SELECT EXISTS (SELECT 1 FROM {old})")).scalar():  # noqa: S608  a name of ours
        connection.execute(
            text(
                f"ALTER TABLE {name} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ({upper})"
            )
        )
        connection.execute(text(f"ALTER TABLE {old} DROP CONSTRAINT {_name(parted)}"))
    else:
        connection.execute(text(f"DROP TABLE {old}"))


def _indexes(connection: Connection, table: str) -> list[str]:
    found = connection.execute(
        text(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = to_regclass(:table)"
        ),
        {"table": table},
    ).scalars()
    return [name.strip('"') for name in found]
