"""When a failed delivery is tried again: growing waits over days, as data."""

import random
from dataclasses import dataclass
from datetime import timedelta

_MINUTE, _HOUR = 60.0, 3_600.0
# Never longer than an hour, so that the return of a peer to which nothing new is owed meanwhile is
# noticed within the hour; four and a half days in all.
DEFAULT_WAITS = (2.0, 5.0, 15.0, _MINUTE, 3 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR)
DEFAULT_LAST_TIMES = 107


@dataclass(frozen=True)
class Schedule:
    """waits: seconds after the first, second ... failed try; then there is no more.

    last_times: how often the last of them is waited.
    jitter: share by which a wait is drawn longer at most, so that what failed together is not
    tried together.
    """

    waits: tuple[float, ...] = DEFAULT_WAITS
    last_times: int = DEFAULT_LAST_TIMES
    jitter: float = 0.2

    @property
    def most_attempts(self) -> int:
        return len(self.waits) + self.last_times

    @property
    def longest(self) -> timedelta:
        return timedelta(seconds=max(self.waits) * (1 + self.jitter))

    def wait(self, attempts: int, rng: random.Random) -> timedelta | None:
        """How long to wait after so many tries; None when there were enough."""
        if attempts >= self.most_attempts:
            return None
        seconds = self.waits[min(attempts, len(self.waits)) - 1]
        return timedelta(seconds=seconds * (1 + self.jitter * rng.random()))
