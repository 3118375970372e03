"""审核: what waits for a reviewer's or a leader's decision, a list a kind of review."""

from collections.abc import Callable, Sequence

from aiohttp import web

from console.tabs import Tab, TabbedPage, due
from schemas.parties import Actor, Role
from schemas.ticket import ReviewKind, Ticket
from ticket_store.to_dos import TO_DOS_OF_ROLE, ToDo


def asked_for(kind: ReviewKind) -> Callable[[Ticket], str]:
    """What the open review of a kind says for itself."""

    def note(ticket: Ticket) -> str:
        return "；".join(
            (f"申请 {one.working_days} 个工作日：" if one.working_days else "") + one.reason
            for one in ticket.open_reviews
            if one.kind is kind
        )

    return note


_TABS = (
    (
        ToDo.CLOSURE_REVIEW,
        ReviewKind.CLOSURE,
        "结案审核",
        "没有待审核的结案。部门办结后会出现在这里。",
    ),
    (ToDo.SEND_BACK_REVIEW, ReviewKind.SEND_BACK, "退单审核", "没有待审核的退单。"),
    (
        ToDo.FINAL_RULING,
        ReviewKind.SEND_BACK,
        "终裁",
        "没有待终裁的退单。再次退单时由管理中心终裁。",
    ),
    (ToDo.EXTENSION_REVIEW, ReviewKind.EXTENSION, "延期审核", "没有待审核的延期申请。"),
    (ToDo.DECLINE_REVIEW, ReviewKind.DECLINE, "不受理审核", "没有待审核的不受理申请。"),
)


def _mine(actor: Actor) -> frozenset[ToDo]:
    roles = (Role.REVIEWER, Role.LEADER, Role.DISPATCHER)
    return frozenset(to_do for role in roles if actor.has(role) for to_do in TO_DOS_OF_ROLE[role])


def _tab(to_do: ToDo, kind: ReviewKind, name: str, empty: str) -> Tab:
    return Tab(
        to_do.value, name, lambda _actor: due(to_do=to_do), empty, act="审核", note=asked_for(kind)
    )


def _tabs(actor: Actor) -> Sequence[Tab]:
    mine = _mine(actor)
    return [_tab(*row) for row in _TABS if row[0] in mine]


PAGE = TabbedPage("/reviews", "审核", _tabs)


def routes() -> list[web.RouteDef]:
    return [web.get("/reviews", PAGE.show)]
