"""What a peer handed in and what it was told, as its own books have it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.demo.peers.books import Book
from schemas.ticket import State

Act = tuple[str, str]  # the peer's ticket number, the kind of event that the act makes


@dataclass(frozen=True)
class Claim:
    """One peer's side of a settlement.

    numbers: each must be one ticket. ours: they are the hub's numbers, not the peer's.
    codes:   state -> the peer's code, as `book` has it.
    told:    kinds of events that the peer is owed.
    bodies:  messages that the hub said it has, or that lie there to be read; garbage: those of
             them that nobody can understand.
    acts:    how often the peer did something to a ticket; taken: how often the hub said "got it".
    changed: answers to a repeated call that differed from the first one.
    """

    peer: str
    numbers: frozenset[str]
    book: Book
    codes: Mapping[State, str]
    told: frozenset[str]
    ours: bool = False
    bodies: frozenset[bytes] = frozenset()
    garbage: frozenset[bytes] = frozenset()
    acts: Mapping[Act, int] = field(default_factory=dict)
    taken: Mapping[Act, int] = field(default_factory=dict)
    changed: int = 0
