"""Looking into a log from outside, beside its worker or without one."""

import sqlite3
from pathlib import Path

import pytest

from streams.embedded import PartitionInfo, inspect
from streams.embedded.log import Log
from streams.embedded.records import NewRecord, TopicRules


def test_partitions_sizes_and_lag_are_reported_beside_an_open_log(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.db")
    full, empty = log.declare("b", 2, TopicRules(compacting=True)).parts
    log.declare("a", 1, TopicRules())
    log.append(
        [NewRecord(full, at_ms, b"key", b"value") for at_ms in (5, 6, 7)],
        {"sla": {full: 1, empty: 0}, "assign": {full: 3}},
    )
    expected = [
        PartitionInfo("a", 0, False, 0, 0, 0, 0, None, None, {}),
        PartitionInfo("b", 0, True, 0, 3, 3, 24, 5, 7, {"sla": 2, "assign": 0}),
        PartitionInfo("b", 1, True, 0, 0, 0, 0, None, None, {"sla": 0}),
    ]
    assert inspect(tmp_path / "log.db") == expected
    log.close()
    assert inspect(tmp_path / "log.db") == expected


def test_no_file_is_an_error_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        inspect(tmp_path / "log.db")
    assert list(tmp_path.iterdir()) == []
