"""When a failed delivery is tried again: growing waits over days, as data."""

import random
from dataclasses import dataclass
from datetime import timedelta

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
# about four and a half days in all
DEFAULT_WAITS = (
    2.0, 5.0, 15.0, _MINUTE, 3 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR,
    12 * _HOUR, _DAY, _DAY, _DAY,
)  # fmt: skip


@dataclass(frozen=True)
class Schedule:
    """waits: seconds after the first, second ... failed try; after the last one there is no more.

    jitter: share by which a wait is drawn longer at most, so that what failed together is not
    tried together.
    """

    waits: tuple[float, ...] = DEFAULT_WAITS
    jitter: float = 0.2

    @property
    def most_attempts(self) -> int:
        return len(self.waits) + 1

    def wait(self, attempts: int, rng: random.Random) -> timedelta | None:
        """How long to wait after so many tries; None when there were enough."""
        if attempts > len(self.waits):
            return None
        seconds = self.waits[attempts - 1]
        return timedelta(seconds=seconds * (1 + self.jitter * rng.random()))
