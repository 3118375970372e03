"""The log itself: topics, records, offsets and committed positions in one SQLite file.

Synchronous and single-writer. `append`, `declare`, `delete` belong to one writing thread; the
reading methods use a connection of their own and belong to one other thread.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from streams.embedded.records import (
    Headers,
    NewRecord,
    Offsets,
    Record,
    Topic,
    TopicRules,
    offset_of,
    row_id,
    row_range,
)
from streams.embedded.schema import connect, prepare

# Rows a statement. Each step of a statement gives up the interpreter lock and may wait a whole
# switch interval (5 ms) to get it back from a busy loop: many rows a step, not a step a row.
_ROWS_PER_STATEMENT = (256, 32, 4, 1)
_PAGES_GIVEN_BACK = 2_000


class Log:
    """One log file, opened for reading and writing."""

    def __init__(self, path: Path, *, synchronous: str = "FULL") -> None:
        self.path = path
        path.touch(mode=0o600)  # it holds what citizens wrote; the -wal and -shm files follow it
        self._writer = connect(path)
        try:
            prepare(self._writer, synchronous)
        except BaseException:
            self._writer.close()
            raise
        self._reader = connect(path, read_only=True)
        self._topics: dict[str, Topic] = {}
        self._ends: dict[int, int] = {}
        self._load()

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    # -- topics

    @property
    def topics(self) -> Mapping[str, Topic]:
        return self._topics

    def declare(self, name: str, partitions: int, rules: TopicRules) -> Topic:
        """Create the topic, or bring its rules up to date.

        The number of partitions of a topic that holds records stays as it is, because keys
        would change their partition; an empty one takes the new, larger number.
        """
        known = self._topics.get(name)
        have = len(known.parts) if known else 0
        holds_records = known is not None and any(self._ends[part] for part in known.parts)
        if known and known.rules == rules and (have >= partitions or holds_records):
            return known
        with self._transaction() as cursor:
            cursor.execute(
                "INSERT INTO topic VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "compacting = excluded.compacting, deleting = excluded.deleting, "
                "retention_ms = excluded.retention_ms, retention_bytes = excluded.retention_bytes",
                (
                    name,
                    rules.compacting,
                    rules.deleting,
                    rules.retention_ms,
                    rules.retention_bytes,
                ),
            )
            if not holds_records:
                cursor.executemany(
                    "INSERT INTO part (topic, number) VALUES (?, ?)",
                    [(name, number) for number in range(have, partitions)],
                )
        self._load()
        return self._topics[name]

    # -- writing

    def append(self, records: Sequence[NewRecord], offsets: Offsets | None = None) -> list[int]:
        """Write records and committed positions in one transaction; return the offsets given.

        When it returns, everything is as durable as `synchronous` promises; when it raises,
        nothing was written.
        """
        ends = self._ends
        new_ends: dict[int, int] = {}
        usage: dict[int, tuple[int, int]] = {}
        given: list[int] = []
        values: list[object] = []
        for record in records:
            part = record.part
            offset = new_ends.get(part)
            if offset is None:
                offset = ends[part]
            new_ends[part] = offset + 1
            given.append(offset)
            count, size = usage.get(part, (0, 0))
            usage[part] = (count + 1, size + record.size)
            values += (
                row_id(part, offset),
                record.at_ms,
                record.key,
                record.value,
                _pack(record.headers),
            )
        with self._transaction() as cursor:
            _insert(cursor, "record", 5, values)
            self._count(cursor, usage)
            positions: list[object] = []
            for group, nexts in (offsets or {}).items():
                for part, position in nexts.items():
                    positions += (group, part, position)
            _insert(
                cursor,
                "committed",
                3,
                positions,
                " ON CONFLICT (consumer, part) DO UPDATE SET next_offset = excluded.next_offset",
            )
        ends.update(new_ends)
        return given

    def delete(self, part: int, rows: Sequence[int]) -> None:
        """Delete records by row id; the caller (retention) knows which may go."""
        marks = ",".join("?" * len(rows))
        with self._transaction() as cursor:
            (count, size) = cursor.execute(
                "SELECT count(*), coalesce(sum(coalesce(length(key), 0)"  # noqa: S608  # only marks
                f" + coalesce(length(value), 0)), 0) FROM record WHERE id IN ({marks})",
                rows,
            ).fetchone()
            cursor.execute(f"DELETE FROM record WHERE id IN ({marks})", rows)  # noqa: S608  # the same
            self._count(cursor, {part: (-count, -size)})

    def forget_group(self, group: str) -> None:
        """Drop a group's committed positions, so that it holds back retention no longer."""
        with self._transaction() as cursor:
            cursor.execute("DELETE FROM committed WHERE consumer = ?", (group,))

    def give_back_space(self) -> None:
        """Return some of the free pages to the file system."""
        self._writer.execute(f"PRAGMA incremental_vacuum({_PAGES_GIVEN_BACK})").fetchall()

    # -- reading

    def fetch(self, part: int, offset: int, max_records: int, max_bytes: int) -> list[Record]:
        """Return records from `offset` on, at least one if there is one, within both limits."""
        rows = self._reader.execute(
            "SELECT id, at_ms, key, value, headers FROM record "
            "WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?",
            (row_id(part, offset), row_range(part)[1], max_records),
        )
        records: list[Record] = []
        size = 0
        for row, at_ms, key, value, headers in rows:
            size += len(key or b"") + len(value or b"")
            if records and size > max_bytes:
                break
            records.append(Record(offset_of(row), at_ms, key, value, _unpack(headers)))
        rows.close()  # an open cursor would pin the write-ahead log
        return records

    def end(self, part: int) -> int:
        """Return the offset the next record will get."""
        return self._ends[part]

    def start(self, part: int) -> int:
        """Return the offset of the oldest record kept; the end if there is none."""
        (first,) = self._reader.execute(
            "SELECT min(id) FROM record WHERE id BETWEEN ? AND ?", row_range(part)
        ).fetchone()
        return self.end(part) if first is None else offset_of(first)

    def committed(self, group: str) -> dict[int, int]:
        """Return the group's next offset to read by partition id."""
        rows = self._reader.execute(
            "SELECT part, next_offset FROM committed WHERE consumer = ?", (group,)
        )
        return dict(rows.fetchall())

    # -- inside

    def _load(self) -> None:
        parts: dict[str, list[int]] = {}
        for part, topic in self._writer.execute("SELECT id, topic FROM part ORDER BY number"):
            parts.setdefault(topic, []).append(part)
            if part not in self._ends:
                self._ends[part] = self._stored_end(part)
        self._topics = {
            name: Topic(
                name,
                TopicRules(bool(compacting), bool(deleting), retention_ms, retention_bytes),
                tuple(parts[name]),
            )
            for name, compacting, deleting, retention_ms, retention_bytes in self._writer.execute(
                "SELECT name, compacting, deleting, retention_ms, retention_bytes FROM topic"
            )
        }

    def _stored_end(self, part: int) -> int:
        (last,) = self._writer.execute(
            "SELECT max(id) FROM record WHERE id BETWEEN ? AND ?", row_range(part)
        ).fetchone()
        return 0 if last is None else offset_of(last) + 1

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        cursor = self._writer.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                cursor.execute("ROLLBACK")
            raise
        finally:
            cursor.close()

    @staticmethod
    def _count(cursor: sqlite3.Cursor, usage: Mapping[int, tuple[int, int]]) -> None:
        values = [value for part, (count, size) in usage.items() for value in (part, count, size)]
        _insert(
            cursor,
            "usage",
            3,
            values,
            " ON CONFLICT (part) DO UPDATE SET records = records + excluded.records,"
            " bytes = bytes + excluded.bytes",
        )


def _insert(
    cursor: sqlite3.Cursor, table: str, width: int, values: Sequence[object], tail: str = ""
) -> None:
    """Insert rows given as one flat sequence, in as few statements as possible."""
    start = 0
    for rows in _ROWS_PER_STATEMENT:
        span = rows * width
        if len(values) - start < span:
            continue
        row = f"({','.join('?' * width)})"
        statement = f"INSERT INTO {table} VALUES {','.join([row] * rows)}{tail}"  # noqa: S608  # only marks
        while len(values) - start >= span:
            cursor.execute(statement, values[start : start + span])
            start += span


def _pack(headers: Headers) -> str | None:
    return json.dumps([[name, value.hex()] for name, value in headers]) if headers else None


def _unpack(text: str | None) -> Headers:
    if text is None:
        return ()
    return tuple((name, bytes.fromhex(value)) for name, value in json.loads(text))
