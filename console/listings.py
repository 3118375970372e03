"""Lists of tickets: a query within the reader's scope becomes rows with their time left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from console.deps import DEPS, Deps
from console.session import signed_in
from console.time_left import TimeLeft, most_urgent, time_left
from schemas.parties import Actor
from schemas.ticket import Ticket
from ticket_store.scope import scope_of
from ticket_store.ticket_query import Count, CursorRefused, TicketQuery

PAGE = 30


@dataclass(frozen=True)
class ListRow:
    """cards: colours, gravest first.

    departments: names. note: what this list wants said below the title.
    """

    ticket: Ticket
    cards: tuple[str, ...]
    departments: str
    left: TimeLeft | None
    note: str


@dataclass(frozen=True)
class Listing:
    """total: None where counting is not wanted. next_href: None on the last page."""

    rows: list[ListRow]
    total: Count | None
    next_href: str | None


Note = Callable[[Ticket], str]
Cards = Mapping[int, tuple[str, ...]]  # by ticket


async def listing(
    request: web.Request,
    query: TicketQuery,
    *,
    note: Note = lambda _ticket: "",
    count: bool = True,
    limit: int = PAGE,
    paged: bool = True,
) -> Listing:
    """One page of `query`, the cursor being in the address; without `paged` the first rows only.

    Raises: HTTPBadRequest for a cursor that we did not give out.
    """
    deps, actor = request.app[DEPS], signed_in(request).actor
    scope, cursor = scope_of(actor), request.query.get("cursor") if paged else None
    try:
        found = await deps.store.search.find(query, scope, limit, cursor)
    except CursorRefused:
        raise web.HTTPBadRequest from None
    heads = await deps.store.tickets.heads([row.ticket_id for row in found.rows])
    cards = {row.ticket_id: row.cards for row in found.rows}
    return Listing(
        rows=await _rows(deps, list(heads.values()), cards, note),
        total=await deps.store.search.count(query, scope) if count else None,
        next_href=_next(request, found.cursor) if paged else None,
    )


async def _rows(deps: Deps, heads: Sequence[Ticket], cards: Cards, note: Note) -> list[ListRow]:
    clocks = await deps.store.clocks.of([head.ticket_id for head in heads])
    now, calendar = deps.now(), deps.calendar()
    rows = []
    for head in heads:
        first = most_urgent(clocks.get(head.ticket_id, ()))
        rows.append(
            ListRow(
                ticket=head,
                cards=cards.get(head.ticket_id, ()),
                departments="、".join(map(deps.department_name, head.departments)),
                left=time_left(first, now, calendar) if first else None,
                note=note(head),
            )
        )
    return rows


def _next(request: web.Request, cursor: str | None) -> str | None:
    """The address of the next page: the same filters, another cursor."""
    return None if cursor is None else str(request.rel_url.update_query(cursor=cursor))


async def count_of(deps: Deps, actor: Actor, query: TicketQuery) -> Count:
    return await deps.store.search.count(query, scope_of(actor))
