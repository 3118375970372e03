"""What expiry and compaction remove, and what they never do."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from streams.embedded.log import Log
from streams.embedded.records import NewRecord, TopicRules
from streams.embedded.retention import SLICE, Horizon, Sweeper, sweep

HORIZON = Horizon(now_ms=1_000, default_retention_ms=500, tombstone_ms=500)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "log.db", synchronous="OFF")
    yield log
    log.close()


def filled(
    log: Log, rules: TopicRules, records: Sequence[tuple[int, bytes | None, bytes | None]]
) -> int:
    (part,) = log.declare("t", 1, rules).parts
    log.append([NewRecord(part, at_ms, key, value) for at_ms, key, value in records])
    return part


def offsets(log: Log, part: int) -> list[int]:
    return [record.offset for record in log.fetch(part, 0, 10_000, 1 << 30)]


def test_old_records_expire_from_the_front(log: Log) -> None:
    part = filled(
        log, TopicRules(retention_ms=300), [(at, b"k", b"v") for at in range(0, 1000, 100)]
    )
    assert sweep(log, HORIZON) == 7
    assert offsets(log, part) == [7, 8, 9]


def test_a_topic_that_names_no_retention_gets_the_default(log: Log) -> None:
    part = filled(log, TopicRules(), [(at, b"k", b"v") for at in (100, 499, 500, 600)])
    sweep(log, HORIZON)
    assert offsets(log, part) == [2, 3]


def test_the_last_record_stays_so_that_offsets_never_go_back(log: Log) -> None:
    part = filled(log, TopicRules(retention_ms=1), [(0, b"k", b"v")] * 5)
    sweep(log, HORIZON)
    assert offsets(log, part) == [4]
    again = Log(log.path, synchronous="OFF")
    assert again.append([NewRecord(part, 0, b"k", b"v")]) == [5]
    again.close()


def test_a_partition_that_grew_too_large_loses_its_oldest(log: Log) -> None:
    rules = TopicRules(retention_ms=10_000, retention_bytes=35)
    part = filled(log, rules, [(999, b"", b"x" * 10)] * 8)
    sweep(log, HORIZON)
    assert offsets(log, part) == [5, 6, 7]


def test_what_a_group_has_still_to_read_stays(log: Log) -> None:
    part = filled(log, TopicRules(retention_ms=1), [(0, b"k", b"v")] * 9)
    log.append([], {"fast": {part: 8}, "slow": {part: 3}})
    sweep(log, HORIZON)
    assert offsets(log, part) == [3, 4, 5, 6, 7, 8]
    log.forget_group("slow")
    sweep(log, HORIZON)
    assert offsets(log, part) == [8]


def test_compaction_keeps_the_last_of_each_key_and_records_without_one(log: Log) -> None:
    records = [(0, key, b"v") for key in (b"a", b"b", b"a", None, b"b", b"c")]
    part = filled(log, TopicRules(compacting=True), records)
    assert sweep(log, HORIZON) == 2
    assert offsets(log, part) == [2, 3, 4, 5]


def test_compacted_topics_do_not_expire_unless_told_to(log: Log) -> None:
    records = [(at, b"%d" % at, b"v") for at in (0, 900, 950)]
    part = filled(log, TopicRules(compacting=True, retention_ms=300), records)
    sweep(log, HORIZON)
    assert offsets(log, part) == [0, 1, 2]
    log.declare("t", 1, TopicRules(compacting=True, deleting=True, retention_ms=300))
    sweep(log, HORIZON)
    assert offsets(log, part) == [1, 2]


def test_a_deletion_is_told_for_a_while_and_then_forgotten(log: Log) -> None:
    records = [
        (0, b"old", b"v"),
        (100, b"old", None),
        (0, b"young", b"v"),
        (900, b"young", None),
        (0, b"last", None),
    ]
    part = filled(log, TopicRules(compacting=True), records)
    sweep(log, HORIZON)
    assert offsets(log, part) == [3, 4]


def test_slices_are_small_and_a_clean_partition_is_skipped(log: Log) -> None:
    part = filled(log, TopicRules(compacting=True), [(0, b"k", b"v")] * (3 * SLICE + 10))
    sweeper = Sweeper(log)
    sizes = []
    for each in sweeper.slices(HORIZON):
        log.delete(each.part, each.rows)
        sizes.append(len(each.rows))
    assert sizes == [SLICE, SLICE, SLICE, 9]
    log.append([NewRecord(part, 0, b"k", b"v")])
    assert list(sweeper.slices(HORIZON)) == []
    assert [len(each.rows) for each in sweeper.slices(HORIZON, thorough=True)] == [1]
