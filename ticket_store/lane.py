"""One peer as the sender sees it: how it is called, and what is under way to it."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from schemas.outbound import Outbound, Receipt
from ticket_store.breaker import Breaker


class Deliverer(Protocol):
    """What the sender needs of a connector; raises the four ConnectorErrors."""

    async def deliver(self, outbound: Outbound) -> Receipt: ...

    async def ask(self, outbound: Outbound) -> Receipt | None: ...


@dataclass
class Lane:
    """One peer: its breaker, its tries under way, and counts for metrics.

    keys: of the deliveries under way here.
    seen: what the clock said at the last look; None before the first.
    """

    destination: str
    peer: Deliverer
    breaker: Breaker
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    tries: set[asyncio.Task[None]] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    seen: datetime | None = None
    tried: int = 0
    delivered: int = 0
    failed: int = 0
