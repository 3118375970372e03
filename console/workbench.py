"""工作台: the first page after sign-in, by role; and the counts beside the menu's entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from aiohttp import web

from console import permissions
from console.deps import DEPS
from console.handling import open_reminders
from console.listings import Listing, count_of, listing
from console.rates import rate_tiles
from console.rendering import page
from console.session import signed_in
from console.tabs import due
from schemas.lifecycle import LIVE
from schemas.parties import Actor, Role
from schemas.ticket import State
from ticket_store.marks import Mark
from ticket_store.people_values import WORKERS
from ticket_store.ticket_query import TicketQuery, ToDoCount
from ticket_store.to_dos import ToDo

SHOWN = 8


@dataclass(frozen=True)
class Place:
    """A to-do's word, the list it leads to, the menu entry that counts it, the row's button."""

    name: str
    href: str
    family: str
    act: str
    to: str = "/tickets/"


PLACES: Mapping[ToDo, Place] = MappingProxyType(
    {
        ToDo.DRAFT: Place("待登记来电", "/intake?tab=drafts", "intake", "登记", "/intake/drafts/"),
        ToDo.RECEIVED: Place("待受理", "/intake?tab=received", "intake", "受理"),
        ToDo.DECLINE_REVIEW: Place("不受理审核", "/reviews?tab=decline_review", "reviews", "审核"),
        ToDo.ACCEPTED: Place("待派审", "/dispatch", "dispatch", "派审", "/dispatch/"),
        ToDo.PENDING: Place("待签收", "/handling?tab=pending", "handling", "签收"),
        ToDo.ACKNOWLEDGED: Place("处理中", "/handling?tab=working", "handling", "办理"),
        ToDo.SEND_BACK_REVIEW: Place(
            "退单审核", "/reviews?tab=send_back_review", "reviews", "审核"
        ),
        ToDo.FINAL_RULING: Place("终裁", "/reviews?tab=final_ruling", "reviews", "终裁"),
        ToDo.EXTENSION_REVIEW: Place(
            "延期审核", "/reviews?tab=extension_review", "reviews", "审核"
        ),
        ToDo.CLOSURE_REVIEW: Place("结案审核", "/reviews?tab=closure_review", "reviews", "审核"),
        ToDo.AWAITING_REPLY: Place("待回复", "/replies?tab=reply", "replies", "回复"),
        ToDo.AWAITING_FOLLOW_UP: Place("待回访", "/replies?tab=follow-up", "replies", "回访"),
        ToDo.REMINDER: Place("催办待答复", "/supervise?tab=reminded", "", "答复"),
        ToDo.OVERDUE: Place("已超期", "/tickets?due=overdue", "", "查看"),
    }
)
# what a department looks at instead, because the monitor is the centre's
_HANDLERS = {ToDo.REMINDER: "/handling?tab=reminders"}


@dataclass(frozen=True)
class Tile:
    """A key figure that leads to its list. late: how many of them are past their limit."""

    key: str
    name: str
    count: str
    href: str
    late: int = 0


def href_of(to_do: ToDo, actor: Actor) -> str:
    if to_do is ToDo.REMINDER and not permissions.may_open("/supervise", actor.roles):
        return _HANDLERS[to_do] if actor.has(Role.HANDLER) else "/intake?tab=reminders"
    return PLACES[to_do].href


async def show(request: web.Request) -> web.Response:
    """Tickets for those who work on them; administrators are led to their own pages."""
    signed = signed_in(request)
    if not signed.actor.roles & WORKERS:
        return page(request, "workbench/admin.html")
    return page(request, "workbench/workbench.html", **await _content(request))


async def board(request: web.Request) -> web.Response:
    """The same without the frame: what a live page re-reads."""
    return page(request, "workbench/board.html", **await _content(request))


async def _content(request: web.Request) -> dict[str, Any]:
    deps, actor = request.app[DEPS], signed_in(request).actor
    waiting = await deps.store.search.to_dos(actor)
    tiles = [
        Tile(
            one.to_do,
            PLACES[one.to_do].name,
            str(one.count),
            href_of(one.to_do, actor),
            one.overdue,
        )
        for one in waiting
    ]
    lists = []
    for one in waiting:
        if one.count and one.to_do is not ToDo.OVERDUE:
            query = due(to_do=one.to_do)
            note = open_reminders if one.to_do is ToDo.REMINDER else (lambda _ticket: "")
            found = await listing(request, query, note=note, count=False, limit=SHOWN, paged=False)
            lists.append((one, PLACES[one.to_do], href_of(one.to_do, actor), found))
    return {
        "tiles": tiles, "lists": lists, "overview": await _overview(request, actor),
        "mediated": await _mediated(request, actor),
        "rates": await rate_tiles(deps, actor) if actor.has(Role.LEADER) else [],
    }  # fmt: skip


async def _mediated(request: web.Request, actor: Actor) -> Listing | None:
    """The newest tickets with a mediation, for those who look after all of them."""
    if not actor.has(Role.OPERATOR, Role.LEADER):
        return None
    return await listing(request, TicketQuery(mark=Mark.MEDIATED), limit=SHOWN, paged=False)


async def _overview(request: web.Request, actor: Actor) -> list[Tile]:
    """Numbers over everything that the person may see."""
    deps = request.app[DEPS]
    asked = (
        ("live", "办理中", TicketQuery(states=frozenset(LIVE)), "/tickets"),
        ("near", "临期", TicketQuery(near=True), "/tickets?due=near"),
        ("overdue", "超期", TicketQuery(overdue=True), "/tickets?due=overdue"),
        ("closed", "已结案", TicketQuery(states=frozenset({State.CLOSED, State.ARCHIVED})),
         "/tickets?state=closed"),
    )  # fmt: skip
    return [
        Tile(key, name, str(await count_of(deps, actor, query)), href)
        for key, name, query, href in asked
    ]


async def menu(request: web.Request) -> web.Response:
    """The menu again, with how much waits behind each entry."""
    deps, actor = request.app[DEPS], signed_in(request).actor
    counts = menu_counts(await deps.store.search.to_dos(actor))
    return page(request, "_menu.html", family=request.query.get("at", ""), counts=counts)


def menu_counts(waiting: list[ToDoCount]) -> dict[str, int]:
    """Menu entry -> how much waits there."""
    counts: dict[str, int] = {}
    for one in waiting:
        family = PLACES[one.to_do].family
        if family:
            counts[family] = counts.get(family, 0) + one.count
    return counts


def routes() -> list[web.RouteDef]:
    return [web.get("/", show), web.get("/menu/board", board), web.get("/menu", menu)]
