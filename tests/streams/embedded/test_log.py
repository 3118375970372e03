"""The log alone: what is appended is read back, whatever happens in between."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.embedded.log import Log
from streams.embedded.records import NewRecord, Record, TopicRules
from streams.embedded.schema import LogNotUnderstood


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "log.db")
    yield log
    log.close()


def new(part: int, value: bytes | None, key: bytes | None = b"k", at_ms: int = 0) -> NewRecord:
    return NewRecord(part, at_ms, key, value)


def test_records_come_back_in_order_with_everything_they_carried(log: Log) -> None:
    (part,) = log.declare("t", 1, TopicRules()).parts
    sent = [
        NewRecord(part, 7, b"key", b"value", (("trace", b"\x00\xff"),)),
        NewRecord(part, 8, None, None),
        NewRecord(part, 9, b"", b""),
    ]
    assert log.append(sent) == [0, 1, 2]
    assert log.fetch(part, 0, 10, 1 << 20) == [
        Record(0, 7, b"key", b"value", (("trace", b"\x00\xff"),)),
        Record(1, 8, None, None, ()),
        Record(2, 9, b"", b"", ()),
    ]


def test_partitions_count_for_themselves(log: Log) -> None:
    first, second = log.declare("t", 2, TopicRules()).parts
    (other,) = log.declare("u", 1, TopicRules()).parts
    offsets = log.append([new(first, b"a"), new(second, b"b"), new(other, b"c"), new(first, b"d")])
    assert offsets == [0, 0, 0, 1]
    assert [record.value for record in log.fetch(first, 0, 10, 99)] == [b"a", b"d"]
    assert [record.value for record in log.fetch(second, 0, 10, 99)] == [b"b"]


@pytest.mark.parametrize("count", [1, 3, 4, 31, 33, 255, 257, 700])
def test_a_group_of_any_size_is_written_whole(log: Log, count: int) -> None:
    (part,) = log.declare("t", 1, TopicRules()).parts
    log.append([new(part, b"%d" % number) for number in range(count)])
    assert [int(r.value or b"") for r in log.fetch(part, 0, 1000, 1 << 20)] == list(range(count))


def test_a_fetch_is_bounded_by_records_and_by_bytes_but_never_stuck(log: Log) -> None:
    (part,) = log.declare("t", 1, TopicRules()).parts
    log.append([new(part, b"x" * 100, key=None) for _ in range(10)])
    assert len(log.fetch(part, 0, 3, 1 << 20)) == 3
    assert len(log.fetch(part, 0, 10, 250)) == 2
    assert [record.offset for record in log.fetch(part, 4, 10, 1)] == [4]


def test_positions_and_records_are_written_together_or_not_at_all(log: Log) -> None:
    (part,) = log.declare("t", 1, TopicRules()).parts
    log.append([new(part, b"a")], {"g": {part: 1}})
    unwritable = NewRecord(part, 1 << 80, b"k", b"v")  # no SQLite integer
    with pytest.raises(OverflowError):
        log.append([new(part, b"b"), unwritable], {"g": {part: 2}})
    assert log.committed("g") == {part: 1}
    assert log.end(part) == 1
    assert log.append([new(part, b"c")]) == [1]


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = Log(path)
    rules = TopicRules(compacting=True, retention_ms=5, retention_bytes=6)
    parts = log.declare("t", 3, rules).parts
    log.append([new(parts[1], b"a"), new(parts[1], b"b")], {"g": {parts[1]: 1}})
    log.close()

    log = Log(path)
    try:
        topic = log.topics["t"]
        assert (topic.parts, topic.rules) == (parts, rules)
        assert (log.start(parts[1]), log.end(parts[1]), log.end(parts[0])) == (0, 2, 0)
        assert log.committed("g") == {parts[1]: 1}
        assert log.append([new(parts[1], b"c")]) == [2]
    finally:
        log.close()


def test_a_topic_with_records_keeps_its_partitions(log: Log) -> None:
    assert len(log.declare("t", 2, TopicRules()).parts) == 2
    grown = log.declare("t", 4, TopicRules())
    assert len(grown.parts) == 4
    log.append([new(grown.parts[3], b"a")])
    assert log.declare("t", 8, TopicRules(deleting=True)).parts == grown.parts
    assert log.topics["t"].rules == TopicRules(deleting=True)


def test_deleting_keeps_the_books(log: Log) -> None:
    (part,) = log.declare("t", 1, TopicRules()).parts
    log.append([new(part, b"four", key=b"k") for _ in range(3)])
    rows = [part << 40 | 0, part << 40 | 1]
    log.delete(part, rows)
    with sqlite3.connect(log.path) as connection:
        books = connection.execute("SELECT records, bytes FROM usage").fetchall()
    connection.close()
    assert books == [(1, 5)]
    assert (log.start(part), log.end(part)) == (2, 3)


def test_a_foreign_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tickets.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE ticket (id INTEGER)")
    connection.close()
    with pytest.raises(LogNotUnderstood):
        Log(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("ticket",)]
    connection.close()


def test_a_forgotten_group_has_no_position(log: Log) -> None:
    (part,) = log.declare("t", 1, TopicRules()).parts
    log.append([new(part, b"a")], {"g": {part: 1}, "h": {part: 1}})
    log.forget_group("g")
    assert (log.committed("g"), log.committed("h")) == ({}, {part: 1})


def test_nobody_else_may_read_the_file(log: Log) -> None:
    log.declare("t", 1, TopicRules())
    modes = {path.name: path.stat().st_mode & 0o777 for path in log.path.parent.iterdir()}
    assert modes == dict.fromkeys(["log.db", "log.db-wal", "log.db-shm"], 0o600)
