"""A page family that is a row of tabs, each a list of tickets with its own next step."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from console.deps import DEPS, Deps
from console.listings import Note, count_of, listing
from console.rates import RateTile
from console.rendering import page
from console.session import signed_in
from schemas.parties import Actor
from ticket_store.ticket_query import Order, TicketQuery


@dataclass(frozen=True)
class Tab:
    """One list.

    empty:   why the list may be empty and what to do then.
    act, to: the word of the button at the end of a row, and the address it leads to, before the id.
    asks:    makes the query for somebody; a handler's lists are of his own department.
    """

    key: str
    name: str
    asks: Callable[[Actor], TicketQuery]
    empty: str
    act: str = "办理"
    to: str = "/tickets/"
    note: Note = lambda _ticket: ""
    order: str = "最急的在前"


@dataclass(frozen=True)
class TabbedPage:
    """title: of the page; create: address and word of a button that makes something new.

    figures: the page's key figures above the list.
    """

    path: str
    title: str
    tabs: Callable[[Actor], Sequence[Tab]]
    create: tuple[str, str] | None = None
    figures: Callable[[Deps, Actor], Awaitable[list[RateTile]]] | None = None

    async def show(self, request: web.Request) -> web.Response:
        deps, actor = request.app[DEPS], signed_in(request).actor
        tabs = self.tabs(actor)
        chosen = next((tab for tab in tabs if tab.key == request.query.get("tab")), tabs[0])
        counts = [(tab.key, tab.name, await count_of(deps, actor, tab.asks(actor))) for tab in tabs]
        found = await listing(request, chosen.asks(actor), note=chosen.note, count=False)
        figures = await self.figures(deps, actor) if self.figures else []
        template = "parts/tab_list.html" if "HX-Request" in request.headers else "tabbed.html"
        return page(
            request, template, spec=self, tabs=counts, tab=chosen, listing=found,
            total=next(count for key, _, count in counts if key == chosen.key), figures=figures,
        )  # fmt: skip


def due(**asked: object) -> TicketQuery:
    """A query in due order, the order in which work should be done."""
    return TicketQuery.model_validate({"order": Order.DUE, **asked})
