"""Monthly partitions on PostgreSQL: what is partitioned, which months there are, how they are made.

A month is a range of ticket ids. A row whose month has no partition goes to the default one, so no
insert ever fails; making the month moves such rows out of it. On SQLite nothing here does anything.
Locks are short: a table is made apart and attached, which stops no reader or writer of the others.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from schemas.errors import StoreBusy
from schemas.ids import SEQUENCE_BITS
from ticket_store.engine import Database
from ticket_store.months import Month

MONTHS_AHEAD = 3
TRIES = 60
LOCK_TIMEOUT_MS = 500  # whoever waits for a lock makes all others wait behind him
_PAUSE_SECONDS = 0.5
_LOCK = 0x5D70_0002  # any number that nobody else takes
_NO_LOCK = {"55P03", "40P01"}  # lock not available, deadlock detected
_BOUND = re.compile(r"FROM \((?:'(-?\d+)'|MINVALUE)\) TO \((?:'(-?\d+)'|MAXVALUE)\)")
_LOWEST, _HIGHEST = -(1 << 63), 1 << 63
T = TypeVar("T")


@dataclass(frozen=True)
class Parted:
    """A partitioned table. shift: of a ticket id, to the key's. index: beside the primary key."""

    name: str
    key: str
    shift: int = 0
    index: str = ""


PARTED = (
    Parted("events", "event_id", SEQUENCE_BITS),
    Parted("registrations", "event_id", SEQUENCE_BITS),
    Parted("supplements", "event_id", SEQUENCE_BITS),
    Parted("ticket_texts", "ticket_id"),
    Parted(
        "ticket_words",
        "ticket_id",
        index="CREATE INDEX ix_ticket_words_words ON ticket_words USING gin (words)"
        " WITH (gin_pending_list_limit = 512)",
    ),
)


@dataclass(frozen=True)
class Partition:
    """Keys low <= key < high. The default one has no bounds of its own."""

    name: str
    low: int = _LOWEST
    high: int = _HIGHEST
    default: bool = False


def is_partitioned(connection: Connection, table: str) -> bool | None:
    """None: there is no such table."""
    kind = connection.execute(
        text("SELECT relkind::text FROM pg_class WHERE oid = to_regclass(:name)"), {"name": table}
    ).scalar()
    return None if kind is None else kind == "p"


def partitions_of(connection: Connection, table: str) -> list[Partition]:
    """Lowest first, the default one last."""
    rows = connection.execute(
        text(
            "SELECT child.relname, pg_get_expr(child.relpartbound, child.oid) AS bound"
            " FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
            " WHERE inhparent = to_regclass(:name)"
        ),
        {"name": table},
    ).all()
    found = []
    for name, bound in rows:
        told = _BOUND.search(bound)
        if told is None:
            found.append(Partition(name, default=True))
            continue
        low, high = told.groups()
        found.append(Partition(name, int(low or _LOWEST), int(high or _HIGHEST)))
    return sorted(found, key=lambda one: (one.default, one.low))


async def ensure_months(database: Database, first: datetime, last: datetime) -> list[str]:
    """Make the partitions of the months from `first` to `last`; returns the names of new ones.

    An import of history calls it before it inserts. A month that lies within a larger partition
    (what was there before there were months) stays there.
    Raises: StoreBusy when a lock was not to be had for long.
    """
    if database.dialect.name != "postgresql":
        return []
    made = []
    for month in Month.of(first).to(Month.of(last)):
        for parted in PARTED:
            name = await patiently(database, lambda one, p=parted, m=month: make_month(one, p, m))  # type: ignore[misc]  # a lambda's defaults
            if name is not None:
                made.append(name)
    if made:
        # autovacuum looks at each month, and never at the whole
        await database.write(_analyze)
    return made


async def ensure_ahead(database: Database, now: datetime) -> list[str]:
    """This month and the next ones."""
    ahead = Month.of(now).plus(MONTHS_AHEAD).begins_at
    # a clock of another machine may still be in the month before
    return await ensure_months(database, now - timedelta(days=1), ahead)


