"""A calendar notice: which deadlines move, in the projection and for what comes after."""

from pathlib import Path

from schemas.calendar_year import CalendarYear
from schemas.card_policy import CardPolicy
from schemas.lifecycle import Action
from schemas.sla import Step
from schemas.winding import rebuild
from streams.policy import current_policy, recount_open_clocks
from tests.schemas.cases import OPERATOR, command
from tests.schemas.test_winding import on
from tests.streams.hub import POLICY, SetClock, open_test_store


async def test_a_notice_moves_open_deadlines_once_and_later_ones_are_counted_by_it(
    tmp_path: Path,
) -> None:
    clock = SetClock(on("2026-12-25 10:00"))
    store = await open_test_store(tmp_path, clock)
    policy = await current_policy(store.calendars, POLICY.rules, CardPolicy())
    early, late = store.ids.next(), store.ids.next()
    for ticket_id, at in ((early, on("2026-11-02 10:00")), (late, on("2026-12-25 10:00"))):
        await store.desk.execute(command(Action.REGISTER, OPERATOR, ticket_id=ticket_id, at=at))
        sheet = rebuild(await store.tickets.history(ticket_id), policy())
        assert sheet is not None
        await store.clocks.save(ticket_id, sheet.version, sheet.clocks)
    days_off = frozenset({on("2027-01-04 00:00").date()})
    await store.calendars.import_year(
        CalendarYear(year=2027, source="test", days_off=days_off), by="admin"
    )
    await policy.refresh()
    moved = await recount_open_clocks(store.clocks, policy())
    assert [(one.before.ticket_id, one.before.step) for one in moved if one.moves] == [
        (late, Step.TOTAL)
    ]
    assert await recount_open_clocks(store.clocks, policy()) == []
    sheet = rebuild(await store.tickets.history(late), policy())
    assert sheet is not None
    assert sorted((await store.clocks.of([late]))[late], key=lambda c: c.clock_id) == sorted(
        sheet.clocks, key=lambda c: c.clock_id
    )
    await store.close()
