"""A circuit breaker: a peer that fails again and again is left alone, then probed with one call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Circuit(StrEnum):
    CLOSED = "closed"  # calls go through
    OPEN = "open"  # nothing is sent until the time to probe
    HALF_OPEN = "half_open"  # one call, which decides


@dataclass(frozen=True)
class BreakerRule:
    """failures: in a row, before it opens; each failed probe doubles the wait, to the longest."""

    failures: int = 5
    first_wait_seconds: float = 5.0
    longest_wait_seconds: float = 60.0


class Breaker:
    """Counts what one peer's calls came to. `now` is the clock."""

    def __init__(self, rule: BreakerRule, now: Callable[[], datetime]) -> None:
        self._rule, self._now = rule, now
        self._failures = 0
        self._wait = rule.first_wait_seconds
        self._probe_at: datetime | None = None

    @property
    def circuit(self) -> Circuit:
        if self._probe_at is None:
            return Circuit.CLOSED
        return Circuit.OPEN if self.seconds_to_probe() > 0 else Circuit.HALF_OPEN

    def seconds_to_probe(self) -> float:
        """0 when a call may go through now."""
        if self._probe_at is None:
            return 0.0
        now = self._now()
        # a clock that was set back must not make it wait for longer than it meant to
        self._probe_at = min(self._probe_at, now + timedelta(seconds=self._wait))
        return max(0.0, (self._probe_at - now).total_seconds())

    def succeeded(self) -> bool:
        """Note an answer of the peer, also a refusal; True when it had been lost until now."""
        was_lost = self._probe_at is not None
        self._failures, self._probe_at = 0, None
        self._wait = self._rule.first_wait_seconds
        return was_lost

    def failed(self) -> bool:
        """Note a call without an answer; True when this one makes the peer lost."""
        self._failures += 1
        if self._failures < self._rule.failures:
            return False
        newly = self._probe_at is None
        if not newly and self.circuit is Circuit.OPEN:
            return False  # of a call that was under way when it opened
        if not newly:
            self._wait = min(self._wait * 2, self._rule.longest_wait_seconds)
        self._probe_at = self._now() + timedelta(seconds=self._wait)
        return newly
