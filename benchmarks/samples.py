"""Looks at a running hub every few seconds: resident memory of each process, and what waits."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from hub.demo.fleet import Fleet
from hub.demo.hub_process import rss_mb
from schemas.outbound import DeliveryState

DRIVER = "driver"  # the peers, the people and the counting
_WAITS = (DeliveryState.PENDING, DeliveryState.UNCERTAIN, DeliveryState.HELD)


@dataclass(frozen=True)
class Sample:
    """at: seconds since the first. rss_mb: by process, of those that run.

    backlog: deliveries not settled, messages without outcome, and rows of the outbox.
    """

    at: float
    rss_mb: Mapping[str, float]
    backlog: int


@dataclass
class Samples:
    fleet: Fleet
    peers: Sequence[str]
    taken: list[Sample] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    async def take(self) -> Sample:
        """Raises: StoreBusy."""
        store = self.fleet.hub.store
        owed = await store.deliveries.owed_counts()
        deliveries = sum(owed.get(peer, {}).get(one, 0) for peer in self.peers for one in _WAITS)
        waiting = (await store.inbound.tally())["waiting"]
        memory = {one.name: one.rss_mb() for one in self.fleet.processes if one.running}
        sample = Sample(
            time.monotonic() - self._began,
            memory | {DRIVER: rss_mb(os.getpid())},
            deliveries + waiting + await store.outbox.length(),
        )
        self.taken.append(sample)
        return sample

    def between(self, start: float, end: float) -> "Window":
        """The mean of what was seen from `start` to `end`, in seconds since the first look."""
        seen = [one for one in self.taken if start <= one.at < end]
        names = sorted({name for one in seen for name in one.rss_mb})
        memory = {
            name: fmean(one.rss_mb[name] for one in seen if name in one.rss_mb) for name in names
        }
        return Window(memory, fmean(one.backlog for one in seen) if seen else 0.0)


@dataclass(frozen=True)
class Window:
    """Means over some minutes."""

    rss_mb: Mapping[str, float]
    backlog: float
