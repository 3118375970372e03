"""效能监管: what is over its limit, near it, reminded without an answer, or suspended."""

from collections.abc import Sequence

from aiohttp import web

from console.handling import open_reminders
from console.tabs import Tab, TabbedPage, due
from schemas.parties import Actor
from schemas.ticket import State
from ticket_store.marks import Mark
from ticket_store.ticket_query import TicketQuery


def _tabs(_actor: Actor) -> Sequence[Tab]:
    return (
        Tab("overdue", "已超期", lambda _a: due(overdue=True),
            "没有超期的工单。", act="查看", order="超期最久的在前"),
        Tab("near", "临期", lambda _a: due(near=True), "没有临期的工单。", act="查看"),
        Tab("reminded", "催办未答复", lambda _a: TicketQuery(mark=Mark.REMINDED),
            "催办都已答复。", act="查看", note=open_reminders, order="最新的在前"),
        Tab("suspended", "已挂起", lambda _a: TicketQuery(states=frozenset({State.SUSPENDED})),
            "没有挂起的工单。", act="查看", order="最新的在前"),
    )  # fmt: skip


PAGE = TabbedPage("/supervise", "效能监管", _tabs)


def routes() -> list[web.RouteDef]:
    return [web.get("/supervise", PAGE.show)]
