"""Look into a log file from outside: what it holds and how far the readers are.

Reads only and takes no lock, so it may run beside the worker that owns the file: for readiness
checks, metrics and people.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from streams.embedded.records import offset_of, row_range
from streams.embedded.schema import connect


@dataclass(frozen=True)
class PartitionInfo:
    """One partition.

    start, end:    offset of the oldest record kept; offset the next record will get.
    records, bytes: kept now; bytes of keys and values.
    oldest_at_ms, newest_at_ms: the records' own times, milliseconds since the epoch.
    lag:           records between a group's committed position and the end, by group. Records
                   that compaction removed count as well.
    """

    topic: str
    partition: int
    compacting: bool
    start: int
    end: int
    records: int
    bytes: int
    oldest_at_ms: int | None
    newest_at_ms: int | None
    lag: Mapping[str, int]


def inspect(path: Path) -> list[PartitionInfo]:
    """Return the log's partitions by topic and number.

    Raises:  sqlite3.OperationalError if there is no such file, sqlite3.DatabaseError if it is
             not a log.
    """
    with closing(connect(path, read_only=True)) as connection:
        connection.execute("BEGIN")  # one state of the file for all that follows
        positions: dict[int, dict[str, int]] = {}
        for group, part, position in connection.execute(
            "SELECT consumer, part, next_offset FROM committed"
        ):
            positions.setdefault(part, {})[group] = position
        infos = []
        for part, topic, number, compacting, records, size in connection.execute(
            "SELECT part.id, topic, number, compacting, coalesce(records, 0), coalesce(bytes, 0) "
            "FROM part JOIN topic ON topic.name = part.topic "
            "LEFT JOIN usage ON usage.part = part.id "
            "ORDER BY topic, number"
        ).fetchall():
            edges = connection.execute(
                "SELECT id, at_ms FROM record WHERE id = (SELECT min(id) FROM record "
                "WHERE id BETWEEN :low AND :high) OR id = (SELECT max(id) FROM record "
                "WHERE id BETWEEN :low AND :high) ORDER BY id",
                dict(zip(("low", "high"), row_range(part), strict=True)),
            ).fetchall()
            end = offset_of(edges[-1][0]) + 1 if edges else 0
            infos.append(
                PartitionInfo(
                    topic=topic,
                    partition=number,
                    compacting=bool(compacting),
                    start=offset_of(edges[0][0]) if edges else 0,
                    end=end,
                    records=records,
                    bytes=size,
                    oldest_at_ms=edges[0][1] if edges else None,
                    newest_at_ms=edges[-1][1] if edges else None,
                    lag={
                        group: end - position for group, position in positions.get(part, {}).items()
                    },
                )
            )
        return infos
