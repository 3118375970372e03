"""协同处理: a department's own lists, waiting for acknowledgement, in work, reminded, done."""

from collections.abc import Sequence

from aiohttp import web

from console import say
from console.tabs import Tab, TabbedPage, due
from schemas.parties import Actor, Role
from schemas.ticket import State, Ticket
from ticket_store.scope import SEES_ALL
from ticket_store.ticket_query import TicketQuery
from ticket_store.to_dos import ToDo

_DONE = frozenset(
    {
        State.COMPLETED, State.AWAITING_REPLY, State.AWAITING_FOLLOW_UP, State.AWAITING_RATING,
        State.CLOSED, State.ARCHIVED,
    }
)  # fmt: skip


def open_reminders(ticket: Ticket) -> str:
    return "；".join(
        f"{say.text(one.kind)}：{one.text}" for one in ticket.reminders if one.answered_at is None
    )


def _waiting(actor: Actor, to_do: ToDo, state: State) -> TicketQuery:
    """A department's own share of the work; for the centre the tickets of all departments."""
    if actor.has(*SEES_ALL):
        return TicketQuery(states=frozenset({state}))
    return due(to_do=to_do)


def _tabs(actor: Actor) -> Sequence[Tab]:
    tabs = _lists()
    return tabs if actor.has(Role.HANDLER) else [tab for tab in tabs if tab.key != "reminders"]


def _lists() -> Sequence[Tab]:
    return (
        Tab("pending", "待处理", lambda a: _waiting(a, ToDo.PENDING, State.DISPATCHED),
            "没有待签收的工单。新派来的工单会自动出现在这里。", act="签收",
            note=open_reminders),
        Tab("working", "处理中", lambda a: _waiting(a, ToDo.ACKNOWLEDGED, State.ACKNOWLEDGED),
            "没有处理中的工单。签收后的工单在这里办理。", note=open_reminders),
        Tab("reminders", "催办", lambda _a: due(to_do=ToDo.REMINDER),
            "没有待答复的催办。", act="答复", note=open_reminders),
        Tab("done", "已办结", lambda _a: TicketQuery(states=_DONE),
            "还没有办结的工单。", act="查看", order="最新的在前"),
    )  # fmt: skip


PAGE = TabbedPage("/handling", "协同处理", _tabs)


def routes() -> list[web.RouteDef]:
    return [web.get("/handling", PAGE.show)]
