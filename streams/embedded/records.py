"""What the log holds: topics, their rules, and records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# A record's row id is partition id and offset in one integer, so that a partition is one run of
# the table's own b-tree: appends, fetches and the bounds need no second index.
OFFSET_BITS = 40
_OFFSET_MASK = (1 << OFFSET_BITS) - 1
_FOR_EVER_MS = 1 << 60

Headers = tuple[tuple[str, bytes], ...]


def row_id(part: int, offset: int) -> int:
    return part << OFFSET_BITS | offset


def offset_of(row: int) -> int:
    return row & _OFFSET_MASK


def row_range(part: int) -> tuple[int, int]:
    """Return the first and last row id a partition may use."""
    return row_id(part, 0), row_id(part, _OFFSET_MASK)


@dataclass(frozen=True)
class TopicRules:
    """How long a topic keeps its records; None means no such limit was named.

    retention_bytes: of keys and values, per partition.
    """

    compacting: bool = False
    deleting: bool = False
    retention_ms: int | None = None
    retention_bytes: int | None = None

    @property
    def expires(self) -> bool:
        """True if old records go: Kafka's cleanup policy `delete`, which is also its default."""
        return self.deleting or not self.compacting


def topic_rules(
    retention_seconds: float | None,
    *,
    compacting: bool,
    deleting: bool,
    config: Mapping[str, Any],
) -> TopicRules:
    """Translate a Faust topic's and Kafka's settings; Kafka's win, and their -1 is no limit."""
    retention_ms = int(retention_seconds * 1000) if retention_seconds else None
    policy = config.get("cleanup.policy")
    if policy is not None:
        compacting, deleting = "compact" in policy, "delete" in policy
    if "retention.ms" in config:
        retention_ms = int(config["retention.ms"])
    retention_bytes = int(config.get("retention.bytes", -1))
    return TopicRules(
        compacting=compacting,
        deleting=deleting,
        retention_ms=_FOR_EVER_MS if retention_ms == -1 else retention_ms,
        retention_bytes=None if retention_bytes == -1 else retention_bytes,
    )


@dataclass(frozen=True)
class Topic:
    """A topic as it stands in the log; `parts` are the partitions' ids by number."""

    name: str
    rules: TopicRules
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record on its way into partition id `part`; `at_ms` is milliseconds since the epoch."""

    part: int
    at_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def size(self) -> int:
        return len(self.key or b"") + len(self.value or b"")


@dataclass(frozen=True, slots=True)
class Record:
    """A record as read back."""

    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


Offsets = Mapping[str, Mapping[int, int]]
"""Committed positions: group -> partition id -> next offset to read."""
