"""Which records may go: expiry by age and size, and compaction to the last record of each key.

Two things are kept whatever the rules say: a partition's last record, so that offsets never go
back, and what a consumer group has still to read.
"""

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from streams.embedded.log import Log
from streams.embedded.records import TopicRules, row_id, row_range
from streams.embedded.schema import connect

SLICE = 500  # rows deleted in one transaction; the writer takes appends between two slices
# A compaction rewrites nothing, but reads every key: worth it when as many records came as stay.
_WORTH_COMPACTING = 1_000


@dataclass(frozen=True)
class Horizon:
    """The limits of one run. `now_ms`: milliseconds since the epoch."""

    now_ms: int
    default_retention_ms: int
    tombstone_ms: int


@dataclass(frozen=True)
class Slice:
    """Row ids of partition `part` that may go now, at most SLICE of them."""

    part: int
    rows: Sequence[int]


class Sweeper:
    """Finds what may go; remembers how far each partition was compacted to skip clean ones."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._compacted_to: dict[int, int] = {}

    def slices(self, horizon: Horizon, *, thorough: bool = False) -> Generator[Slice, None, None]:
        """Yield slices to delete, in order; each must be deleted before the next is asked for.

        Reads through a connection of its own, so it may run in any thread. `thorough` compacts
        partitions with few new records too.
        """
        connection = connect(self._log.path, read_only=True)
        try:
            for topic in list(self._log.topics.values()):
                for part in topic.parts:
                    if topic.rules.expires:
                        yield from _expired(connection, topic.rules, part, horizon)
                    if topic.rules.compacting:
                        yield from self._superseded(connection, part, horizon, thorough)
        finally:
            connection.close()

    def _superseded(
        self, connection: sqlite3.Connection, part: int, horizon: Horizon, thorough: bool
    ) -> Iterator[Slice]:
        end = self._log.end(part)
        new = end - self._compacted_to.get(part, 0)
        if new == 0 or (not thorough and new < max(_WORTH_COMPACTING, _kept(connection, part))):
            return
        yield from _superseded(connection, part, horizon)
        self._compacted_to[part] = end


def sweep(log: Log, horizon: Horizon, *, thorough: bool = True) -> int:
    """Delete everything that may go, at once; return how many records went."""
    gone = 0
    for each in Sweeper(log).slices(horizon, thorough=thorough):
        log.delete(each.part, each.rows)
        gone += len(each.rows)
    return gone


def _expired(
    connection: sqlite3.Connection, rules: TopicRules, part: int, horizon: Horizon
) -> Iterator[Slice]:
    """Yield the oldest records while they are too old or the partition is too large."""
    first, last = _bounds(connection, part)
    if last is None:
        return
    retention_ms = rules.retention_ms
    if retention_ms is None:
        retention_ms = horizon.default_retention_ms
    cutoff = horizon.now_ms - retention_ms
    excess = 0
    if rules.retention_bytes is not None:
        excess = _stored_bytes(connection, part) - rules.retention_bytes
    stop = min(last, _unread_from(connection, part, last))
    while True:
        rows = connection.execute(
            "SELECT id, at_ms, coalesce(length(key), 0) + coalesce(length(value), 0) "
            "FROM record WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (first, stop, SLICE),
        ).fetchall()
        doomed = []
        for row, at_ms, size in rows:
            if at_ms >= cutoff and excess <= 0:
                break
            excess -= size
            doomed.append(row)
        if doomed:
            yield Slice(part, doomed)
            first = doomed[-1] + 1
        if len(doomed) < SLICE:
            return


def _superseded(connection: sqlite3.Connection, part: int, horizon: Horizon) -> Iterator[Slice]:
    """Yield records that a later one of the same key replaced, and deletions told long enough.

    Oldest first: a crash half-way leaves a key's deletion in place until its values are gone.
    """
    first, last = _bounds(connection, part)
    if last is None:
        return
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS latest (id INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM latest")
    connection.execute(
        "INSERT INTO latest SELECT max(id) FROM record "
        "WHERE id BETWEEN ? AND ? AND key IS NOT NULL GROUP BY key",
        (first, last),
    )
    stop = min(last, _unread_from(connection, part, last))
    cutoff = horizon.now_ms - horizon.tombstone_ms
    while True:
        rows = connection.execute(
            "SELECT id FROM record WHERE id >= ? AND id < ? AND key IS NOT NULL "
            "AND (id NOT IN (SELECT id FROM latest) OR (value IS NULL AND at_ms < ?)) "
            "ORDER BY id LIMIT ?",
            (first, stop, cutoff, SLICE),
        ).fetchall()
        if not rows:
            return
        doomed = [row for (row,) in rows]
        yield Slice(part, doomed)
        first = doomed[-1] + 1


def _bounds(connection: sqlite3.Connection, part: int) -> tuple[int, int | None]:
    low, high = row_range(part)
    (last,) = connection.execute(
        "SELECT max(id) FROM record WHERE id BETWEEN ? AND ?", (low, high)
    ).fetchone()
    return low, last


def _unread_from(connection: sqlite3.Connection, part: int, last: int) -> int:
    """Return the first row some group has still to read."""
    (slowest,) = connection.execute(
        "SELECT min(next_offset) FROM committed WHERE part = ?", (part,)
    ).fetchone()
    return last if slowest is None else row_id(part, slowest)


def _stored_bytes(connection: sqlite3.Connection, part: int) -> int:
    row = connection.execute("SELECT bytes FROM usage WHERE part = ?", (part,)).fetchone()
    return 0 if row is None else int(row[0])


def _kept(connection: sqlite3.Connection, part: int) -> int:
    row = connection.execute("SELECT records FROM usage WHERE part = ?", (part,)).fetchone()
    return 0 if row is None else int(row[0])
