"""What the processors are given: built once by hub.assembly, handed down by argument."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from connectors.base import Connector
from schemas.clock_running import ClockPolicy
from schemas.ids import TicketIds
from schemas.proposal import Proposal
from schemas.ticket import Registration, Ticket
from streams.progress import Progress
from streams.waiting import Wake
from ticket_store.store import Store


class Proposer(Protocol):
    """Which department; pure, and quick enough to be called a ticket at a time in a thread."""

    def propose(self, registration: Registration, ticket: Ticket) -> Proposal: ...


@dataclass(frozen=True)
class Timing:
    """Seconds. Wakes end most pauses early; these are for what another process has done.

    follow:    how often a worker that does not lead looks whether it does now.
    reoffer:   what has had no outcome for so long is put on its topic again.
    patience:  how long an act waits for a ticket that nobody has registered.
    held:      rest after a peer refused our credentials.
    """

    relay: float = 0.5
    follow: float = 1.0
    tick: float = 5.0
    sweep: float = 5.0
    reoffer: float = 30.0
    patience: float = 600.0
    calendar: float = 60.0
    held: float = 3600.0


@dataclass(frozen=True)
class Wakes:
    """Set `inbound` when a body became a row, `outbox` when a command was committed."""

    inbound: Wake = field(default_factory=Wake)
    outbox: Wake = field(default_factory=Wake)
    ticks: Wake = field(default_factory=Wake)
    sweeps: Wake = field(default_factory=Wake)


@dataclass(frozen=True)
class StreamDeps:
    """connectors: by name of the settings entry. policy: limits and calendar as they stand now.

    leads: whether this worker runs the loops that only one may run; always, where it is alone.
    """

    store: Store
    connectors: Mapping[str, Connector]
    proposer: Proposer
    ids: TicketIds
    policy: Callable[[], ClockPolicy]
    now: Callable[[], datetime]
    progress: Progress
    wakes: Wakes = field(default_factory=Wakes)
    timing: Timing = Timing()
    leads: Callable[[], bool] = lambda: True
