"""Scope: list, count, export and to-dos show the same tickets, and to each only theirs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.lifecycle import Action
from schemas.matter import Matter
from schemas.parties import Actor, Citizen, Role
from schemas.ticket import DispatchForm, State
from tests.schemas import cases
from tests.ticket_store.filled import ids_of
from tests.ticket_store.hub_case import command
from tests.ticket_store.reading_case import DATABASES, ReadingCase, case_on
from ticket_store.scope import Reach, Scope, scope_of, sees
from ticket_store.ticket_query import Order, TicketQuery
from ticket_store.to_dos import TO_DOS_OF_ROLE, ToDo, to_dos_of

D1, D2, D3 = (cases.handler(code) for code in ("d1", "d2", "d3"))
WORKERS = [cases.OPERATOR, cases.DISPATCHER, cases.REVIEWER, cases.LEADER]
OUTSIDERS = [
    cases.actor(Role.SYSTEM_ADMIN),
    cases.actor(Role.SECURITY_ADMIN),
    cases.actor(Role.AUDIT_ADMIN),
    cases.CITIZEN,
    cases.PEER,
    cases.MACHINE,
    cases.SYSTEM,
    cases.actor(),
    cases.actor(Role.HANDLER),  # of no department
    cases.actor(Role.CITIZEN, department="d1"),
]
QUERIES = [
    TicketQuery(),
    TicketQuery(text="路灯"),
    TicketQuery(text="路灯不亮"),
    TicketQuery(text="13800001234"),
    TicketQuery(text="王某"),
    TicketQuery(phone="13800001234"),
    TicketQuery(states=frozenset(State)),
    TicketQuery(states=frozenset({State.DISPATCHED}), text="路灯"),
    TicketQuery(area_codes=frozenset({"320508"})),
    TicketQuery(department="d1"),
    TicketQuery(department="d2", text="路灯"),
]


@pytest.fixture(params=DATABASES)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ReadingCase]:
    async with case_on(request.param, tmp_path) as opened:
        yield opened


async def do(
    case: ReadingCase, action: Action, who: Actor, ticket_id: int, **changes: object
) -> None:
    await case.desk.execute(command(action, who, ticket_id, **changes))


async def ticket(case: ReadingCase, *departments: str, citizen: Citizen | None = None) -> int:
    """A ticket, accepted; dispatched when departments are named."""
    ticket_id = case.ids.next()
    body = cases.registration()
    if citizen is not None:
        body = body.model_copy(update={"citizen": citizen})
    await do(case, Action.REGISTER, cases.OPERATOR, ticket_id, registration=body, accept=True)
    if departments:
        form = DispatchForm.PARALLEL if len(departments) > 1 else DispatchForm.SINGLE
        await do(
            case, Action.DISPATCH, cases.DISPATCHER, ticket_id, departments=departments, form=form
        )
    case.clock.advance(1)
    return ticket_id


async def seen(case: ReadingCase, query: TicketQuery, actor: Actor) -> set[int]:
    """What a person is shown; list, count, export and single rows must say the same."""
    scope = scope_of(actor)
    listed = await ids_of(case, query, 2, scope)
    exported = [
        row.ticket_id async for rows in case.reading.search.export(query, scope) for row in rows
    ]
    count = await case.reading.search.count(query, scope)
    assert listed == exported
    assert count.number == len(listed)
    assert len(set(listed)) == len(listed)
    for ticket_id in listed:
        assert await case.reading.search.row(ticket_id, scope) is not None
    return set(listed)


async def test_list_count_and_export_agree_for_everybody(case: ReadingCase) -> None:
    nobodys = await ticket(case)
    of_1, of_2, of_both = (
        await ticket(case, "d1"), await ticket(case, "d2"), await ticket(case, "d1", "d2"),
    )  # fmt: skip
    everything = {nobodys, of_1, of_2, of_both}
    for actor in WORKERS:
        assert await seen(case, TicketQuery(), actor) == everything
    assert await seen(case, TicketQuery(), D1) == {of_1, of_both}
    assert await seen(case, TicketQuery(), D2) == {of_2, of_both}
    assert await seen(case, TicketQuery(), D3) == set()
    for query in QUERIES:
        whole = await seen(case, query, cases.LEADER)
        assert whole, query
        for actor, theirs in ((D1, {of_1, of_both}), (D2, {of_2, of_both}), (D3, set())):
            assert await seen(case, query, actor) == whole & theirs, (query, actor)
        for actor in OUTSIDERS:
            assert await seen(case, query, actor) == set(), (query, actor)


async def test_one_row_is_within_the_scope_too(case: ReadingCase) -> None:
    of_1 = await ticket(case, "d1")
    for actor in (D2, *OUTSIDERS):
        assert await case.reading.search.row(of_1, scope_of(actor)) is None
    row = await case.reading.search.row(of_1, scope_of(D1))
    assert row is not None
    assert (row.title, row.departments, row.state) == ("路灯不亮", ("d1",), State.DISPATCHED)
    assert await case.reading.search.row(of_1 + 1, scope_of(cases.LEADER)) is None


async def test_a_department_that_held_a_share_still_sees_the_ticket(case: ReadingCase) -> None:
    moved = await ticket(case, "d1")
    await do(case, Action.REDISPATCH, cases.DISPATCHER, moved, departments=("d2",))
    assert await seen(case, TicketQuery(), D1) == {moved}
    assert await seen(case, TicketQuery(), D2) == {moved}
    found = await case.reading.search.find(TicketQuery(to_do=ToDo.PENDING), scope_of(D1))
    assert found.rows == ()


async def test_a_citizen_kept_secret_is_not_found_by_departments(case: ReadingCase) -> None:
    secret = await ticket(
        case, "d1", citizen=Citizen(name="陈某", phone="13800005678", confidential=True)
    )
    plain = await ticket(case, "d1", citizen=Citizen(name="陈某", phone="13800005678"))
    for query in (
        TicketQuery(text="13800005678"),
        TicketQuery(text="陈某"),
        TicketQuery(phone="13800005678"),
        TicketQuery(phone="13800005678", text="路灯"),
    ):
        assert await seen(case, query, cases.OPERATOR) == {secret, plain}
        assert await seen(case, query, D1) == {plain}
    assert await seen(case, TicketQuery(text="路灯"), D1) == {secret, plain}


@pytest.mark.parametrize(
    ("roles", "department", "reach"),
    [
        ({Role.OPERATOR}, None, Reach.ALL),
        ({Role.HANDLER, Role.REVIEWER}, "d1", Reach.ALL),
        ({Role.HANDLER}, "d1", Reach.DEPARTMENT),
        ({Role.HANDLER}, None, Reach.NOTHING),
        ({Role.SYSTEM_ADMIN}, "d1", Reach.NOTHING),
        (set(), "d1", Reach.NOTHING),
    ],
)
def test_reach_follows_from_roles(roles: set[Role], department: str | None, reach: Reach) -> None:
    scope = scope_of(Actor(actor_id="x", roles=frozenset(roles), department=department))
    assert scope.reach is reach
    assert (scope.department is not None) is (reach is Reach.DEPARTMENT)


def test_a_head_in_hand_is_judged_like_a_row() -> None:
    head = cases.dispatched(["d1", "d2"], DispatchForm.PARALLEL).ticket
    assert sees(scope_of(cases.LEADER), head)
    assert sees(scope_of(D1), head)
    assert sees(scope_of(D2), head)
    assert not sees(scope_of(D3), head)
    assert not sees(Scope(Reach.NOTHING), head)


async def to_dos(case: ReadingCase, actor: Actor) -> dict[ToDo, int]:
    """Counts that are not nought; each list must have as many rows."""
    counts = {one.to_do: one.count for one in await case.reading.search.to_dos(actor)}
    for to_do, count in counts.items():
        rows = await ids_of(case, TicketQuery(to_do=to_do, order=Order.DUE), 2, scope_of(actor))
        assert len(rows) == count, (actor, to_do)
    return {to_do: count for to_do, count in counts.items() if count}


async def test_a_ticket_moves_through_the_to_dos_of_those_whose_turn_it_is(
    case: ReadingCase,
) -> None:
    one = case.ids.next()
    await do(case, Action.SAVE_DRAFT, cases.SYSTEM, one)
    assert await to_dos(case, cases.OPERATOR) == {ToDo.DRAFT: 1}
    await do(case, Action.REGISTER, cases.OPERATOR, one)
    assert await to_dos(case, cases.OPERATOR) == {ToDo.RECEIVED: 1}
    await do(case, Action.ACCEPT, cases.OPERATOR, one)
    assert await to_dos(case, cases.DISPATCHER) == {ToDo.ACCEPTED: 1}
    await do(case, Action.DISPATCH, cases.DISPATCHER, one)
    assert await to_dos(case, cases.DISPATCHER) == {}
    assert await to_dos(case, D1) == {ToDo.PENDING: 1}
    assert await to_dos(case, D2) == {}
    await do(case, Action.ACKNOWLEDGE, D1, one)
    await do(case, Action.REMIND, cases.OPERATOR, one)
    await do(case, Action.REQUEST_EXTENSION, D1, one)
    assert await to_dos(case, D1) == {ToDo.ACKNOWLEDGED: 1, ToDo.REMINDER: 1}
    assert await to_dos(case, cases.REVIEWER) == {ToDo.EXTENSION_REVIEW: 1}
    await do(case, Action.ASK_SEND_BACK, D1, one)
    assert await to_dos(case, D1) == {ToDo.REMINDER: 1}
    assert await to_dos(case, cases.REVIEWER) == {
        ToDo.EXTENSION_REVIEW: 1,
        ToDo.SEND_BACK_REVIEW: 1,
    }


async def test_closing_empties_every_to_do(case: ReadingCase) -> None:
    one = await ticket(case, "d1")
    await do(case, Action.REMIND, cases.OPERATOR, one)
    await do(case, Action.ACKNOWLEDGE, D1, one)
    await do(case, Action.COMPLETE, D1, one)
    assert await to_dos(case, cases.LEADER) == {ToDo.CLOSURE_REVIEW: 1}
    await do(case, Action.CLOSE, cases.REVIEWER, one)
    for actor in (*WORKERS, D1):
        assert await to_dos(case, actor) == {}
    rows = await case.database.read(
        lambda connection: connection.exec_driver_sql("SELECT * FROM ticket_to_dos").all()
    )
    assert rows == []


@pytest.mark.parametrize("state", list(State))
def test_a_ticket_that_has_ended_or_rests_waits_for_nobody(state: State) -> None:
    waits = {to_do for to_do, _ in to_dos_of(cases.in_state(state).ticket)}
    resting = {
        State.DISCARDED, State.CLOSED, State.ARCHIVED, State.DECLINED, State.WITHDRAWN,
        State.MERGED, State.SUSPENDED, State.AWAITING_RATING,
    }  # fmt: skip
    assert bool(waits) is (state not in resting)


def test_every_to_do_is_on_somebodys_list() -> None:
    shown = {to_do for lists in TO_DOS_OF_ROLE.values() for to_do in lists}
    assert shown == set(ToDo) - {ToDo.OVERDUE}


async def test_several_commands_in_one_commit_leave_the_last_state(case: ReadingCase) -> None:
    """The projection gets a group at once; what comes between is not seen."""
    one = case.ids.next()
    asked = [
        command(Action.REGISTER, cases.OPERATOR, one, accept=True),
        command(Action.DISPATCH, cases.DISPATCHER, one),
        command(Action.AMEND, cases.OPERATOR, one, matter=Matter(title="题", text="文")),
        command(Action.ACKNOWLEDGE, D1, one),
    ]
    await case.writer.run(lambda unit: case.desk.execute_group(unit, asked))
    assert await to_dos(case, D1) == {ToDo.ACKNOWLEDGED: 1}
    assert await seen(case, TicketQuery(department="d1"), cases.LEADER) == {one}
