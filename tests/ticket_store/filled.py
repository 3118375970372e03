"""Many made-up tickets in the reading side, and a plain scan that says what must be found."""

import random
from collections.abc import Callable

from schemas.ticket import Registration, State, Ticket
from tests.schemas import cases
from tests.ticket_store.reading_case import ReadingCase, letters
from ticket_store import bigrams
from ticket_store.projection import Change, text_of
from ticket_store.scope import Scope, scope_of
from ticket_store.ticket_query import TicketQuery, TicketRow
from ticket_store.writer import Unit

ALL = scope_of(cases.LEADER)
STATES = (State.RECEIVED, State.ACCEPTED, State.DISPATCHED, State.CLOSED, State.CLOSED)


def head_of(ticket_id: int, body: Registration, state: State) -> Ticket:
    matter = body.matter
    return Ticket(
        ticket_id=ticket_id,
        version=1,
        state=state,
        source=body.source,
        peer=body.peer,
        source_ticket_no=body.source_ticket_no,
        title=matter.title,
        matter_kind=matter.kind,
        urgency=matter.urgency,
        category_code=matter.category_code,
        area_code=matter.area_code,
        received_at=body.received_at,
        updated_at=body.received_at,
    )


class Filled:
    """Made-up tickets in the projection, and a plain model of what must be found."""

    def __init__(self) -> None:
        self.bodies: dict[int, Registration] = {}
        self.heads: dict[int, Ticket] = {}

    async def fill(self, case: ReadingCase, seed: int, count: int, step: int = 3_600) -> "Filled":
        dice = random.Random(seed)  # noqa: S311 - the same tickets each time
        new: list[int] = []
        for body in letters(seed, count, case.clock):
            case.clock.advance(dice.randint(0, step))
            ticket_id = case.ids.next()
            self.bodies[ticket_id] = body
            self.heads[ticket_id] = head_of(ticket_id, body, dice.choice(STATES))
            new.append(ticket_id)

        def write(unit: Unit) -> None:
            projection = case.reading.projection
            for start in range(0, len(new), 500):
                some = new[start : start + 500]
                projection.heads(unit.connection, [Change(None, self.heads[one]) for one in some])
                projection.registrations(unit.connection, {one: self.bodies[one] for one in some})

        await case.writer.run(write)
        return self

    def holding(self, text: str, fits: Callable[[Ticket], bool] = lambda _: True) -> list[int]:
        """Newest first, by a scan that knows nothing of bigrams."""
        wanted = bigrams.folded(text).split()
        return [
            ticket_id
            for ticket_id in sorted(self.bodies, reverse=True)
            if fits(self.heads[ticket_id])
            and all(word in bigrams.folded(text_of(self.bodies[ticket_id])) for word in wanted)
        ]


async def pages(
    case: ReadingCase, query: TicketQuery, limit: int = 50, scope: Scope = ALL
) -> list[TicketRow]:
    rows: list[TicketRow] = []
    cursor = None
    while True:
        found = await case.reading.search.find(query, scope, limit, cursor)
        assert len(found.rows) <= limit
        rows += found.rows
        if (cursor := found.cursor) is None:
            return rows


async def ids_of(
    case: ReadingCase, query: TicketQuery, limit: int = 500, scope: Scope = ALL
) -> list[int]:
    return [row.ticket_id for row in await pages(case, query, limit, scope)]
