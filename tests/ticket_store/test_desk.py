"""The desk: one effect a command, the first outcome for a repeat, bodies beside events."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from schemas import errors
from schemas.commands import Command
from schemas.lifecycle import Action
from schemas.matter import Matter
from schemas.parties import Citizen
from schemas.ticket import HandlingMode, State
from tests.schemas import cases
from tests.ticket_store.hub_case import (
    START,
    Clock,
    command,
    opened,
    owes_source,
    register,
)
from ticket_store.desk import Outcome
from ticket_store.store import Store


async def test_a_command_is_head_history_body_and_outbox_at_once(store: Store) -> None:
    ticket_id = store.ids.next()
    outcome = await store.desk.execute(asked := register(ticket_id, "N1"))

    assert outcome.ticket is not None
    assert (outcome.ticket.state, outcome.ticket.version) == (State.ACCEPTED, 2)
    assert [one.event.kind for one in outcome.events] == ["ticket_registered", "ticket_accepted"]
    assert not outcome.repeated
    assert outcome.owed == {"city"}
    assert await store.tickets.head(ticket_id) == outcome.ticket
    assert await store.tickets.history(ticket_id) == list(outcome.events)
    assert await store.tickets.registration(ticket_id) == asked.registration
    assert await store.tickets.by_source_no("city", "N1") == ticket_id
    assert await store.outbox.take(10) == list(outcome.events)
    assert [row.sequence for row in await store.deliveries.of_ticket(ticket_id)] == [1, 2]


async def test_a_repeat_gets_the_first_outcome_also_after_reopening(
    store_file: Path, clock: Clock
) -> None:
    async with opened(store_file, clock, owes=owes_source) as store:
        ticket_id = store.ids.next()
        asked = register(ticket_id, "N1")
        first = await store.desk.execute(asked)
        await store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id))
        again = await store.desk.execute(asked)
    async with opened(store_file, clock, owes=owes_source, fresh=False) as store:
        later = await store.desk.execute(asked)
        history = await store.tickets.history(ticket_id)

    for repeat in (again, later):
        assert repeat.repeated
        # the head as it was then, not as it is now
        assert (repeat.ticket, repeat.events) == (first.ticket, first.events)
    assert len(history) == 3


async def test_the_same_command_twice_in_one_group_happens_once(store: Store) -> None:
    asked = register(store.ids.next())
    outcomes = await asyncio.gather(*(store.desk.execute(asked) for _ in range(5)))

    assert [one.repeated for one in outcomes] == [False, True, True, True, True]
    assert len({one.ticket for one in outcomes}) == 1
    assert store.writer.counters.largest_group == 5


async def test_a_command_that_changes_nothing_is_remembered_too(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id))
    asked = command(Action.AMEND, cases.OPERATOR, ticket_id, matter=None)
    first = await store.desk.execute(asked)
    await store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id))
    repeat = await store.desk.execute(asked)

    assert first.events == repeat.events == ()
    assert first.ticket == repeat.ticket
    assert repeat.repeated


REFUSED: dict[type[errors.CommandRefused], Callable[[int, int], Command]] = {
    errors.UnknownTicket: lambda ours, other: command(Action.ACCEPT, cases.OPERATOR, other + 99),
    errors.VersionConflict: lambda ours, other: command(
        Action.REMIND, cases.OPERATOR, ours, expected_version=1
    ),
    errors.TransitionRefused: lambda ours, other: command(Action.ACCEPT, cases.OPERATOR, ours),
    errors.NotEntitled: lambda ours, other: command(Action.REMIND, cases.CITIZEN, ours),
    errors.RuleBroken: lambda ours, other: command(
        Action.DISPATCH, cases.DISPATCHER, ours, departments=("x9",)
    ),
    errors.AlreadyRegistered: lambda ours, other: register(other + 7, "N1"),
}


def test_every_kind_of_refusal_is_tried() -> None:
    assert set(REFUSED) == set(errors.REFUSALS.values())


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.__name__)
async def test_a_refusal_is_repeated_in_the_same_words(
    kind: type[errors.CommandRefused], store_file: Path, clock: Clock
) -> None:
    async with opened(store_file, clock) as store:
        ours, other = store.ids.next(), store.ids.next()
        await store.desk.execute(register(ours, "N1"))
        asked = REFUSED[kind](ours, other)
        heads = await store.tickets.heads([ours, other])
        with pytest.raises(errors.CommandRefused) as first:
            await store.desk.execute(asked)
        # what refused it has gone; the refusal stays what it was
        await store.desk.execute(command(Action.RETURN_TO_INTAKE, cases.DISPATCHER, ours))
        with pytest.raises(errors.CommandRefused) as second:
            await store.desk.execute(asked)
        assert (await store.tickets.heads([other])).get(other) == heads.get(other)
    async with opened(store_file, clock, fresh=False) as store:
        with pytest.raises(errors.CommandRefused) as third:
            await store.desk.execute(asked)

    for caught in (first, second, third):
        assert type(caught.value) is kind
        assert caught.value.code == first.value.code
        assert caught.value.detail == first.value.detail
        assert dict(caught.value.facts) == dict(first.value.facts)


async def test_a_known_number_names_its_ticket(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id, "N1"))
    with pytest.raises(errors.AlreadyRegistered) as caught:
        await store.desk.execute(register(store.ids.next(), "N1"))
    assert caught.value.facts["ticket_id"] == str(ticket_id)


async def test_a_number_is_taken_once_within_a_group(store: Store) -> None:
    ids = [store.ids.next() for _ in range(6)]
    outcomes = await asyncio.gather(
        *(store.desk.execute(register(one, "N1")) for one in ids), return_exceptions=True
    )
    assert store.writer.counters.largest_group == 6
    assert isinstance(outcomes[0], Outcome)
    assert all(isinstance(one, errors.AlreadyRegistered) for one in outcomes[1:])
    assert set(await store.tickets.heads(ids)) == {ids[0]}


async def test_the_same_number_of_another_peer_is_another_ticket(store: Store) -> None:
    for peer in ("city", "province", None):
        body = cases.registration(peer=peer, source_ticket_no="N1")
        await store.desk.execute(register(store.ids.next(), registration=body))
    assert await store.tickets.by_source_no("hotline12345", "N1") is not None  # typed by hand


def draft(ticket_id: int, number: str) -> Command:
    body = cases.registration(peer="city", source_ticket_no=number, call_no="C1")
    made: Command = command(Action.SAVE_DRAFT, cases.SYSTEM, ticket_id, registration=body)
    return made


async def test_a_draft_is_registered_under_its_own_number(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(draft(ticket_id, "N1"))
    outcome = await store.desk.execute(register(ticket_id, "N1"))
    assert outcome.ticket is not None
    assert outcome.ticket.version == 3


async def test_amendments_build_on_the_newest_body_also_within_a_group(store: Store) -> None:
    ticket_id = store.ids.next()
    changes = (
        {"matter": None, "citizen": Citizen(name="李某", phone="13800005678")},
        {"matter": Matter(title="路灯仍不亮", text="已经五天。")},
    )
    await asyncio.gather(
        store.desk.execute(register(ticket_id, "N1")),
        *(
            store.desk.execute(command(Action.AMEND, cases.OPERATOR, ticket_id, **change))
            for change in changes
        ),
    )
    assert store.writer.counters.largest_group == 3
    body = await store.tickets.registration(ticket_id)
    assert body is not None
    assert body.citizen == changes[0]["citizen"]
    assert body.matter == changes[1]["matter"]

    await store.desk.execute(
        command(Action.AMEND, cases.OPERATOR, ticket_id, citizen=Citizen(name="赵某"))
    )
    body = await store.tickets.registration(ticket_id)
    assert body is not None
    assert body.citizen == Citizen(name="赵某")
    assert body.source_ticket_no == "N1"


async def test_supplements_keep_their_words_beside_the_events(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id))
    for text, files in (("补充一", ()), ("补充二", ("f1", "f2"))):
        await store.desk.execute(
            command(Action.SUPPLEMENT, cases.CITIZEN, ticket_id, text=text, attachments=files)
        )
    first, second = await store.tickets.supplements(ticket_id)
    assert (first.text, first.attachments, first.sequence) == ("补充一", (), 3)
    assert (second.text, second.attachments, second.at) == ("补充二", ("f1", "f2"), START)
    assert "补充" not in "".join(
        event.model_dump_json() for event in await store.tickets.history(ticket_id)
    )


async def test_a_newer_version_of_the_source_brings_a_new_body(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id, "N1"))
    body = cases.registration(peer="city", source_ticket_no="N1", call_no="C9")
    await store.desk.execute(
        command(Action.NOTE_PEER_UPDATE, cases.PEER, ticket_id, registration=body)
    )
    assert await store.tickets.registration(ticket_id) == body


async def test_a_ticket_is_merged_only_into_one_that_exists(store: Store) -> None:
    one, other = store.ids.next(), store.ids.next()
    await store.desk.execute(register(one))
    with pytest.raises(errors.RuleBroken, match="merge into"):
        await store.desk.execute(command(Action.MERGE, cases.OPERATOR, one, into=other))
    await store.desk.execute(register(other))
    outcome = await store.desk.execute(command(Action.MERGE, cases.OPERATOR, one, into=other))
    assert outcome.ticket is not None
    assert outcome.ticket.merged_into == other


async def test_a_tickets_time_does_not_go_back(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id, at=START + timedelta(hours=1)))
    outcome = await store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id))
    assert outcome.events[0].at == START + timedelta(hours=1)


async def test_two_hundred_at_once_leave_no_gap(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id))
    outcomes = await asyncio.gather(
        *(store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id)) for _ in range(200))
    )
    versions = [one.ticket.version for one in outcomes if one.ticket is not None]
    assert sorted(versions) == list(range(3, 203))
    assert [one.sequence for one in await store.tickets.history(ticket_id)] == list(range(1, 203))
    assert store.writer.counters.groups <= 7


async def test_of_two_with_the_same_expected_version_one_is_refused(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id))
    outcomes = await asyncio.gather(
        *(
            store.desk.execute(
                command(Action.REMIND, cases.OPERATOR, ticket_id, expected_version=2)
            )
            for _ in range(2)
        ),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [Outcome, errors.VersionConflict]


async def test_two_stores_on_one_file_are_as_safe_as_one(store_file: Path, clock: Clock) -> None:
    async with opened(store_file, clock) as web, opened(store_file, clock, fresh=False) as worker:
        ticket_id = web.ids.next()
        await web.desk.execute(register(ticket_id))
        outcomes = await asyncio.gather(
            *(
                store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id))
                for store in (web, worker)
                for _ in range(40)
            )
        )
        versions = [one.ticket.version for one in outcomes if one.ticket is not None]
        assert sorted(versions) == list(range(3, 83))
        assert (await worker.audit.verify()).ok


async def test_listeners_hear_new_outcomes_only(store: Store) -> None:
    heard: list[Outcome] = []
    store.desk.on_commit(heard.extend)
    ticket_id = store.ids.next()
    asked = register(ticket_id)
    await store.desk.execute(asked)
    await store.desk.execute(asked)
    await store.desk.execute(command(Action.AMEND, cases.OPERATOR, ticket_id, matter=None))
    with pytest.raises(errors.CommandRefused):
        await store.desk.execute(command(Action.ACCEPT, cases.OPERATOR, ticket_id))
    assert [one.command_id for one in heard] == [asked.command_id]


async def test_a_listener_that_fails_does_not_undo_what_is_done(store: Store) -> None:
    def fail(_outcomes: object) -> None:
        raise RuntimeError("the page is gone")

    heard: list[Outcome] = []
    store.desk.on_commit(fail)
    store.desk.on_commit(heard.extend)
    with capture_logs() as logs:
        outcome = await store.desk.execute(register(store.ids.next()))
    assert heard == [outcome]
    assert [entry["event"] for entry in logs] == ["listener failed"]


async def test_what_waits_for_a_proposal_is_found_until_it_has_one(store: Store) -> None:
    first, second, answered = (store.ids.next() for _ in range(3))
    later = START + timedelta(minutes=5)
    await store.desk.execute(register(first))
    await store.desk.execute(register(second, at=START + timedelta(minutes=1)))
    direct = cases.registration(handling_mode=HandlingMode.ANSWER)
    await store.desk.execute(register(answered, registration=direct))
    assert await store.tickets.waiting_for_proposal(later, 10) == [first, second]
    assert await store.tickets.waiting_for_proposal(START + timedelta(seconds=1), 10) == [first]

    await store.desk.execute(command(Action.PROPOSE, cases.MACHINE, first))
    await store.desk.execute(command(Action.REMIND, cases.OPERATOR, second))  # waits on
    assert await store.tickets.waiting_for_proposal(later, 10) == [second]
    # accepted anew: proposed for anew
    await store.desk.execute(command(Action.RETURN_TO_INTAKE, cases.DISPATCHER, first))
    await store.desk.execute(command(Action.ACCEPT, cases.OPERATOR, first))
    assert await store.tickets.waiting_for_proposal(later, 10) == [first, second]
    await store.desk.execute(command(Action.DISPATCH, cases.DISPATCHER, second))
    assert await store.tickets.waiting_for_proposal(later, 10) == [first]


async def test_what_does_not_exist_is_none_or_empty(store: Store) -> None:
    assert await store.tickets.head(1) is None
    assert await store.tickets.heads([]) == {}
    assert await store.tickets.registration(1) is None
    assert await store.tickets.history(1) == []
    assert await store.tickets.supplements(1) == []
    assert await store.tickets.by_source_no("city", "N1") is None


async def test_many_heads_come_in_the_order_asked_for(store: Store) -> None:
    ids = [store.ids.next() for _ in range(150)]
    await asyncio.gather(*(store.desk.execute(register(one)) for one in ids))
    assert list(await store.tickets.heads(ids[::-1])) == ids[::-1]
