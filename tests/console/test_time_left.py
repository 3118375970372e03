"""What a clock reads like: late by duties only; a window that has closed is said to be closed."""

from datetime import UTC, datetime, timedelta

import pytest

from console.time_left import most_urgent, time_left
from schemas.clocks import Clock
from schemas.lifecycle import Action
from schemas.sla import Step
from tests.console.stage import START, Stage
from tests.console.test_tickets import wind

DUE = START + timedelta(days=1)


def clock(step: Step, due_at: datetime = DUE) -> Clock:
    return Clock(
        clock_id=f"{step}.1", ticket_id=1, step=step, rule_id="r", started_at=START,
        due_at=due_at, warn_at=due_at - timedelta(hours=2),
    )  # fmt: skip


@pytest.mark.parametrize("step", [Step.SEND_BACK, Step.RATING])
async def test_a_window_has_no_colour_and_closes(stage: Stage, step: Step) -> None:
    calendar = stage.deps.calendar()
    for now, said in ((DUE - timedelta(hours=1), "余 1 时"), (DUE + timedelta(hours=3), "已截止")):
        left = time_left(clock(step), now, calendar)
        assert (left.tone, left.text) == ("", said)


def test_the_list_shows_what_somebody_must_do_first() -> None:
    later = clock(Step.HANDLE, DUE + timedelta(days=3))
    assert most_urgent([clock(Step.SEND_BACK), later]) is later
    assert most_urgent([clock(Step.RATING)]) is None


async def test_a_lapsed_send_back_window_made_a_ticket_overdue(stage: Stage) -> None:
    ticket = await stage.dispatched()
    stage.clock.pass_(minutes=5)
    await stage.do("handler", Action.ACKNOWLEDGE, ticket.ticket_id)
    await wind(stage, ticket.ticket_id)
    stage.clock.at = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)  # Thursday: the day for it is over
    leader = await stage.browser("leader")
    for path in ("/tickets?due=overdue", "/tickets?due=near"):
        await leader.get(path)
        assert "没有符合条件的工单" in leader.text, path
    await leader.get(f"/tickets/{ticket.ticket_id}")
    assert "已截止" in leader.text
    assert "st-left-over" not in leader.text
