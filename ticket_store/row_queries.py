"""From a TicketQuery to statements over `ticket_rows`, each driven by one index that we choose.

Left alone, planners join from the state index or walk the whole table to save a sort. So the index
that drives a statement is compared plainly, and every other indexed column is fenced (`|| ''` or
`+ 0`), which no index can serve; tests read the query plans.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    exists,
    func,
    or_,
    select,
    type_coerce,
    union_all,
)

from schemas.errors import HubError
from schemas.ids import first_id_at
from ticket_store.metadata import Instant, instant_of
from ticket_store.personal_keys import PersonalKeys
from ticket_store.row_conditions import has_key, has_mark, plain
from ticket_store.scope import Reach, Scope, has_share, within
from ticket_store.search_models import (
    CLOCK_RUNS,
    ticket_departments,
    ticket_keys,
    ticket_marks,
    ticket_rows,
    ticket_to_dos,
)
from ticket_store.ticket_query import Order, Position, TicketQuery
from ticket_store.to_dos import DEPARTMENTS_ONLY, HUB, ToDo

ROW = ticket_rows.c
LAST_ID = 1 << 62  # above every ticket id
_FENCED_DUE = type_coerce(type_coerce(ROW.due_at, BigInteger) + 0, Instant)
_KEY = ticket_keys.c
_MARK = ticket_marks.c
_SHARE = ticket_departments.c
_TO_DO = ticket_to_dos.c


class QueryRefused(HubError):
    """A combination that cannot be listed; change the query."""


class RowQueries:
    """The statements of one query as one scope may ask it at one instant."""

    def __init__(self, query: TicketQuery, scope: Scope, now: datetime, keys: PersonalKeys) -> None:
        """Raises: QueryRefused."""
        if query.to_do is ToDo.OVERDUE:
            query = query.model_copy(update={"to_do": None, "overdue": True})
        self.query, self.scope = query, scope
        self._phone = keys.phone(query.phone) if query.phone else None
        # deadlines are whole seconds, and the second itself is still in time
        self._second = now.replace(microsecond=0)
        self._now = now
        self.low = first_id_at(query.created_from) if query.created_from else 0
        self.high = first_id_at(query.created_before) if query.created_before else LAST_ID
        named = scope.department or query.department
        if scope.reach is Reach.ALL and query.to_do in DEPARTMENTS_ONLY and named is None:
            raise QueryRefused(f"{query.to_do} is a to-do of a department: name one")

    @property
    def selective(self) -> bool:
        """Whether more than time and text is asked: then going by rows may be the shorter way."""
        asked = set(self.query.model_dump(exclude_defaults=True))
        return self.scope.reach is not Reach.ALL or bool(
            asked - {"text", "order", "created_from", "created_before"}
        )

    def newest_ids(self, after: Position | None, limit: int) -> Select[int]:
        """The ids that fit, newest first, whatever the query's order."""
        return self._ordered([], after, limit, due=False, among=None)

    def page(
        self,
        columns: Sequence[Any],
        after: Position | None,
        limit: int,
        *,
        among: Sequence[int] | None = None,
    ) -> Select[Any]:
        """The first `limit` rows after a position, in the query's order.

        Beside the columns each row has `key_` and `due_`, what it was ordered by.
        """
        due = self.query.order is Order.DUE
        return self._ordered(columns, after, limit, due=due, among=among)

    def _ordered(
        self,
        columns: Sequence[Any],
        after: Position | None,
        limit: int,
        *,
        due: bool,
        among: Sequence[int] | None,
    ) -> Select[Any]:
        ends = []
        for branch, ticket_id, due_at in self._branches(after, due=due):
            labelled = (ticket_id.label("key_"), due_at.label("due_"))
            order = (due_at, ticket_id) if due else (ticket_id.desc(),)
            some = [] if among is None else [ROW.ticket_id.in_(among)]
            ends.append(
                branch.where(*some)
                .with_only_columns(*columns, *labelled)
                .order_by(*order)
                .limit(limit)
            )
        if len(ends) == 1:
            return ends[0]
        parts = union_all(*(select(end.subquery()) for end in ends)).subquery()
        order = (parts.c.due_, parts.c.key_) if due else (parts.c.key_.desc(),)
        return select(parts).order_by(*order).limit(limit)

    def capped_count(self, cap: int) -> Select[int]:
        """How many rows there are, counted no further than `cap`."""
        branches = [branch for branch, _, _ in self._branches(None, due=False)]
        ones = [
            branch.with_only_columns(ROW.ticket_id.label("key_")).limit(cap).subquery()
            for branch in branches
        ]
        whole = ones[0] if len(ones) == 1 else union_all(*map(select, ones)).limit(cap).subquery()
        return select(func.count()).select_from(whole)

    def among(self, columns: Sequence[Any], ticket_ids: Sequence[int]) -> Select[Any]:
        """Those of `ticket_ids` that fit, newest first."""
        return (
            select(*columns)
            .where(ROW.ticket_id.in_(ticket_ids), *self._conditions())
            .order_by(ROW.ticket_id.desc())
        )

    def _branches(
        self, after: Position | None, *, due: bool
    ) -> Iterator[tuple[Select[Any], ColumnElement[int], ColumnElement[Any]]]:
        """Each statement with the id and the deadline that its driving table orders by."""
        query, scope = self.query, self.scope
        if self._phone is not None:
            base = select(_KEY.ticket_id).join_from(
                ticket_keys, ticket_rows, ROW.ticket_id == _KEY.ticket_id
            )
            drive: list[ColumnElement[bool]] = [
                *has_key(scope, [self._phone]),
                *self._after(after, _KEY.ticket_id, ROW.due_at),
            ]
            yield base.where(*drive, *self._conditions(but="phone")), _KEY.ticket_id, ROW.due_at
        elif query.to_do is not None:
            base = select(_TO_DO.ticket_id).join_from(
                ticket_to_dos, ticket_rows, ROW.ticket_id == _TO_DO.ticket_id
            )
            drive = [
                _TO_DO.to_do == query.to_do,
                _TO_DO.department == self._whose(),
                *self._after(after, _TO_DO.ticket_id, _TO_DO.due_at),
            ]
            yield (
                base.where(*drive, *self._conditions(but="to_do")),
                _TO_DO.ticket_id,
                _TO_DO.due_at,
            )
        elif due or query.overdue or query.near:
            fenced = ROW.ticket_id + 0
            drive = [CLOCK_RUNS, *self._clock(ROW.due_at), *self._after(after, fenced, ROW.due_at)]
            yield (
                select(ROW.ticket_id).where(*drive, *self._conditions(but="due")),
                ROW.ticket_id if due else fenced,
                ROW.due_at,
            )
        elif query.mark is not None:
            base = select(ROW.ticket_id).join_from(
                ticket_marks, ticket_rows, ROW.ticket_id == _MARK.ticket_id
            )
            drive = [
                _MARK.mark == query.mark,
                *self._after(after, _MARK.ticket_id, ROW.due_at),
            ]
            yield base.where(*drive, *self._conditions(but="mark")), _MARK.ticket_id, ROW.due_at
        elif (department := scope.department or query.department) is not None:
            base = select(ROW.ticket_id).join_from(
                ticket_departments, ticket_rows, ROW.ticket_id == _SHARE.ticket_id
            )
            drive = [
                _SHARE.department == department,
                *self._after(after, _SHARE.ticket_id, ROW.due_at),
            ]
            but = "scope" if scope.department else "department"
            yield base.where(*drive, *self._conditions(but=but)), _SHARE.ticket_id, ROW.due_at
        else:
            bounds = self._after(after, ROW.ticket_id, ROW.due_at)
            for choice, but in self._choices():
                yield (
                    select(ROW.ticket_id).where(*choice, *bounds, *self._conditions(but=but)),
                    ROW.ticket_id,
                    ROW.due_at,
                )

    def _choices(self) -> Iterator[tuple[list[ColumnElement[bool]], str]]:
        """One statement a value of an indexed column, each in order already: merged, not sorted."""
        if self.query.states:
            for state in sorted(self.query.states):
                yield [ROW.state == state], "states"
        elif self.query.area_codes:
            for code in sorted(self.query.area_codes):
                yield [ROW.area_code == code], "area_codes"
        else:
            yield [], "nothing"

    def _whose(self) -> str:
        if self.scope.department:
            return self.scope.department
        if self.query.to_do in DEPARTMENTS_ONLY:
            return self.query.department or HUB
        return HUB

    def _after(
        self, after: Position | None, ticket_id: ColumnElement[int], due_at: ColumnElement[Any]
    ) -> list[ColumnElement[bool]]:
        bounds = []
        if self.low:
            bounds.append(ticket_id >= self.low)
        high = self.high
        if after is not None and after.due is None:
            high = min(high, after.ticket_id)
        if high < LAST_ID:
            bounds.append(ticket_id < high)
        if after is not None and after.due is not None:
            due = instant_of(after.due)
            bounds += [due_at >= due, or_(due_at > due, ticket_id > after.ticket_id)]
        return bounds

    def _clock(self, due_at: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if self.query.overdue:
            conditions.append(due_at < self._second)
        if self.query.near:
            conditions += [ROW.warn_at <= self._now, due_at >= self._second]
        return conditions

    def _conditions(self, *, but: str = "nothing") -> list[ColumnElement[bool]]:
        """Everything that is asked, fenced, except what drives the statement already."""
        query = self.query
        conditions: list[ColumnElement[bool]] = []
        if self.scope.reach is not Reach.ALL and but != "scope":
            conditions.append(within(self.scope))
        if query.to_do is not None and but != "to_do":
            conditions.append(
                exists()
                .where(
                    _TO_DO.ticket_id == ROW.ticket_id,
                    _TO_DO.to_do == query.to_do,
                    _TO_DO.department == self._whose(),
                )
                .correlate(ticket_rows)
            )
        if self._phone is not None and but != "phone":
            conditions.append(
                exists()
                .where(_KEY.ticket_id == ROW.ticket_id, *has_key(self.scope, [self._phone]))
                .correlate(ticket_rows)
            )
        if query.mark is not None and but != "mark":
            conditions.append(has_mark(query.mark))
        if query.department is not None and but != "department":
            conditions.append(has_share(query.department))
        if but != "due":
            conditions += self._clock(_FENCED_DUE)
        if query.states and but != "states":
            conditions.append(ROW.state.concat("").in_(sorted(query.states)))
        if query.area_codes and but != "area_codes":
            conditions.append(ROW.area_code.concat("").in_(sorted(query.area_codes)))
        conditions += plain(query)
        return conditions
