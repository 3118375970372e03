"""Time -> commands: warnings, cards, reminders, the end of the rating time; exactly once each.

What is due is found by the index on `next_at`. The command ids follow from the clock, so a tick
that is repeated, here or on another worker, asks the desk for what it has already done.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from schemas import commands as cmd
from schemas.card_policy import CardPolicy, CardReason
from schemas.clock_running import due_levels, over_at
from schemas.clocks import Clock, ClockState, Level
from schemas.errors import CommandRefused
from schemas.ids import created_at, derived_command_id
from schemas.parties import Actor, Role
from schemas.sla import Step
from schemas.ticket import ReminderKind
from schemas.working_calendar import HUB_ZONE
from streams.deps import StreamDeps
from ticket_store.clocks import DueClock

log = structlog.get_logger(__name__)

CLOCKS = Actor(actor_id="system:clocks", roles=frozenset({Role.SYSTEM}))
LIMIT = 256  # due clocks a round
_ASK_AGAIN = timedelta(seconds=60)  # by then the clock stream has told the projection, or is behind
_UNRATED = "评价期满，诉求人未评价"


def commands_for(
    clock: Clock, total: Clock | None, now: datetime, cards: CardPolicy
) -> tuple[cmd.Command, ...]:
    """What `clock` sets off at `now`. Cards come before the warning that marks the level as fired,
    so that a crash in between loses none.

    total: the ticket's clock for the whole way; its overdue is the graver reason for a card.
    """
    return tuple(
        command
        for level in due_levels(clock, now)
        for command in _of_level(level, clock, total, now, cards)
    )


def _of_level(
    level: Level, clock: Clock, total: Clock | None, now: datetime, cards: CardPolicy
) -> Iterator[cmd.Command]:
    if clock.step is Step.RATING:
        yield cmd.CloseUnrated(**_common(clock, now, f"{clock.clock_id}:unrated"), reason=_UNRATED)
    elif level is Level.REMINDER:
        # several clocks of a ticket that fall due on one day are reminded of once
        day = (clock.remind_at or now).astimezone(HUB_ZONE).date()
        yield cmd.SendReminder(
            **_common(clock, now, f"remind:{day}"),
            reminder=ReminderKind.SYSTEM,
            text=f"「{clock.step.text}」环节已到时限（{_day(clock.due_at)}），请尽快办理。",
        )
    else:
        if (reason := _card_reason(level, clock, total, now)) and (verdict := cards.card(reason)):
            colour = verdict.colour
            yield cmd.IssueCard.model_validate(
                {
                    **_common(clock, now, f"{clock.clock_id}:{colour}:{clock.episode}"),
                    "clock": clock.clock_id,
                    "colour": colour,
                    "department": clock.department,
                    "arithmetic": clock.arithmetic | {"reason": reason.value},
                }
            )
        yield cmd.FireWarning.model_validate(
            {
                **_common(clock, now, f"{clock.clock_id}:{level}:{clock.episode}"),
                "clock": clock.clock_id,
                "level": level.value,
                "arithmetic": clock.arithmetic,
            }
        )


def _card_reason(
    level: Level, clock: Clock, total: Clock | None, now: datetime
) -> CardReason | None:
    if level is Level.NEAR:
        return CardReason.NEAR_EXPIRY
    if clock.step is Step.TOTAL:
        return CardReason.TOTAL_OVERDUE
    running = total is not None and total.state is ClockState.RUNNING
    if running and total is not None and over_at(total) <= now:
        return None  # the graver card comes from the clock for the whole way
    return CardReason.STEP_OVERDUE


def _common(clock: Clock, now: datetime, act: str) -> dict[str, Any]:
    return {
        "command_id": derived_command_id(
            created_at(clock.ticket_id), "clock", clock.ticket_id, act
        ),
        "ticket_id": clock.ticket_id,
        "actor": CLOCKS,
        "at": now,
    }


def _day(moment: datetime) -> str:
    return moment.astimezone(HUB_ZONE).strftime("%Y-%m-%d")


class Ticks:
    """asked: what was dealt with a moment ago, and whose events are still on their way."""

    def __init__(self, deps: StreamDeps) -> None:
        self._deps = deps
        self._asked: dict[DueClock, datetime] = {}

    async def once(self) -> bool:
        """Set off what is due; True when there may be more."""
        book, now = self._deps.store.clocks, self._deps.now()
        # one of a later time than now was dealt with before the clock was set back
        self._asked = {
            one: at for one, at in self._asked.items() if now - _ASK_AGAIN < at <= now
        }
        due = await book.due(now, LIMIT + len(self._asked))
        fresh = [one for one in due if one not in self._asked]
        clocks = await book.of({one.ticket_id for one in fresh})
        await asyncio.gather(*(self._ticket(held, fresh, now) for held in clocks.values() if held))
        return len(fresh) >= LIMIT

    async def _ticket(
        self, held: Sequence[Clock], fresh: Sequence[DueClock], now: datetime
    ) -> None:
        cards = self._deps.policy().cards
        total = next((one for one in held if one.step is Step.TOTAL and one.is_open), None)
        due = {one.clock_id: one for one in fresh if one.ticket_id == held[0].ticket_id}
        for clock in held:
            if clock.clock_id not in due:
                continue
            for command in commands_for(clock, total, now, cards):
                try:
                    await self._deps.store.desk.execute(command)
                except CommandRefused as refusal:  # it moved on, and its event is on the way
                    log.info(
                        "clock not followed", ticket_id=clock.ticket_id, clock=clock.clock_id,
                        code=refusal.code,
                    )  # fmt: skip
            self._asked[due[clock.clock_id]] = now
