"""满意率 and 解决率 of this month and of today, as pages show them."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from console.deps import Deps
from schemas.parties import Actor
from schemas.working_time import HUB_ZONE
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
        RateTile(key, name, percent(of_month, month.calls), _said(of_month, month.calls)
                 + _today(of_day, day.calls), href)
        for key, name, of_month, of_day, href in (
            ("satisfied", "满意率", month.satisfied, day.satisfied, "/tickets?mark=dissatisfied"),
            ("resolved", "解决率", month.resolved, day.resolved, "/tickets?mark=unresolved"),
        )
    ]  # fmt: skip


def percent(part: int, whole: int) -> str:
    """Rounded down: 199 of 200 are not all."""
    return f"{part * 100 // whole}" if whole else ""


def _said(part: int, calls: int) -> str:
    return f"本月回访 {calls} 次，其中 {part} 次" if calls else "本月还没有回访"


def _today(part: int, calls: int) -> str:
    return f"；今日 {part} / {calls}" if calls else ""
