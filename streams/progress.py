"""Which loop or processor stands still: what /health/ready asks."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Part:
    """One loop or processor. Times are seconds of the monotonic clock that was handed in.

    busy_since:   when what is under way began; None between two rounds.
    owing_since:  since when there has been a backlog without a break.
    """

    clock: Callable[[], float]
    last: float
    busy_since: float | None = None
    owing_since: float | None = None
    backlog: int = 0

    def begins(self) -> None:
        if self.busy_since is None:
            self.busy_since = self.clock()

    def moves(self) -> None:
        """Within something long: it gets on, as page after page of a first poll."""
        self.busy_since = self.last = self.clock()

    def ends(self) -> None:
        self.busy_since, self.last = None, self.clock()

    def owes(self, count: int) -> None:
        self.backlog = count
        if count == 0:
            self.owing_since = None
        elif self.owing_since is None:
            self.owing_since = self.clock()

    def stalled_seconds(self) -> float:
        """How long it has been at one thing, or behind; 0 when neither."""
        since = [at for at in (self.busy_since, self.owing_since) if at is not None]
        return self.clock() - min(since) if since else 0.0


@dataclass
class Progress:
    clock: Callable[[], float]
    parts: dict[str, Part] = field(default_factory=dict)

    def part(self, name: str) -> Part:
        if name not in self.parts:
            self.parts[name] = Part(self.clock, self.clock())
        return self.parts[name]

    def stalled(self, after_seconds: float) -> list[str]:
        """Names of the parts that have stood still for longer; empty when all is well."""
        return [name for name, part in self.parts.items() if part.stalled_seconds() > after_seconds]
