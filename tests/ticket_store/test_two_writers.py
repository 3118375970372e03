"""Two processes write one ticket at once, a thousand times: each command has one outcome, once.

Each of the two stores gets the tickets of a batch in an order of its own, so that groups meet
crosswise.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import pytest

from schemas.commands import Command
from schemas.errors import (
    AlreadyRegistered,
    CommandRefused,
    RuleBroken,
    TransitionRefused,
    VersionConflict,
)
from schemas.ids import TicketIds
from schemas.lifecycle import Action
from schemas.parties import Actor
from tests.postgresql import own_database
from tests.schemas import cases
from tests.ticket_store.hub_case import RULES, Clock, command, owes_source, register
from ticket_store.desk import Outcome
from ticket_store.engine import connect
from ticket_store.migrations import migrate
from ticket_store.store import Store

ROUNDS, BATCH = 1_000, 5
PATIENCE_SECONDS = 300.0
Answer = Outcome | CommandRefused
Pair = tuple[Command, Command]

# of each step one of the two wins, and the other is refused: the state has gone on
STEPS: dict[Action, tuple[Actor, type[CommandRefused]]] = {
    Action.DISPATCH: (cases.DISPATCHER, TransitionRefused),
    Action.ACKNOWLEDGE: (cases.handler(), RuleBroken),  # a share's own state is looked at first
    Action.COMPLETE: (cases.handler(), TransitionRefused),
    Action.CLOSE: (cases.REVIEWER, TransitionRefused),
}
ROUNDS_A_TICKET = len(STEPS) + 4


@pytest.fixture
async def stores() -> AsyncIterator[tuple[Store, Store]]:
    async with own_database("two_writers") as url:
        await migrate(url)
        clock = Clock()
        made = [
            Store(
                connect(url), rules=RULES, owes=owes_source, now=clock,
                ids=TicketIds(clock.milliseconds, node),
            )
            for node in range(2)
        ]  # fmt: skip
        yield made[0], made[1]
        for store in made:
            await store.close()


@dataclass
class Battle:
    """The rounds of one ticket: asks a pair, is told both answers, and checks them."""

    ids: tuple[int, int]
    number: str
    ticket_id: int = 0
    version: int = 0
    rounds: int = 0

    def pairs(self) -> Iterator[Pair]:
        first, second = (register(one, self.number) for one in self.ids)
        yield first, second
        yield self._both(Action.REMIND, cases.OPERATOR)
        at = self.version
        yield self._both(Action.REMIND, cases.OPERATOR, expected_version=at)
        one = command(Action.REMIND, cases.OPERATOR, self.ticket_id)
        yield one, one
        for action, (who, _) in STEPS.items():
            yield self._both(action, who)

    def _both(self, action: Action, who: Actor, **changes: object) -> Pair:
        first, second = (command(action, who, self.ticket_id, **changes) for _ in range(2))
        return first, second

    def judge(self, pair: Pair, answers: Sequence[Answer]) -> None:
        self.rounds += 1
        won = [one for one in answers if isinstance(one, Outcome)]
        lost = [one for one in answers if isinstance(one, CommandRefused)]
        asked = pair[0]
        if pair[0] is pair[1]:
            assert (len(won), won[0].events) == (2, won[1].events)
            assert [one.repeated for one in won].count(True) == 1
            made = len(won[0].events)
        elif asked.action is Action.REMIND and asked.expected_version is None:
            assert len(won) == 2
            made = sum(len(one.events) for one in won)
        else:
            kind: type[CommandRefused] = VersionConflict
            if asked.action is Action.REGISTER:
                kind = AlreadyRegistered
            elif asked.action in STEPS:
                kind = STEPS[asked.action][1]
            assert (len(won), [type(one) for one in lost]) == (1, [kind])
            self.ticket_id = won[0].ticket_id
            made = len(won[0].events)
        versions = [event.sequence for one in won for event in one.events]
        assert set(versions) == set(range(self.version + 1, self.version + made + 1))
        self.version += made


async def answer(store: Store, asked: Command) -> Answer:
    """What the asker gets: an outcome or a refusal; all else fails the test."""
    try:
        return await store.desk.execute(asked)
    except CommandRefused as refusal:
        return refusal


async def fight(stores: tuple[Store, Store], battles: Sequence[Battle]) -> None:
    """One batch of tickets through all its rounds, a pair of commands a ticket at a time."""
    scripts = [battle.pairs() for battle in battles]
    for _ in range(ROUNDS_A_TICKET):
        pairs = [next(script) for script in scripts]
        forth = [answer(stores[0], pair[0]) for pair in pairs]
        back = [answer(stores[1], pair[1]) for pair in reversed(pairs)]
        answers = await asyncio.gather(*forth, *back)
        firsts, seconds = answers[: len(pairs)], answers[len(pairs) :][::-1]
        for battle, pair, first, second in zip(battles, pairs, firsts, seconds, strict=True):
            battle.judge(pair, (first, second))


@pytest.mark.postgresql
@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, BATCH])
async def test_each_command_of_two_writers_has_exactly_one_outcome(
    stores: tuple[Store, Store], batch: int
) -> None:
    tickets = ROUNDS // ROUNDS_A_TICKET
    battles = [
        Battle((stores[0].ids.next(), stores[1].ids.next()), f"N{one}") for one in range(tickets)
    ]
    async with asyncio.timeout(PATIENCE_SECONDS):
        for start in range(0, tickets, batch):
            await fight(stores, battles[start : start + batch])
    assert sum(one.rounds for one in battles) == ROUNDS
    for store in stores:
        assert store.writer.counters.refused_busy == 0
    for one in battles:
        history = await stores[0].tickets.history(one.ticket_id)
        assert [event.sequence for event in history] == list(range(1, one.version + 1))
    report = await stores[1].audit.verify()
    # done or refused, each command is an act of its own; the one that both asked for is one
    assert (report.ok, report.rows) == (True, 2 * ROUNDS - tickets)
