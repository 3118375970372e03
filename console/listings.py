"""Lists of tickets: a query within the reader's scope becomes rows with their time left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from console.deps import DEPS, Deps
from console.session import signed_in
from console.time_left import TimeLeft, most_urgent, time_left
from schemas.parties import Actor
from schemas.ticket import Ticket
from ticket_store.scope import Scope, scope_of
from ticket_store.ticket_query import Count, CursorRefused, TicketQuery

PAGE = 30
_READ, _PAGES_READ_ON = 200, 4  # for lists that a query cannot tell apart


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
Keep = Callable[[Ticket], bool]
Cards = Mapping[int, tuple[str, ...]]  # by ticket


async def listing(
    request: web.Request,
    query: TicketQuery,
    *,
    note: Note = lambda _ticket: "",
    keep: Keep | None = None,
    count: bool = True,
    limit: int = PAGE,
    paged: bool = True,
) -> Listing:
    """One page of `query`, the cursor being in the address; without `paged` the first rows only.

    keep:   drops rows that the query cannot tell apart; such a list shows no total.
    Raises: HTTPBadRequest for a cursor that we did not give out.
    """
    deps, actor = request.app[DEPS], signed_in(request).actor
    scope, cursor = scope_of(actor), request.query.get("cursor") if paged else None
    try:
        wanted, cards, cursor = await _collected(deps, query, scope, cursor, limit, keep)
    except CursorRefused:
        raise web.HTTPBadRequest from None
    total = await deps.store.search.count(query, scope) if count and keep is None else None
    return Listing(
        rows=await _rows(deps, wanted, cards, note),
        total=total,
        next_href=_next(request, cursor) if paged else None,
    )


async def _collected(
    deps: Deps,
    query: TicketQuery,
    scope: Scope,
    cursor: str | None,
    limit: int,
    keep: Keep | None,
) -> tuple[list[Ticket], Cards, str | None]:
    """Heads of one page; with `keep`, pages are read on until enough are kept or none is left."""
    wanted: list[Ticket] = []
    cards: dict[int, tuple[str, ...]] = {}
    for _ in range(_PAGES_READ_ON if keep else 1):
        found = await deps.store.search.find(query, scope, _READ if keep else limit, cursor)
        heads = await deps.store.tickets.heads([row.ticket_id for row in found.rows])
        wanted += [head for head in heads.values() if keep is None or keep(head)]
        cards |= {row.ticket_id: row.cards for row in found.rows}
        cursor = found.cursor
        if cursor is None or len(wanted) >= limit:
            break
    return wanted, cards, cursor


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
