"""The app's own partition assignor, run for a cluster of one member: this worker."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from faust.types import TP

_MEMBER = "embedded"


@dataclass(frozen=True)
class OneMemberCluster:
    """What the assignor asks of a cluster: the partitions of each topic."""

    partitions: Mapping[str, int]

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        count = self.partitions.get(topic)
        return None if count is None else set(range(count))


def assign(assignor: Any, topics: Iterable[str], partitions: Mapping[str, int]) -> set[TP]:
    """Run the assignor and tell it the result, as a group coordinator would."""
    metadata = assignor.metadata(set(topics))
    assignment = assignor.assign(OneMemberCluster(partitions), {_MEMBER: metadata})[_MEMBER]
    assignor.on_assignment(assignment)
    return {TP(topic, number) for topic, numbers in assignment.assignment for number in numbers}
