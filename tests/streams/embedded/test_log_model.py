"""The log against a model: lists in memory, under any sequence of what may be asked of it."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streams.embedded.log import Log
from streams.embedded.records import NewRecord, Record, TopicRules
from streams.embedded.retention import Horizon, sweep

_KEYS = st.sampled_from([b"a", b"b", b"c", None])
_VALUES = st.one_of(st.none(), st.binary(max_size=20))
_PARTS = st.integers(0, 3)  # two of a compacted topic, two of an expiring one


class LogMachine(RuleBasedStateMachine):
    """Appends, commits, sweeps and reopens; after each step both must hold the same."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "log.db"
        self.log = Log(self.path, synchronous="OFF")
        compacted = self.log.declare("compacted", 2, TopicRules(compacting=True)).parts
        expiring = self.log.declare("expiring", 2, TopicRules(retention_ms=10)).parts
        self.parts = [*compacted, *expiring]
        self.compacted = set(compacted)
        self.model: dict[int, list[Record]] = {part: [] for part in self.parts}
        self.ends = dict.fromkeys(self.parts, 0)
        self.committed: dict[int, int] = {}
        self.now = 0

    def teardown(self) -> None:
        self.log.close()
        self.folder.cleanup()

    @rule(batch=st.lists(st.tuples(_PARTS, _KEYS, _VALUES), max_size=40))
    def append(self, batch: list[tuple[int, bytes | None, bytes | None]]) -> None:
        records = [NewRecord(self.parts[at], self.now, key, value) for at, key, value in batch]
        given = self.log.append(records)
        for record, offset in zip(records, given, strict=True):
            assert offset == self.ends[record.part]
            self.ends[record.part] += 1
            self.model[record.part].append(
                Record(offset, record.at_ms, record.key, record.value, ())
            )

    @rule(at=_PARTS, share=st.floats(0, 1))
    def commit(self, at: int, share: float) -> None:
        part = self.parts[at]
        position = int(self.ends[part] * share)
        self.log.append([], {"g": {part: position}})
        self.committed[part] = position

    @rule(ms=st.integers(1, 15))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @rule()
    def sweep(self) -> None:
        horizon = Horizon(self.now, default_retention_ms=10, tombstone_ms=20)
        sweep(self.log, horizon)
        for part, records in self.model.items():
            self.model[part] = self._kept(part, records, horizon)

    def _kept(self, part: int, records: list[Record], horizon: Horizon) -> list[Record]:
        if not records:
            return records
        stop = min(records[-1].offset, self.committed.get(part, records[-1].offset))
        if part in self.compacted:
            latest = {record.key: record.offset for record in records}
            cutoff = horizon.now_ms - horizon.tombstone_ms
            return [
                record
                for record in records
                if record.offset >= stop
                or record.key is None
                or (
                    latest[record.key] == record.offset
                    and (record.value is not None or record.at_ms >= cutoff)
                )
            ]
        cutoff = horizon.now_ms - horizon.default_retention_ms
        return [record for record in records if record.offset >= stop or record.at_ms >= cutoff]

    @rule()
    def reopen(self) -> None:
        self.log.close()
        self.log = Log(self.path, synchronous="OFF")

    @invariant()
    def the_log_holds_what_the_model_holds(self) -> None:
        for part, records in self.model.items():
            assert self.log.fetch(part, 0, 10_000, 1 << 30) == records
            assert self.log.end(part) == self.ends[part]
            assert self.log.start(part) == (records[0].offset if records else 0)
        assert self.log.committed("g") == self.committed


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
