"""What a due clock sets off: which commands, in which order, under which ids."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from schemas import commands as cmd
from schemas.card_policy import CardPolicy, CardReason
from schemas.clock_running import fired, over_at
from schemas.clocks import Clock, Level
from schemas.sla import Arithmetic, Step
from schemas.ticket import State
from streams.sla_ticks import commands_for
from tests.schemas.cases import in_state
from tests.schemas.test_winding import on, only, sheet_of

CARDS = CardPolicy()


def clocks() -> tuple[Clock, Clock]:
    sheet = sheet_of(in_state(State.RECEIVED))
    return only(sheet, Step.ACCEPT), only(sheet, Step.TOTAL)


def said(commands: Sequence[cmd.Command]) -> list[str]:
    def one(command: cmd.Command) -> str:
        match command:
            case cmd.IssueCard(colour=colour):
                return colour.value
            case cmd.FireWarning(level=level):
                return level
            case _:
                return command.action.value

    return [one(command) for command in commands]


def test_nothing_before_its_time() -> None:
    accept, total = clocks()
    assert commands_for(accept, total, accept.warn_at - timedelta(seconds=1), CARDS) == ()


def test_near_over_and_reminder_of_a_step() -> None:
    accept, total = clocks()
    near = commands_for(accept, total, accept.warn_at, CARDS)
    assert said(near) == ["yellow", "near"]
    warned = fired(accept, Level.NEAR)
    over = commands_for(warned, total, over_at(accept), CARDS)
    assert said(over) == ["yellow", "over"]
    assert over[0].command_id == near[0].command_id, "the yellow card of a clock is given once"
    assert accept.remind_at is not None
    late = commands_for(fired(warned, Level.OVER), total, accept.remind_at, CARDS)
    assert said(late) == ["remind"]


def test_after_a_long_standstill_the_gravest_comes_first_and_near_is_left_out() -> None:
    accept, total = clocks()
    commands = commands_for(accept, total, on("2026-11-30 12:00"), CARDS)
    assert said(commands) == ["yellow", "over", "remind"]


def test_red_is_the_whole_ways_and_then_the_step_gets_no_card() -> None:
    accept, total = clocks()
    late = over_at(total)
    assert said(commands_for(total, total, late, CARDS)) == ["red", "over"]
    assert said(commands_for(accept, total, late, CARDS)) == ["over", "remind"]
    assert said(commands_for(accept, None, late, CARDS)) == ["yellow", "over", "remind"]


def test_what_the_policy_does_not_card_is_warned_of_all_the_same() -> None:
    accept, total = clocks()
    colours = {r: c for r, c in CARDS.colours.items() if r is not CardReason.NEAR_EXPIRY}
    commands = commands_for(accept, total, accept.warn_at, CardPolicy(colours=colours))
    assert said(commands) == ["near"]


def test_a_card_keeps_the_arithmetic_and_why() -> None:
    accept, total = clocks()
    [card, _] = commands_for(accept, total, accept.warn_at, CARDS)
    assert isinstance(card, cmd.IssueCard)
    arithmetic = dict(card.arithmetic)
    assert arithmetic.pop("reason") == "near_expiry"
    assert Arithmetic.from_texts(arithmetic).due_at == accept.due_at


def test_clocks_that_fall_due_on_one_day_share_one_reminder() -> None:
    accept, total = clocks()
    same_day = total.model_copy(update={"remind_at": accept.remind_at})
    now = on("2027-01-01 00:00")
    [first] = [c for c in commands_for(accept, total, now, CARDS) if c.action == "remind"]
    [second] = [c for c in commands_for(same_day, total, now, CARDS) if c.action == "remind"]
    assert first.command_id == second.command_id


@pytest.mark.parametrize("now", [on("2027-01-01 00:00"), on("2027-06-01 00:00")])
def test_ids_follow_from_the_clock_and_not_from_the_hour(now: datetime) -> None:
    accept, _ = clocks()
    early = commands_for(accept, None, on("2026-11-30 12:00"), CARDS)
    assert [c.command_id for c in commands_for(accept, None, now, CARDS)] == [
        c.command_id for c in early
    ]


def test_the_end_of_the_rating_time_closes_the_ticket() -> None:
    rating = only(sheet_of(in_state(State.AWAITING_RATING)), Step.RATING)
    [close] = commands_for(rating, None, over_at(rating), CARDS)
    assert isinstance(close, cmd.CloseUnrated)
