"""Compares what the store holds with the peers' own books. What is owed is counted again from the
events, with the subscription rule; the delivery table is not asked."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from hub.demo.api_client import Acknowledged
from hub.demo.claims import Claim
from schemas.events import Recorded
from schemas.ids import ticket_no
from schemas.parties import Actor, Role
from schemas.ticket import Ticket
from ticket_store.inbound import InboundMessage, MessageOutcome
from ticket_store.scope import scope_of
from ticket_store.store import Store
from ticket_store.ticket_query import TicketQuery

LEADER = scope_of(Actor(actor_id="system:settlement", roles=frozenset({Role.LEADER})))
_PAGE = 500
_OUTSIDE = ("peer:", "citizen")  # actors whose acts come from the peers
# what a kept message of the portal says that it is -> the event that it makes
_PORTAL_KINDS = {"supplement": "matter_supplemented", "rating": "ticket_rated"}


@dataclass(frozen=True)
class Held:
    """What the store holds of some peers' tickets and messages."""

    tickets: Mapping[int, Ticket]
    histories: Mapping[int, Sequence[Recorded]]
    messages: Sequence[InboundMessage] = ()


@dataclass
class Settlement:
    """Each finding in words, for people."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.out_of_order)

    def lines(self) -> Iterator[str]:
        for kind, findings in vars(self).items():
            yield from (f"{kind}: {finding}" for finding in findings)


async def read_store(store: Store, peers: Sequence[str]) -> Held:
    """All tickets and messages of these peers."""
    ids: list[int] = []
    messages: list[InboundMessage] = []
    for peer in peers:
        async for rows in store.search.export(TicketQuery(peer=peer), LEADER):
            ids += [row.ticket_id for row in rows]
        last: int | None = None
        while page := await store.inbound.browse(peer=peer, before_id=last, limit=_PAGE):
            messages += page
            last = page[-1].message_id
    tickets: dict[int, Ticket] = {}
    for start in range(0, len(ids), _PAGE):
        tickets |= await store.tickets.heads(ids[start : start + _PAGE])
    histories = {one: await store.tickets.history(one) for one in tickets}
    return Held(tickets, histories, messages)


def compare(
    claims: Sequence[Claim], held: Held, acknowledged: Sequence[Acknowledged] = ()
) -> Settlement:
    """acknowledged: answers that the people got to their commands."""
    found = Settlement()
    for claim in claims:
        tickets = {
            ticket_id: ticket
            for ticket_id, ticket in held.tickets.items()
            if ticket.peer == claim.peer
        }
        messages = [message for message in held.messages if message.peer == claim.peer]
        _compare_numbers(claim, tickets, found)
        _compare_messages(claim, messages, found)
        for ticket_id, ticket in tickets.items():
            _compare_book(claim, ticket, held.histories[ticket_id], found)
            _compare_acts(claim, ticket, held.histories[ticket_id], found)
        found.doubled += [f"{claim.peer}: an event applied twice"] * claim.book.doubled
        found.out_of_order += [f"{claim.peer}: an older event later"] * claim.book.out_of_order
        found.lost += [f"{claim.peer}: a repeated call got another answer"] * claim.changed
    for history in held.histories.values():
        _compare_commands(history, found)
    for answer in acknowledged:
        _compare_answer(answer, held.histories.get(answer.ticket_id, ()), found)
    return found


def _number(claim: Claim, ticket: Ticket) -> str:
    return ticket_no(ticket.ticket_id) if claim.ours else ticket.source_ticket_no or ""


def _compare_numbers(claim: Claim, tickets: Mapping[int, Ticket], found: Settlement) -> None:
    """One ticket a number: none is lost, two are doubled, one nobody asked for is doubled too."""
    counted = Counter(_number(claim, ticket) for ticket in tickets.values())
    for number in sorted(claim.numbers - counted.keys()):
        found.lost.append(f"{claim.peer}: {number} was handed in and is no ticket")
    for number, count in sorted(counted.items()):
        if number not in claim.numbers:
            found.doubled.append(f"{claim.peer}: {number} is a ticket that nobody was told of")
        elif count > 1:
            found.doubled.append(f"{claim.peer}: {number} is {count} tickets")


def _compare_messages(claim: Claim, messages: Sequence[InboundMessage], found: Settlement) -> None:
    kept = {message.content for message in messages}
    missing = len(claim.bodies - kept)
    found.lost += [f"{claim.peer}: a message that was handed in is no row"] * missing
    for message in messages:
        if message.outcome is None:
            found.lost.append(f"{claim.peer}: message {message.message_id} has no outcome")
        elif message.outcome is MessageOutcome.DEAD and message.content not in claim.garbage:
            found.lost.append(f"{claim.peer}: message {message.message_id} died: {message.detail}")
    if claim.taken:
        rows = Counter(_portal_act(message) for message in messages)
        for act, count in claim.taken.items():
            missing = max(0, count - rows[act])
            found.lost += [f"{claim.peer}: {act[1]} of {act[0]} was taken, no row"] * missing


def _portal_act(message: InboundMessage) -> tuple[str, str]:
    body = json.loads(message.content)
    return ticket_no(body["ticket_id"]), _PORTAL_KINDS.get(body["kind"], body["kind"])


def _compare_book(
    claim: Claim, ticket: Ticket, history: Sequence[Recorded], found: Settlement
) -> None:
    """Every event that is owed has arrived, nothing else has, and the last state is the same."""
    number = _number(claim, ticket)
    owed = {one.sequence: one.event for one in history if one.event.kind in claim.told}
    applied = claim.book.sequences(number)
    for sequence in sorted(owed.keys() - applied):
        kind = owed[sequence].kind
        found.lost.append(f"{claim.peer}: {number} was not told event {sequence} ({kind})")
    for sequence in sorted(applied - owed.keys()):
        found.lost.append(f"{claim.peer}: {number} was told event {sequence}, the store has none")
    if owed and owed.keys() == applied:
        state = owed[max(owed)].state
        if claim.book.state_of(number) != claim.codes[state]:
            there = claim.book.state_of(number)
            found.lost.append(f"{claim.peer}: {number} is {state} here and {there} there")


def _compare_acts(
    claim: Claim, ticket: Ticket, history: Sequence[Recorded], found: Settlement
) -> None:
    """No act of the peer has taken effect more often than it was done."""
    number = _number(claim, ticket)
    kinds = {kind for _, kind in claim.acts} | {"matter_supplemented", "ticket_rated"}
    done = Counter[str](
        one.event.kind for one in history if one.actor.actor_id.startswith(_OUTSIDE)
    )
    for kind in sorted(kinds):
        more = done[kind] - claim.acts.get((number, kind), 0)
        found.doubled += [f"{claim.peer}: {number} has one {kind} too many"] * max(0, more)


def _compare_commands(history: Sequence[Recorded], found: Settlement) -> None:
    """A command's events stand together; the same command again further down was done twice."""
    runs = [command_id for command_id, _ in groupby(history, lambda one: one.command_id)]
    for command_id, count in Counter(runs).items():
        if count > 1:
            number = ticket_no(history[0].ticket_id)
            found.doubled.append(f"{number}: command {command_id} took effect {count} times")


def _compare_answer(answer: Acknowledged, history: Sequence[Recorded], found: Settlement) -> None:
    """What a person was told is done must stand in the history just so."""
    first = answer.version - len(answer.kinds)
    kinds = tuple(one.event.kind for one in history[first : answer.version])
    if kinds != answer.kinds:
        number, said = ticket_no(answer.ticket_id), "+".join(answer.kinds)
        found.lost.append(f"{number}: {said} at version {answer.version} was answered, not kept")
