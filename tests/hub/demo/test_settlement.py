"""The settlement sees each kind of loss and double, and nothing where there is none."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest

from hub.demo.api_client import Acknowledged
from hub.demo.claims import Claim
from hub.demo.peers.books import Book, Update
from hub.demo.settlement import Held, Settlement, compare
from schemas import events as ev
from schemas.evolve import evolve
from schemas.matter import MatterKind, Urgency
from schemas.parties import Actor, Role
from schemas.ticket import HandlingMode, Source, State, Ticket
from ticket_store.inbound import InboundMessage, MessageOutcome

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
TICKET_ID, NUMBER = 245366873341952, "SZ1"
TOLD = frozenset({"ticket_registered", "ticket_accepted", "ticket_declined"})
CODES = {State.RECEIVED: "10", State.ACCEPTED: "11", State.DECLINED: "50"}
PEER = Actor(actor_id="peer:hotline", roles=frozenset({Role.PEER}))
NOBODY = UUID(int=0)

EVENTS: tuple[ev.Event, ...] = (
    ev.TicketRegistered(
        state=State.RECEIVED, source=Source.HOTLINE12345, peer="hotline", source_ticket_no=NUMBER,
        superior_assigned=False, title="路灯", matter_kind=MatterKind.COMPLAINT,
        urgency=Urgency.NORMAL, category_code=None, area_code=None, has_citizen=False,
        handling_mode=HandlingMode.DISPATCH, received_at=AT, peer_updated_at=AT,
    ),
    ev.MatterSupplemented(state=State.RECEIVED),
    ev.TicketAccepted(state=State.ACCEPTED),
)  # fmt: skip


def history(*events: ev.Event, again: int | None = None) -> list[ev.Recorded]:
    """again: sequence of an event that came from the first command once more."""
    return [
        ev.Recorded(
            ticket_id=TICKET_ID, sequence=number, at=AT, actor=PEER,
            command_id=uuid5(NOBODY, str(1 if number == again else number)), event=event,
        )
        for number, event in enumerate(events, 1)
    ]  # fmt: skip


def held(recorded: list[ev.Recorded], ticket_id: int = TICKET_ID) -> Held:
    ticket: Ticket | None = None
    for one in recorded:
        ticket = evolve(ticket, one.event, one.sequence, ticket_id, one.at)
    assert ticket is not None
    return Held({ticket_id: ticket}, {ticket_id: recorded}, [message(b"first")])


def message(
    content: bytes, outcome: MessageOutcome | None = MessageOutcome.REGISTERED
) -> InboundMessage:
    return InboundMessage(
        message_id=1, peer="hotline", source=Source.HOTLINE12345, peer_message_no="SZ1:1",
        content_type="application/json", content=content, received_at=AT, ticket_id=TICKET_ID,
        offered_at=AT, offers=1, outcome=outcome, detail="", settled_at=AT, replays=0,
    )  # fmt: skip


def book(*sequences: int, **keys: int) -> Book:
    """Has applied these events; a keyword is a key of its own for an event."""
    filled = Book()
    states = {1: "10", 3: "11"}
    for sequence in sequences:
        filled.apply(Update(NUMBER, f"k{sequence}", states[sequence], sequence, AT))
    for key, sequence in keys.items():
        filled.apply(Update(NUMBER, key, states[sequence], sequence, AT))
    return filled


def claim(filled: Book) -> Claim:
    return Claim(
        peer="hotline", numbers=frozenset({NUMBER}), book=filled, codes=CODES, told=TOLD,
        bodies=frozenset({b"first"}), acts={(NUMBER, "matter_supplemented"): 1},
    )  # fmt: skip


GOOD = claim(book(1, 3))
STORED = history(*EVENTS)


def test_what_agrees_has_no_finding() -> None:
    assert compare([GOOD], held(STORED)).clean


Change = Callable[[], Settlement]


@pytest.mark.parametrize(
    ("kind", "words", "settled"),
    [
        ("lost", "is no ticket",
         lambda: compare([replace(GOOD, numbers=frozenset({NUMBER, "SZ2"}))], held(STORED))),
        ("lost", "not told event 3", lambda: compare([claim(book(1))], held(STORED))),
        ("lost", "told event 3, the store has none",
         lambda: compare([GOOD], held(history(*EVENTS[:2])))),
        ("lost", "is accepted here and 11 there",
         lambda: compare([replace(GOOD, codes=CODES | {State.ACCEPTED: "99"}, book=book(1, 3))],
                         held(STORED))),
        ("lost", "is no row",
         lambda: compare([replace(GOOD, bodies=frozenset({b"first", b"second"}))], held(STORED))),
        ("lost", "has no outcome",
         lambda: compare([GOOD], replace(held(STORED), messages=[message(b"first", None)]))),
        ("lost", "died",
         lambda: compare([GOOD], replace(
             held(STORED), messages=[message(b"first", MessageOutcome.DEAD)]))),
        ("lost", "another answer", lambda: compare([replace(GOOD, changed=1)], held(STORED))),
        ("lost", "answered, not kept",
         lambda: compare([GOOD], held(STORED), [Acknowledged(TICKET_ID, 4, ("ticket_closed",))])),
        ("doubled", "nobody was told of",
         lambda: compare([replace(GOOD, numbers=frozenset())], held(STORED))),
        ("doubled", "is 2 tickets",
         lambda: compare([GOOD], twice())),
        ("doubled", "applied twice", lambda: compare([claim(book(1, 3, other=3))], held(STORED))),
        ("doubled", "too many",
         lambda: compare([replace(GOOD, acts={})], held(STORED))),
        ("doubled", "took effect 2 times",
         lambda: compare([GOOD], held(history(*EVENTS, again=3)))),
        ("out_of_order", "older event later", lambda: compare([claim(book(3, 1))], held(STORED))),
    ],
)  # fmt: skip
def test_each_wrong_is_found_and_named(kind: str, words: str, settled: Change) -> None:
    found = settled()
    named: list[str] = getattr(found, kind)
    assert any(words in one for one in named), list(found.lines())


def twice() -> Held:
    one = held(STORED)
    other = TICKET_ID + 1
    return Held(
        {**one.tickets, other: one.tickets[TICKET_ID].model_copy(update={"ticket_id": other})},
        {**one.histories, other: STORED},
        one.messages,
    )


def test_garbage_of_the_peer_may_be_a_dead_letter() -> None:
    letters = [message(b"first"), message(b"garbage", MessageOutcome.DEAD)]
    known = replace(GOOD, garbage=frozenset({b"garbage"}))
    assert compare([known], replace(held(STORED), messages=letters)).clean
