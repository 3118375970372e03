"""How a demo ended: the numbers of docs' contract, and the findings behind them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.demo.settlement import Held, Settlement
from schemas.events import CardIssued, WarningFired
from schemas.outbound import DeliveryState
from ticket_store.inbound import MessageOutcome
from ticket_store.store import Store

_STILL_OWED = (DeliveryState.PENDING, DeliveryState.HELD)
_GIVEN_UP = (DeliveryState.DEAD, DeliveryState.REFUSED)


@dataclass(frozen=True)
class DemoSummary:
    """unsettled: what was still under way when the time was up."""

    tickets: int
    by_source: Mapping[str, int]
    by_state: Mapping[str, int]
    deliveries: Mapping[str, int]
    dead_letters: int
    warnings: int
    cards: Mapping[str, int]
    settlement: Settlement
    unsettled: Sequence[str]
    seconds: float

    @property
    def ok(self) -> bool:
        owed = self.deliveries["pending"] + self.deliveries["uncertain"]
        return self.settlement.clean and not owed

    def as_json(self) -> dict[str, Any]:
        return {
            "tickets": self.tickets,
            "by_source": dict(self.by_source),
            "by_state": dict(self.by_state),
            "deliveries": dict(self.deliveries),
            "dead_letters": self.dead_letters,
            "warnings": self.warnings,
            "cards": dict(self.cards),
            "lost": len(self.settlement.lost),
            "doubled": len(self.settlement.doubled),
            "seconds": round(self.seconds, 1),
        }

    def as_text(self) -> str:
        """For people: the numbers, and whatever is wrong."""
        facts = self.as_json()
        lines = [f"{name}: {value}" for name, value in facts.items()]
        return "\n".join([*lines, *self.problems()])

    def problems(self) -> list[str]:
        return [*(f"unsettled: {one}" for one in self.unsettled), *self.settlement.lines()]


async def summary_of(
    store: Store,
    peers: Sequence[str],
    held: Held,
    settlement: Settlement,
    unsettled: Sequence[str],
    seconds: float,
) -> DemoSummary:
    """Count what the store holds of these peers."""
    counts = await store.deliveries.counts()
    states = Counter[DeliveryState]()
    for peer in peers:
        states.update(counts.get(peer, {}))
    happened = [one.event for history in held.histories.values() for one in history]
    cards = Counter(event.colour.value for event in happened if isinstance(event, CardIssued))
    return DemoSummary(
        tickets=len(held.tickets),
        by_source=Counter(ticket.source.value for ticket in held.tickets.values()),
        by_state=Counter(ticket.state.value for ticket in held.tickets.values()),
        deliveries={
            "delivered": states[DeliveryState.DELIVERED],
            "pending": sum(states[state] for state in _STILL_OWED),
            "uncertain": states[DeliveryState.UNCERTAIN],
            "dead": sum(states[state] for state in _GIVEN_UP),
        },
        dead_letters=sum(one.outcome is MessageOutcome.DEAD for one in held.messages),
        warnings=sum(isinstance(event, WarningFired) for event in happened),
        cards={"yellow": cards["yellow"], "red": cards["red"]},
        settlement=settlement,
        unsettled=unsettled,
        seconds=seconds,
    )
