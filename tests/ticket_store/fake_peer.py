"""A peer with its own book of what arrived, and faults that a seeded draw hands out."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.errors import PeerUnavailable
from schemas.outbound import Outbound, Receipt
from tests.ticket_store.hub_case import seeded


@dataclass(frozen=True)
class Faults:
    """Shares of calls that go wrong, and how."""

    unavailable: float = 0.0  # not applied, and said so
    answer_lost: float = 0.0  # applied, but no answer
    connection_lost: float = 0.0  # not applied, and nobody knows
    our_fault: float = 0.0  # applied; our own code trips over the answer
    ask_fails: float = 0.0


@dataclass
class FakePeer:
    """Applies every call that reaches it, also a repeat: it knows no idempotency."""

    rng: random.Random = field(default_factory=lambda: seeded(1))
    faults: Faults = field(default_factory=Faults)
    raises: Exception | None = None  # instead of anything else
    gate: asyncio.Event | None = None  # calls hang here until it is set
    applied: Counter[str] = field(default_factory=Counter)
    order: dict[int, list[int]] = field(default_factory=dict)  # ticket -> sequences
    calls: int = 0
    asked: int = 0
    under_way: Counter[int] = field(default_factory=Counter)  # ticket -> calls at once
    most_at_once: int = 0
    most_per_ticket: int = 0

    async def deliver(self, outbound: Outbound) -> Receipt:
        self.calls += 1
        self.under_way[outbound.ticket_id] += 1
        self.most_at_once = max(self.most_at_once, self.under_way.total())
        self.most_per_ticket = max(self.most_per_ticket, self.under_way[outbound.ticket_id])
        try:
            return await self._deliver(outbound)
        finally:
            self.under_way[outbound.ticket_id] -= 1

    async def _deliver(self, outbound: Outbound) -> Receipt:
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        if self.raises is not None:
            raise self.raises
        draw, faults = self.rng.random(), self.faults
        if (draw := draw - faults.unavailable) < 0:
            raise PeerUnavailable("city", "overloaded", peer_code="503")
        if (draw := draw - faults.connection_lost) < 0:
            raise PeerUnavailable("city", "connection lost", uncertain=True)
        self.applied[outbound.key] += 1
        self.order.setdefault(outbound.ticket_id, []).append(outbound.sequence)
        if (draw := draw - faults.answer_lost) < 0:
            raise PeerUnavailable("city", "no answer", uncertain=True)
        if draw - faults.our_fault < 0:
            raise KeyError("code")
        return Receipt(peer_code="0", peer_answer="ok")

    async def ask(self, outbound: Outbound) -> Receipt | None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.rng.random() < self.faults.ask_fails:
            raise PeerUnavailable("city", "overloaded", peer_code="503")
        return Receipt(peer_code="0") if self.applied[outbound.key] else None

    def doubled(self) -> list[str]:
        return [key for key, times in self.applied.items() if times > 1]

    def lost(self, keys: Sequence[str]) -> list[str]:
        return [key for key in keys if not self.applied[key]]
