"""Lists of tickets: find, count, export and to-dos, all within one scope. Reads only."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, select

from schemas.matter import MatterKind, Urgency
from schemas.parties import Actor
from schemas.ticket import Source, State
from ticket_store.engine import Database
from ticket_store.metadata import microseconds, read_instant
from ticket_store.personal_keys import PersonalKeys
from ticket_store.rates import Rates, rates_between
from ticket_store.row_queries import RowQueries
from ticket_store.scope import Reach, Scope, scope_of
from ticket_store.search_models import NEVER, ticket_rows, ticket_to_dos
from ticket_store.text_search import TextSearch, TextStatements
from ticket_store.ticket_query import (
    COUNT_CAP,
    LARGEST_PAGE,
    Count,
    Found,
    Order,
    Position,
    TicketQuery,
    TicketRow,
    ToDoCount,
    position_of,
)
from ticket_store.to_dos import DEPARTMENTS_ONLY, HUB, TO_DOS_OF_ROLE, ToDo

_COLUMNS = [column for column in ticket_rows.c if column.name != "clock_version"]


class Search:
    def __init__(self, database: Database, keys: PersonalKeys, now: Callable[[], datetime]) -> None:
        self._database, self._keys, self._now = database, keys, now
        self._sql = TextStatements(database.dialect, _COLUMNS)

    async def find(
        self, query: TicketQuery, scope: Scope, limit: int = 50, cursor: str | None = None
    ) -> Found:
        """One page of what the scope may see.

        limit:   1 to LARGEST_PAGE.
        Raises:  CursorRefused, QueryRefused; ValueError for another limit.
        """
        if not 1 <= limit <= LARGEST_PAGE:
            raise ValueError(f"limit is {limit}: a page has 1 to {LARGEST_PAGE} rows")
        after = position_of(cursor, query.order) if cursor is not None else None
        rows = RowQueries(query, scope, self._now(), self._keys)

        def work(connection: Connection) -> Found:
            if scope.reach is Reach.NOTHING:
                return Found((), None)
            if query.asks_text:
                found = self._by_text(connection, rows, after, limit + 1)
            else:
                found = connection.execute(rows.page(_COLUMNS, after, limit + 1)).all()
            return _page(found, limit, query.order)

        return await self._database.read(work)

    async def count(self, query: TicketQuery, scope: Scope) -> Count:
        """How many `find` would list over all pages, exact up to COUNT_CAP.

        Raises: QueryRefused.
        """
        rows = RowQueries(query, scope, self._now(), self._keys)

        def work(connection: Connection) -> Count:
            if scope.reach is Reach.NOTHING:
                return Count(0)
            if query.asks_text:
                text = TextSearch(connection, rows, self._keys, self._sql)
                number = len(text.newest(None, COUNT_CAP + 1))
            else:
                number = _counted(connection, rows)
            return Count(min(number, COUNT_CAP), capped=number > COUNT_CAP)

        return await self._database.read(work)

    async def export(
        self, query: TicketQuery, scope: Scope
    ) -> AsyncIterator[tuple[TicketRow, ...]]:
        """All pages of `find`, a large one at a time. Raises as `find` does."""
        cursor: str | None = None
        while True:
            found = await self.find(query, scope, LARGEST_PAGE, cursor)
            if found.rows:
                yield found.rows
            if (cursor := found.cursor) is None:
                return

    async def row(self, ticket_id: int, scope: Scope) -> TicketRow | None:
        """One line, None if there is no such ticket or the scope does not see it."""
        rows = RowQueries(TicketQuery(), scope, self._now(), self._keys)

        def work(connection: Connection) -> TicketRow | None:
            found = connection.execute(rows.among(_COLUMNS, [ticket_id])).first()
            return None if found is None else _row(found)

        return await self._database.read(work)

    async def to_dos(self, actor: Actor) -> list[ToDoCount]:
        """What waits for this person, by role: every list of the role, empty ones too."""
        scope, second = scope_of(actor), self._now().replace(microsecond=0)
        mine = {to_do for role in actor.roles for to_do in TO_DOS_OF_ROLE.get(role, ())}
        if scope.reach is Reach.NOTHING:
            return []
        lists: list[tuple[str, set[ToDo]]]
        if scope.department is not None:
            lists = [(scope.department, mine)]
        else:
            lists = [(HUB, mine - DEPARTMENTS_ONLY)]
            if actor.department:
                lists.append((actor.department, mine & DEPARTMENTS_ONLY))
        late = RowQueries(TicketQuery(overdue=True), scope, self._now(), self._keys)

        def work(connection: Connection) -> list[ToDoCount]:
            counts: list[ToDoCount] = []
            for whose, wanted in lists:
                counts += _waiting(connection, whose, wanted, second)
            number = _counted(connection, late)
            return [*counts, ToDoCount(ToDo.OVERDUE, number, number)]

        return await self._database.read(work)

    async def rates(self, since: datetime, before: datetime, scope: Scope) -> Rates:
        """What follow-up calls from `since` to `before` (not included) heard, within the scope."""

        def work(connection: Connection) -> Rates:
            if scope.reach is Reach.NOTHING:
                return Rates(0, 0, 0)
            return Rates(*connection.execute(rates_between(since, before, scope)).one())

        return await self._database.read(work)

    def _by_text(
        self, connection: Connection, rows: RowQueries, after: Position | None, wanted: int
    ) -> Sequence[Any]:
        text = TextSearch(connection, rows, self._keys, self._sql)
        if rows.query.order is Order.DUE:
            ids = text.by_due(after, wanted)
            return connection.execute(rows.page(_COLUMNS, after, wanted, among=ids)).all()
        return self._sql.rows.rows(connection, text.newest(after, wanted))


def _waiting(
    connection: Connection, whose: str, wanted: set[ToDo], second: datetime
) -> list[ToDoCount]:
    to_do = ticket_to_dos.c
    late = func.sum(case((to_do.due_at < second, 1), else_=0))
    rows = connection.execute(
        select(to_do.to_do, func.count(), late)
        .where(to_do.department == whose, to_do.to_do.in_(sorted(wanted)))
        .group_by(to_do.to_do)
    )
    counts = {kind: (number, over) for kind, number, over in rows}
    return [ToDoCount(kind, *counts.get(kind, (0, 0))) for kind in ToDo if kind in wanted]


def _counted(connection: Connection, rows: RowQueries) -> int:
    number: int = connection.execute(rows.capped_count(COUNT_CAP + 1)).scalar_one()
    return number


def _page(found: Sequence[Any], limit: int, order: Order) -> Found:
    rows = tuple(map(_row, found[:limit]))
    if len(found) <= limit:
        return Found(rows, None)
    last = found[limit - 1]
    due = microseconds(last.due_) if order is Order.DUE else None
    return Found(rows, Position(last.ticket_id, due).as_cursor())


def _row(row: Any) -> TicketRow:
    """row: of _COLUMNS; its instants are datetimes (Core) or microseconds (the driver)."""
    return TicketRow(
        ticket_id=row.ticket_id,
        version=row.version,
        state=State(row.state),
        matter_kind=MatterKind(row.matter_kind),
        urgency=Urgency(row.urgency),
        source=Source(row.source),
        peer=row.peer,
        source_ticket_no=row.source_ticket_no,
        category_code=row.category_code,
        area_code=row.area_code,
        title=row.title,
        departments=tuple(row.departments.split()),
        cards=tuple(row.cards.split()),
        received_at=read_instant(row.received_at),
        updated_at=read_instant(row.updated_at),
        due_at=_unless_never(row.due_at),
        warn_at=_unless_never(row.warn_at),
    )


def _unless_never(value: int | datetime) -> datetime | None:
    at = read_instant(value)
    return None if at == NEVER else at
