"""A simulated peer's own book of what it applied; lost and doubled are counted from it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Update:
    """One update that the hub delivered.

    ticket_no:   the peer's own number of the ticket.
    key:         the idempotency key the hub sent, or what the dialect has in its place.
    state_code:  the state in the peer's words.
    sequence:    number of the hub's event in its ticket. It names the event whatever the key is, so
                 that an event sent under two keys is seen.
    """

    ticket_no: str
    key: str
    state_code: str
    sequence: int
    at: datetime


class Book:
    """What a peer holds, and what it noticed on the way.

    applied:       by ticket: (key, state code, when), in the order of arrival.
    arrived:       the tickets of all that was applied, in the order of arrival.
    doubled:       updates that took effect twice: the same event under two keys.
    out_of_order:  updates that arrived after a later one of the same ticket.
    repeated:      the same key again; answered as before, without effect. No fault: this is what
                   keys are for.
    """

    def __init__(self) -> None:
        self.applied: dict[str, list[tuple[str, str, datetime]]] = defaultdict(list)
        self.updates: dict[str, Update] = {}  # by key
        self.arrived: list[str] = []
        self.doubled = self.out_of_order = self.repeated = 0
        self._sequences: dict[str, set[int]] = defaultdict(set)

    def apply(self, update: Update) -> bool:
        """Write an update down; False when its key was applied before, and nothing changes."""
        if update.key in self.updates:
            self.repeated += 1
            return False
        seen = self._sequences[update.ticket_no]
        if update.sequence in seen:
            self.doubled += 1
        elif seen and update.sequence < max(seen):
            self.out_of_order += 1
        seen.add(update.sequence)
        self.updates[update.key] = update
        self.arrived.append(update.ticket_no)
        self.applied[update.ticket_no].append((update.key, update.state_code, update.at))
        return True

    def has(self, key: str) -> bool:
        return key in self.updates

    def state_of(self, ticket_no: str) -> str | None:
        """The state code of the latest event that was applied; None before the first."""
        updates = [self.updates[key] for key, _, _ in self.applied.get(ticket_no, ())]
        return max(updates, key=lambda update: update.sequence).state_code if updates else None

    def sequences(self, ticket_no: str) -> frozenset[int]:
        """The hub's events of a ticket that arrived."""
        return frozenset(self._sequences.get(ticket_no, ()))

    def __len__(self) -> int:
        return len(self.updates)
