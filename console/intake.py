"""统一受理: the lists by channel. Registration has a file of its own."""

from collections.abc import Sequence

from aiohttp import web

from console.handling import open_reminders
from console.reviews import asked_for
from console.tabs import Tab, TabbedPage, due
from schemas.parties import Actor
from schemas.ticket import ReviewKind, Source, State
from ticket_store.marks import Mark
from ticket_store.ticket_query import TicketQuery
from ticket_store.to_dos import ToDo


def _received(*sources: Source) -> TicketQuery:
    return due(to_do=ToDo.RECEIVED, sources=frozenset(sources))


def _tabs(_actor: Actor) -> Sequence[Tab]:
    return (
        Tab("drafts", "电话待登记", lambda _a: due(to_do=ToDo.DRAFT),
            "没有待登记的来电。话务系统导出的来电会自动出现在这里；也可以直接新登记。",
            act="登记", to="/intake/drafts/"),
        Tab("received", "全部未受理", lambda _a: _received(), "没有未受理的诉求。", act="受理"),
        Tab("internet", "互联网", lambda _a: _received(Source.WEB_PORTAL),
            "没有未受理的网上诉求。", act="受理"),
        Tab("hotline", "12345 热线", lambda _a: _received(Source.HOTLINE12345),
            "没有未受理的热线工单。", act="受理"),
        Tab("superior", "上级交办", lambda _a: _received(Source.PROVINCIAL),
            "没有未受理的上级交办工单。", act="受理"),
        Tab("other", "本级登记", lambda _a: _received(Source.COUNTER, Source.PHONE_LOG),
            "没有登记后未受理的工单。", act="受理"),
        Tab("asked", "不受理待审", lambda _a: due(to_do=ToDo.DECLINE_REVIEW),
            "没有等待审核的不受理申请。", act="查看", note=asked_for(ReviewKind.DECLINE)),
        Tab("declined", "不受理", lambda _a: TicketQuery(states=frozenset({State.DECLINED})),
            "没有不受理的工单。", act="查看", order="最新的在前"),
        Tab("reminders", "上级催办", lambda _a: TicketQuery(mark=Mark.REMINDED_FROM_ABOVE),
            "没有待答复的上级催办。", act="答复", note=open_reminders, order="最新的在前"),
    )  # fmt: skip


PAGE = TabbedPage("/intake", "统一受理", _tabs, create=("/intake/new", "新登记"))


def routes() -> list[web.RouteDef]:
    return [web.get("/intake", PAGE.show)]
