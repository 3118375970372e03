"""Clocks: the newest winding stands, what is due is found, to-dos carry their deadline."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from schemas.clocks import Clock as TicketClock
from schemas.clocks import ClockState
from schemas.lifecycle import Action
from schemas.sla import Step
from tests.schemas import cases
from tests.ticket_store.filled import ALL, ids_of
from tests.ticket_store.hub_case import START, command
from tests.ticket_store.reading_case import DATABASES, ReadingCase, case_on, reading_case
from ticket_store.scope import scope_of
from ticket_store.ticket_query import Order, TicketQuery
from ticket_store.to_dos import ToDo

HOUR = timedelta(hours=1)


@pytest.fixture(params=DATABASES)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ReadingCase]:
    async with case_on(request.param, tmp_path) as opened:
        yield opened


async def ticket(case: ReadingCase) -> int:
    """Accepted: at version 2."""
    ticket_id = case.ids.next()
    await case.desk.execute(command(Action.REGISTER, cases.OPERATOR, ticket_id, accept=True))
    case.clock.advance(1)
    return ticket_id


def clock(
    ticket_id: int, hours: float, step: Step = Step.DISPATCH, **changes: object
) -> TicketClock:
    """Runs, is due after so many hours, warns and fires next an hour before."""
    due = START + HOUR * hours
    return TicketClock.model_validate(
        {
            "clock_id": f"{step}-{changes.get('department', '')}",
            "ticket_id": ticket_id,
            "step": step,
            "rule_id": "r1",
            "started_at": START,
            "due_at": due,
            "warn_at": due - HOUR,
            "next_at": due - HOUR,
            "arithmetic": {"working_days": "1"},
        }
        | changes
    )


async def due_ids(case: ReadingCase, now: datetime, limit: int = 100) -> list[int]:
    return [one.ticket_id for one in await case.reading.clocks.due(now, limit)]


async def test_clocks_come_back_as_they_were_saved(case: ReadingCase) -> None:
    one, none = await ticket(case), await ticket(case)
    held = (
        clock(one, 3, Step.TOTAL, started_at=START - HOUR),
        clock(one, 2, department="d1", provisional=True),
    )
    assert await case.reading.clocks.save(one, 2, held[::-1])
    assert await case.reading.clocks.of([one, none]) == {one: held, none: ()}
    assert await case.reading.clocks.of([]) == {}


async def test_an_older_winding_never_replaces_a_newer(case: ReadingCase) -> None:
    one, book = await ticket(case), case.reading.clocks
    assert await book.save(one, 5, [clock(one, 5)])
    assert not await book.save(one, 4, [clock(one, 4)])
    assert await book.of([one]) == {one: (clock(one, 5),)}
    assert await book.save(one, 5, [clock(one, 6)])  # counted anew, on a newer calendar
    assert await book.save(one, 6, [])
    assert await book.of([one]) == {one: ()}
    assert not await book.save(123, 1, [])  # no such ticket


async def test_what_is_due_is_found_oldest_first_up_to_the_limit(case: ReadingCase) -> None:
    ids = [await ticket(case) for _ in range(5)]
    for hours, one in zip((5, 2, 4, 3, 9), ids, strict=True):
        await case.reading.clocks.save(one, 2, [clock(one, hours)])
    now = START + 4 * HOUR  # next_at is an hour before the deadline
    assert await due_ids(case, now) == [ids[1], ids[3], ids[2], ids[0]]
    assert await due_ids(case, now, 2) == [ids[1], ids[3]]
    assert await due_ids(case, now - timedelta(microseconds=1)) == [ids[1], ids[3], ids[2]]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": ClockState.PAUSED, "paused_at": START},
        {"state": ClockState.STOPPED},
        {"next_at": None},
    ],
)
async def test_what_does_not_run_or_has_fired_is_not_due(
    case: ReadingCase, changes: dict[str, object]
) -> None:
    one, book = await ticket(case), case.reading.clocks
    await book.save(one, 2, [clock(one, 2)])
    assert await due_ids(case, START + 9 * HOUR) == [one]
    await book.save(one, 3, [clock(one, 2, **changes)])
    assert await due_ids(case, START + 9 * HOUR) == []


async def test_tickets_whose_clocks_are_behind_are_found(case: ReadingCase) -> None:
    one, two, book = await ticket(case), await ticket(case), case.reading.clocks
    later = START + HOUR
    assert set(await book.behind(later, 10)) == {(one, 2), (two, 2)}
    assert len(await book.behind(later, 1)) == 1
    assert await book.behind(START, 10) == []  # changed at START, not before it
    await book.save(one, 2, [])
    await book.save(two, 1, [])
    assert await book.behind(later, 10) == [(two, 2)]
    await case.desk.execute(command(Action.DISPATCH, cases.DISPATCHER, one))
    assert set(await book.behind(later, 10)) == {(one, 3), (two, 2)}


async def test_open_tickets_are_walked_for_a_recount(case: ReadingCase) -> None:
    ids, book = [await ticket(case) for _ in range(4)], case.reading.clocks
    await book.save(ids[0], 2, [clock(ids[0], 2)])
    await book.save(ids[1], 2, [clock(ids[1], 2, state=ClockState.STOPPED)])
    await book.save(ids[2], 2, [clock(ids[2], 2, state=ClockState.PAUSED, paused_at=START)])
    assert await book.open_tickets(0, 10) == [(ids[0], 2), (ids[2], 2)]
    assert await book.open_tickets(ids[0], 10) == [(ids[2], 2)]
    assert await book.open_tickets(0, 1) == [(ids[0], 2)]


async def test_overdue_and_near_follow_the_first_running_clock(case: ReadingCase) -> None:
    over, near, fine, paused = [await ticket(case) for _ in range(4)]
    book = case.reading.clocks
    await book.save(over, 2, [clock(over, 1), clock(over, 99, Step.TOTAL)])
    await book.save(near, 2, [clock(near, 4.5)])
    await book.save(fine, 2, [clock(fine, 9)])
    await book.save(paused, 2, [clock(paused, 1, state=ClockState.PAUSED, paused_at=START)])
    case.clock.now = START + 4 * HOUR
    by_due = TicketQuery(order=Order.DUE)
    for text in ("", "路灯", "路灯不亮"):
        asked = {"text": text}
        assert await ids_of(case, TicketQuery(overdue=True, **asked)) == [over]
        assert await ids_of(case, TicketQuery(near=True, **asked)) == [near]
        assert await ids_of(case, by_due.model_copy(update=asked), 1) == [over, near, fine]
    row = await case.reading.search.row(over, ALL)
    assert row is not None
    assert row.due_at == START + HOUR
    row = await case.reading.search.row(paused, ALL)
    assert row is not None
    assert row.due_at is None


@pytest.mark.parametrize("step", [Step.SEND_BACK, Step.RATING])
async def test_a_window_that_obliges_nobody_makes_nothing_late(
    case: ReadingCase, step: Step
) -> None:
    lapsed, bare, book = await ticket(case), await ticket(case), case.reading.clocks
    await book.save(lapsed, 2, [clock(lapsed, 1, step), clock(lapsed, 9, Step.TOTAL)])
    await book.save(bare, 2, [clock(bare, 1, step)])
    for hours in (0.5, 4):  # past its warning, past its end
        case.clock.now = START + HOUR * hours
        assert await ids_of(case, TicketQuery(overdue=True)) == []
        assert await ids_of(case, TicketQuery(near=True)) == []
    assert await ids_of(case, TicketQuery(order=Order.DUE)) == [lapsed]
    row = await case.reading.search.row(lapsed, ALL)
    assert row is not None
    assert (row.due_at, row.warn_at) == (START + 9 * HOUR, START + 8 * HOUR)
    assert [one.overdue for one in await case.reading.search.to_dos(cases.DISPATCHER)] == [0] * 5
    assert set(await due_ids(case, START + HOUR)) == {lapsed, bare}, "what it sets off still fires"


async def test_the_second_of_the_deadline_is_still_in_time(case: ReadingCase) -> None:
    one = await ticket(case)
    await case.reading.clocks.save(one, 2, [clock(one, 1)])
    for seconds, late in ((0, 0), (0.9, 0), (1, 1)):
        case.clock.now = START + HOUR + timedelta(seconds=seconds)
        assert len(await ids_of(case, TicketQuery(overdue=True))) == late
        (accepted,) = [
            one
            for one in await case.reading.search.to_dos(cases.DISPATCHER)
            if one.to_do is ToDo.ACCEPTED
        ]
        assert (accepted.count, accepted.overdue) == (1, late)


async def test_a_to_do_is_late_by_its_own_clock(case: ReadingCase) -> None:
    slow, quick, book = await ticket(case), await ticket(case), case.reading.clocks
    for one, hours in ((slow, 8), (quick, 3)):
        await case.desk.execute(command(Action.DISPATCH, cases.DISPATCHER, one))
        await book.save(
            one,
            3,
            [
                clock(one, hours, Step.ACKNOWLEDGE, department="d1"),
                clock(one, 1, Step.HANDLE, department="d2"),  # another's
                clock(one, 20, Step.TOTAL),
            ],
        )
    d1 = scope_of(cases.handler("d1"))
    query = TicketQuery(to_do=ToDo.PENDING, order=Order.DUE)
    assert await ids_of(case, query, 1, d1) == [quick, slow]
    case.clock.now = START + 5 * HOUR
    waiting = {one.to_do: one for one in await case.reading.search.to_dos(cases.handler("d1"))}
    assert (waiting[ToDo.PENDING].count, waiting[ToDo.PENDING].overdue) == (2, 1)


async def test_a_to_do_without_a_clock_comes_last_and_is_not_late(case: ReadingCase) -> None:
    bare, timed = await ticket(case), await ticket(case)
    await case.reading.clocks.save(timed, 2, [clock(timed, 1)])
    query = TicketQuery(to_do=ToDo.ACCEPTED, order=Order.DUE)
    assert await ids_of(case, query, 1) == [timed, bare]


async def test_clocks_outlive_the_process(tmp_path: Path) -> None:
    async with reading_case(tmp_path) as case:
        one = await ticket(case)
        await case.reading.clocks.save(one, 2, [clock(one, 2)])
    async with reading_case(tmp_path, fresh=False) as case:
        assert await case.reading.clocks.of([one]) == {one: (clock(one, 2),)}
        assert await due_ids(case, START + HOUR) == [one]


async def test_whatever_the_order_of_saves_the_newest_stands(case: ReadingCase) -> None:
    for order in permutations([2, 3, 4, 5]):
        one = await ticket(case)
        for version in order:
            await case.reading.clocks.save(one, version, [clock(one, version)])
        assert await case.reading.clocks.of([one]) == {one: (clock(one, 5),)}


async def test_saves_at_the_same_time_share_a_commit(case: ReadingCase) -> None:
    one, two = await ticket(case), await ticket(case)
    before = case.writer.counters.groups
    saves = [(one, 3), (two, 2), (one, 2), (one, 4)]
    done = await asyncio.gather(
        *(case.reading.clocks.save(i, version, [clock(i, version)]) for i, version in saves)
    )
    assert done == [True, True, False, True]
    assert case.writer.counters.groups - before == 1
    assert await case.reading.clocks.of([one, two]) == {
        one: (clock(one, 4),),
        two: (clock(two, 2),),
    }