def make_month(connection: Connection, parted: Parted, month: Month) -> str | None:
    """Its name when it was made; None when the month has a place, or the table no months."""
    low, high = month.first_id << parted.shift, month.plus(1).first_id << parted.shift
    if _placed(connection, parted, low):
        return None
    begin_short(connection)
    if _placed(connection, parted, low):  # somebody else made it meanwhile
        return None
    name = f"{parted.name}_{month.label}"
    connection.execute(text(f"CREATE TABLE {name} (LIKE {parted.name} INCLUDING DEFAULTS)"))
    for default in (one for one in partitions_of(connection, parted.name) if one.default):
        # nobody may add to the default one between the move and the attachment
        connection.execute(text(f"LOCK TABLE {default.name} IN SHARE ROW EXCLUSIVE MODE"))
        connection.execute(
            text(
                f"WITH moved AS (DELETE FROM {default.name}"  # noqa: S608  names and numbers of ours
                f" WHERE {parted.key} >= {low} AND {parted.key} < {high} RETURNING *)"
                f" INSERT INTO {name} SELECT * FROM moved"
            )
        )
    connection.execute(
        text(
            f"ALTER TABLE {parted.name} ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})"
        )
    )
    return name


def _placed(connection: Connection, parted: Parted, low: int) -> bool:
    """Whether rows from `low` on have a partition, or the table is not partitioned."""
    if not is_partitioned(connection, parted.name):
        return True
    return any(
        one.low <= low < one.high
        for one in partitions_of(connection, parted.name)
        if not one.default
    )


def begin_short(connection: Connection) -> None:
    """One at a time, and no long wait for a lock while others wait behind this one."""
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))


def _analyze(connection: Connection) -> None:
    """Fresh statistics of the whole tables."""
    for parted in PARTED:
        connection.execute(text(f"ANALYZE {parted.name}"))


async def patiently(
    database: Database,
    work: Callable[[Connection], T],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """A transaction that is tried again when it did not get a lock in time.

    Raises: StoreBusy after many tries; nothing of it has happened then.
    """
    for _ in range(TRIES):
        try:
            return await database.write(work)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _NO_LOCK:
                raise
        await pause(_PAUSE_SECONDS)
    raise StoreBusy("no lock: a long transaction holds a table; see pg_stat_activity")


@dataclass(frozen=True)
class Strayed:
    """What `sutong check` has to say. whole: tables that have no months yet; stray: rows without a
    month of their own, by table; ahead: the last month that every table has."""

    whole: tuple[str, ...]
    stray: dict[str, int]
    ahead: Month | None


async def look(database: Database) -> Strayed:
    """How the partitions stand; nothing to say on SQLite."""
    if database.dialect.name != "postgresql":
        return Strayed((), {}, None)
    return await database.read(_look)


def _look(connection: Connection) -> Strayed:
    whole = tuple(p.name for p in PARTED if is_partitioned(connection, p.name) is False)
    stray, ends = {}, []
    for parted in PARTED:
        if parted.name in whole:
            continue
        there = partitions_of(connection, parted.name)
        for default in (one for one in there if one.default):
            counted = connection.execute(
                text(f"SELECT count(*) FROM {default.name}")  # noqa: S608  a name of ours
            ).scalar_one()
            if counted:
                stray[parted.name] = int(counted)
        ends.append(max((one.high for one in there if not one.default), default=0) >> parted.shift)
    ahead = Month.of_ticket(min(ends)).plus(-1) if ends and min(ends) > 0 else None
    return Strayed(whole, stray, ahead)


async def place_strays(database: Database) -> list[str]:
    """Make the months of the rows in the default partitions, which moves them there."""
    if database.dialect.name != "postgresql":
        return []
    months = sorted(await database.read(_stray_months))
    made: list[str] = []
    for month in months:
        made += await ensure_months(database, month.begins_at, month.begins_at)
    return made


def _stray_months(connection: Connection) -> set[Month]:
    months: set[Month] = set()
    for parted in PARTED:
        if not is_partitioned(connection, parted.name):
            continue
        for default in (one for one in partitions_of(connection, parted.name) if one.default):
            months |= _months_in(connection, parted, default.name)
    return months


def _months_in(connection: Connection, parted: Parted, table: str) -> set[Month]:
    found: set[Month] = set()
    after: int = 0
    while True:  # from month to month by the key, whatever the number of rows
        key = connection.execute(
            text(f"SELECT min({parted.key}) FROM {table} WHERE {parted.key} >= :after"),  # noqa: S608  names of ours
            {"after": after},
        ).scalar()
        if key is None:
            return found
        month = Month.of_ticket(key >> parted.shift)
        found.add(month)
        after = month.plus(1).first_id << parted.shift
