"""Time on a whole worker: warnings, cards and reminders once each, and clocks that survive."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from schemas import events as ev
from schemas.clocks import Clock
from schemas.lifecycle import Action
from schemas.sla import Step
from schemas.ticket import Source, State
from schemas.winding import rebuild
from tests.schemas import cases
from tests.schemas.cases import DISPATCHER, LEADER, OPERATOR, REVIEWER, command, handler
from tests.schemas.test_winding import on
from tests.streams.hub import POLICY, Hub, SetClock, open_test_store, running_hub
from ticket_store.store import Store


async def registered(hub: Hub, source: Source = Source.HOTLINE12345) -> int:
    ticket_id = hub.deps.ids.next()
    about = cases.registration(source).model_copy(update={"received_at": hub.clock.now})
    await act(hub, ticket_id, Action.REGISTER, OPERATOR, registration=about)
    await hub.wound(ticket_id)
    return ticket_id


async def act(hub: Hub, ticket_id: int, action: Action, who: Any, **changes: Any) -> None:
    await hub.execute(
        command(action, who, ticket_id=ticket_id, **({"at": hub.clock.now} | changes))
    )


async def at_rest(hub: Hub, ticket_id: int, now: datetime) -> Counter[str]:
    """What clocks have set off in all, once nothing more is due at `now`."""
    hub.clock.now = now

    async def nothing_due() -> bool:
        return not await hub.store.clocks.due(now, 1)

    await hub.until(nothing_due)
    await hub.wound(ticket_id)
    return Counter(
        said
        for one in await hub.store.tickets.history(ticket_id)
        if (said := _said(one.event)) is not None
    )


def _said(event: ev.Event) -> str | None:
    match event:
        case ev.WarningFired(clock=clock, level=level):
            return f"{clock.split('.')[0]} {level}"
        case ev.CardIssued(clock=clock, colour=colour):
            return f"{clock.split('.')[0]} {colour}"
        case ev.ReminderSent():
            return "reminder"
    return None


async def truth(store: Store, ticket_id: int) -> dict[str, Clock]:
    sheet = rebuild(await store.tickets.history(ticket_id), POLICY)
    assert sheet is not None
    return by_id(sheet.clocks)


def by_id(clocks: Iterable[Clock]) -> dict[str, Clock]:
    return {clock.clock_id: clock for clock in clocks}


async def test_each_level_fires_once_as_the_clock_jumps(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        ticket_id = await registered(hub)  # Wednesday 25 November 2026, 10:00
        assert await at_rest(hub, ticket_id, on("2026-11-26 12:00")) == Counter()
        near = Counter({"accept near": 1, "accept yellow": 1})
        assert await at_rest(hub, ticket_id, on("2026-11-26 23:59:59")) == near
        over = near + Counter({"accept over": 1})
        assert await at_rest(hub, ticket_id, on("2026-11-27 00:00:00")) == over
        reminded = over + Counter({"reminder": 1})
        assert await at_rest(hub, ticket_id, on("2026-11-27 09:00:00")) == reminded
        warned = reminded + Counter({"total near": 1, "total yellow": 1})
        assert await at_rest(hub, ticket_id, on("2026-12-16 23:59:59")) == warned
        late = warned + Counter({"total over": 1, "total red": 1})
        assert await at_rest(hub, ticket_id, on("2026-12-17 00:00:00")) == late
        all_said = late + Counter({"reminder": 1})
        assert await at_rest(hub, ticket_id, on("2027-03-01 00:00:00")) == all_said


async def test_a_make_up_sunday_counts_and_the_saturday_before_does_not(tmp_path: Path) -> None:
    async with running_hub(tmp_path, clock=SetClock(on("2026-09-18 10:00"))) as hub:
        ticket_id = await registered(hub)
        [accept] = [c for c in await hub.wound(ticket_id) if c.step is Step.ACCEPT]
        assert accept.due_at == on("2026-09-20 23:59:59")
        assert await at_rest(hub, ticket_id, on("2026-09-19 23:00")) == Counter()
        sunday = await at_rest(hub, ticket_id, on("2026-09-20 23:59:59"))
        assert sunday == {"accept near": 1, "accept yellow": 1}
        monday = await at_rest(hub, ticket_id, on("2026-09-21 00:00"))
        assert monday["accept over"] == 1


async def test_a_suspended_ticket_sets_off_nothing(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        ticket_id = await registered(hub)
        await act(hub, ticket_id, Action.ACCEPT, OPERATOR)
        await act(hub, ticket_id, Action.SUSPEND, LEADER)
        await hub.wound(ticket_id)
        assert await at_rest(hub, ticket_id, on("2027-03-01 00:00")) == Counter()


async def test_a_rating_that_never_comes_closes_the_ticket(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        ticket_id = await registered(hub, Source.WEB_PORTAL)
        for action, who in (
            (Action.ACCEPT, OPERATOR),
            (Action.DISPATCH, DISPATCHER),
            (Action.ACKNOWLEDGE, handler()),
            (Action.COMPLETE, handler()),
            (Action.PASS_CLOSURE, REVIEWER),
            (Action.REPLY, OPERATOR),
            (Action.FOLLOW_UP, OPERATOR),
        ):
            await act(hub, ticket_id, action, who)
        await hub.wound(ticket_id)
        assert await at_rest(hub, ticket_id, on("2027-03-01 00:00")) == Counter()
        head = await hub.store.tickets.head(ticket_id)
        assert head is not None
        assert head.state is State.CLOSED
        assert (await hub.kinds(ticket_id)).count("ticket_closed") == 1


async def test_the_same_clocks_stand_after_a_restart_and_after_the_broker_is_lost(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as hub:
        ticket_id = await registered(hub)
        await act(hub, ticket_id, Action.ACCEPT, OPERATOR)
        await hub.wound(ticket_id)
    async with running_hub(tmp_path) as hub:
        await act(hub, ticket_id, Action.DISPATCH, DISPATCHER)
        assert by_id(await hub.wound(ticket_id)) == await truth(hub.store, ticket_id)
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    async with running_hub(tmp_path) as hub:
        await act(hub, ticket_id, Action.ACKNOWLEDGE, handler())
        clocks = await hub.wound(ticket_id)
        assert by_id(clocks) == await truth(hub.store, ticket_id)
        assert {c.step for c in clocks if c.is_open} == {Step.TOTAL, Step.SEND_BACK}


async def test_events_that_the_broker_swallowed_are_offered_again(tmp_path: Path) -> None:
    clock = SetClock()
    store = await open_test_store(tmp_path, clock)
    ticket_id = store.ids.next()
    for action in (Action.REGISTER, Action.ACCEPT):
        await store.desk.execute(command(action, OPERATOR, ticket_id=ticket_id))
    await store.outbox.done([(ticket_id, 1), (ticket_id, 2)])
    await store.close()
    async with running_hub(tmp_path, clock=clock) as hub:
        assert await hub.store.clocks.behind(clock.now + timedelta(days=1), 10) == [(ticket_id, 2)]
        clock.now += timedelta(seconds=60)
        await hub.happened(ticket_id, "proposal_made")
        assert by_id(await hub.wound(ticket_id)) == await truth(hub.store, ticket_id)
