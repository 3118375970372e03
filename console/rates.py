"""满意率 and 解决率 of this month and of today, as pages show them."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from console.deps import Deps
from schemas.parties import Actor
from schemas.working_calendar import HUB_ZONE
from ticket_store.marks import Mark
from ticket_store.scope import scope_of


@dataclass(frozen=True)
class RateTile:
    """month: the rate in whole percents, "" while nobody was called; said: what it rests on.

    href: the tickets that pull it down.
    """

    key: str
    name: str
    month: str
    said: str
    href: str


async def rate_tiles(deps: Deps, actor: Actor) -> list[RateTile]:
    """Of the follow-up calls that reached the citizen, within what the person may see."""
    today = datetime.combine(deps.now().astimezone(HUB_ZONE), time(), tzinfo=HUB_ZONE)
    tomorrow, search, scope = today + timedelta(days=1), deps.store.search, scope_of(actor)
    month = await search.rates(today.replace(day=1), tomorrow, scope)
    day = await search.rates(today, tomorrow, scope)
    return [
        RateTile(
            key,
            f"{word}率",
            percent(of_month, month.calls),
            _said(word, of_month, month.calls) + _today(of_day, day.calls),
            f"/tickets?mark={mark}",
        )
        for key, word, of_month, of_day, mark in (
            ("satisfied", "满意", month.satisfied, day.satisfied, Mark.DISSATISFIED),
            ("resolved", "解决", month.resolved, day.resolved, Mark.UNRESOLVED),
        )
    ]


def percent(part: int, whole: int) -> str:
    """Rounded down: 199 of 200 are not all."""
    return f"{part * 100 // whole}" if whole else ""


def _said(word: str, part: int, calls: int) -> str:
    return f"本月 {calls} 次回访中 {part} 次{word}" if calls else "本月还没有回访"


def _today(part: int, calls: int) -> str:
    return f"；今日 {part} / {calls}" if calls else ""
