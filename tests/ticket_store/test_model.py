"""Commands in any order, repeated, concurrent and out of date, against a plain model in memory.

The model is `decide` and `apply` over dictionaries; the store must never tell otherwise.
"""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.commands import COMMANDS, Command, MergeTicket, RegisterTicket, SaveDraft
from schemas.decide import apply, decide, event_time
from schemas.errors import AlreadyRegistered, CommandRefused, RuleBroken
from schemas.events import Event
from schemas.lifecycle import Action
from schemas.parties import Actor, Role
from schemas.ticket import DispatchForm, Ticket
from tests.schemas import cases
from tests.ticket_store.hub_case import RULES, START, Clock, command, opened, owes_source
from ticket_store.desk import Outcome
from ticket_store.history import head_at
from ticket_store.store import Store

TICKETS = 4
FIRST_ID = 245_278_310_400_000
EVERYBODY = Actor(actor_id="all", roles=frozenset(Role), department="d1")
ENTITLED = (EVERYBODY, EVERYBODY, EVERYBODY, cases.OPERATOR, cases.CITIZEN, cases.handler("d2"))
FORMS = {
    DispatchForm.SINGLE: ("d1",), DispatchForm.LEAD: ("d1", "d2"),
    DispatchForm.PARALLEL: ("d2", "d1"),
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One command, described so that it fits whatever the ticket is then."""

    action: Action
    ticket: int
    who: int
    form: DispatchForm
    number: int | None  # of the peer, for registrations
    age: int | None  # of the version it expects; None: any


@dataclass(frozen=True)
class Repeat:
    """An earlier command again, by its place."""

    place: int


LIKELY = [Action.REGISTER, Action.ACCEPT, Action.DISPATCH, Action.ACKNOWLEDGE, Action.COMPLETE]
STEPS = st.builds(
    Step,
    action=st.sampled_from([*Action, *LIKELY * 6]),
    ticket=st.integers(0, TICKETS - 1),
    who=st.integers(0, len(ENTITLED) - 1),
    form=st.sampled_from(DispatchForm),
    number=st.none() | st.integers(0, 2),
    age=st.none() | st.integers(0, 1),
)
GROUPS = st.lists(
    st.lists(STEPS | st.builds(Repeat, st.integers(0, 60)), min_size=1, max_size=8),
    min_size=1,
    max_size=8,
)


@dataclass
class Model:
    """What the store should hold."""

    heads: dict[int, Ticket] = field(default_factory=dict)
    events: dict[int, list[Event]] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    inbox: dict[UUID, tuple[Ticket | None, int] | CommandRefused] = field(default_factory=dict)

    def execute(self, asked: Command) -> None:
        if asked.command_id in self.inbox:
            return
        try:
            self.inbox[asked.command_id] = self._do(asked)
        except CommandRefused as refusal:
            self.inbox[asked.command_id] = refusal

    def _do(self, asked: Command) -> tuple[Ticket | None, int]:
        before = self.heads.get(asked.ticket_id)
        made = decide(before, asked, RULES)
        if isinstance(asked, RegisterTicket | SaveDraft):
            body = asked.registration
            if body.source_ticket_no is not None:
                key = (body.peer or body.source.value, body.source_ticket_no)
                if self.numbers.setdefault(key, asked.ticket_id) != asked.ticket_id:
                    raise AlreadyRegistered("", ticket_id=str(self.numbers[key]))
        if isinstance(asked, MergeTicket) and asked.into not in self.heads:
            raise RuleBroken("", code="merge_unknown")
        if made:
            at = event_time(before, asked)
            self.heads[asked.ticket_id] = apply(before, made, asked.ticket_id, at)
            self.events.setdefault(asked.ticket_id, []).extend(made)
        return self.heads.get(asked.ticket_id), len(made)


def command_of(step: Step, model: Model) -> Any:
    ticket_id = FIRST_ID + step.ticket
    head = model.heads.get(ticket_id)
    fields: dict[str, Any] = {}
    if step.age is not None:
        fields["expected_version"] = max(0, (head.version if head else 0) - step.age)
    if step.action in (Action.SAVE_DRAFT, Action.REGISTER):
        given: dict[str, Any] = {}
        if step.number is not None:
            given = {"peer": "city", "source_ticket_no": f"N{step.number}"}
        fields["registration"] = cases.registration(**given)
    kind = COMMANDS[step.action].model_fields
    if "form" in kind:
        fields |= {"form": step.form, "departments": FORMS[step.form]}
    if "review_no" in kind and head is not None and head.open_reviews:
        fields["review_no"] = head.open_reviews[-1].review_no
    if "reminder_no" in kind and head is not None and head.reminders:
        fields["reminder_no"] = head.reminders[-1].reminder_no
    if step.action is Action.MERGE:
        fields["into"] = FIRST_ID + (step.ticket + 1) % TICKETS
    return command(step.action, ENTITLED[step.who], ticket_id, **fields)


def assert_same(answer: Any, model: Model, asked: Command) -> None:
    expected = model.inbox[asked.command_id]
    if isinstance(expected, CommandRefused):
        assert type(answer) is type(expected), (answer, expected)
        assert answer.code == expected.code
        if isinstance(expected, AlreadyRegistered):
            assert dict(answer.facts) == dict(expected.facts)
    else:
        assert isinstance(answer, Outcome), answer
        assert (answer.ticket, len(answer.events)) == expected


async def execute(store: Store, asked: Command) -> Any:
    try:
        return await store.desk.execute(asked)
    except CommandRefused as refusal:
        return refusal


async def check(store: Store, model: Model, asked: list[Command]) -> None:
    ids = [FIRST_ID + number for number in range(TICKETS)]
    assert await store.tickets.heads(ids) == {
        one: model.heads[one] for one in ids if one in model.heads
    }
    owed = 0
    for ticket_id in ids:
        history = await store.tickets.history(ticket_id)
        assert [one.event for one in history] == model.events.get(ticket_id, [])
        assert [one.sequence for one in history] == list(range(1, len(history) + 1))
        assert head_at(history) == model.heads.get(ticket_id)
        expected = [
            one.sequence
            for one in history
            if owes_source(head_at(history[: one.sequence]), one)  # type: ignore[arg-type]  # not None: it has events
        ]
        rows = await store.deliveries.of_ticket(ticket_id)
        assert [row.sequence for row in rows] == expected
        assert [row.next_try_at is not None for row in rows] == [True, *[False] * len(rows)][
            : len(rows)
        ]
        owed += len(rows)
    assert sum(sum(one.values()) for one in (await store.deliveries.counts()).values()) == owed
    assert await store.outbox.length() == sum(map(len, model.events.values()))
    report = await store.audit.verify()
    assert (report.ok, report.rows) == (True, len(model.inbox))
    for one in asked:  # all over again: nothing but first outcomes
        assert_same(answer := await execute(store, one), model, one)
        assert isinstance(answer, CommandRefused) or answer.repeated
    assert (await store.audit.verify()).rows == len(model.inbox)


async def run(groups: list[list[Step | Repeat]]) -> None:
    model, clock = Model(), Clock()
    asked: list[Command] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        async with opened(path, clock, owes=owes_source) as store:
            for group in groups:
                together: list[Command] = []
                for step in group:
                    if isinstance(step, Step):
                        together.append(command_of(step, model))
                    elif asked or together:
                        known = asked + together
                        together.append(known[step.place % len(known)])
                for one in together:
                    model.execute(one)
                answers = await asyncio.gather(*(execute(store, one) for one in together))
                for answer, one in zip(answers, together, strict=True):
                    assert_same(answer, model, one)
                asked += together
            await check(store, model, asked)
            assert store.writer.counters.replays == 0  # the group itself was right
        async with opened(path, clock, owes=owes_source, fresh=False) as store:
            await check(store, model, asked)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GROUPS)
def test_the_store_is_the_model(groups: list[list[Step | Repeat]]) -> None:
    asyncio.run(run(groups))


def test_the_model_comes_far_enough_to_mean_something() -> None:
    """The plain way of a ticket, by the same steps, ends with departments and open reviews."""
    model = Model()
    for action in (Action.REGISTER, Action.ACCEPT, Action.DISPATCH, Action.ACKNOWLEDGE,
                   Action.COMPLETE):  # fmt: skip
        model.execute(command_of(Step(action, 0, 0, DispatchForm.SINGLE, 1, 0), model))
    head = model.heads[FIRST_ID]
    assert head.state == "completed"
    assert head.open_reviews
    assert head.updated_at == START
