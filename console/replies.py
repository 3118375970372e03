"""回复回访: replies that are owed, follow-up calls, and what citizens said of the outcome."""

from collections.abc import Sequence

from aiohttp import web

from console.rates import rate_tiles
from console.tabs import Tab, TabbedPage, due
from schemas.parties import Actor
from schemas.ticket import State, Ticket
from ticket_store.marks import POOR_STARS, Mark
from ticket_store.ticket_query import TicketQuery
from ticket_store.to_dos import ToDo


def evaluation(ticket: Ticket) -> str:
    """满意 · 已解决 · 5 星, as far as it is known."""
    parts = []
    if ticket.satisfied is not None:
        parts.append("满意" if ticket.satisfied else "不满意")
    if ticket.resolved is not None:
        parts.append("已解决" if ticket.resolved else "未解决")
    if ticket.rating is not None:
        parts.append(f"{ticket.rating} 星")
    return " · ".join(parts) or "未评价"


def _tabs(_actor: Actor) -> Sequence[Tab]:
    return (
        Tab("reply", "待回复", lambda _a: due(to_do=ToDo.AWAITING_REPLY),
            "没有待回复的工单。结案审核通过后会出现在这里。", act="回复"),
        Tab("follow-up", "待回访", lambda _a: due(to_do=ToDo.AWAITING_FOLLOW_UP),
            "没有待回访的工单。回复诉求人之后会出现在这里。", act="回访"),
        Tab("rating", "待评价", lambda _a: TicketQuery(states=frozenset({State.AWAITING_RATING})),
            "没有等待诉求人评价的工单。", act="查看", order="最新的在前"),
        Tab("rated", "已评价", lambda _a: TicketQuery(mark=Mark.EVALUATED),
            "还没有诉求人评价过的工单。", act="查看", order="最新的在前", note=evaluation),
        Tab("dissatisfied", "不满意", lambda _a: TicketQuery(mark=Mark.DISSATISFIED),
            "没有诉求人不满意的工单。", act="查看", order="最新的在前", note=evaluation),
        Tab("poor", "差评", lambda _a: TicketQuery(mark=Mark.POORLY_RATED),
            f"没有 {POOR_STARS} 星及以下的评价。", act="查看", order="最新的在前", note=evaluation),
    )  # fmt: skip


PAGE = TabbedPage("/replies", "回复回访", _tabs, figures=rate_tiles)


def routes() -> list[web.RouteDef]:
    return [web.get("/replies", PAGE.show)]
