"""Text within a query, from two sides: newest rows that fit, and newest tickets with the words.

Either side alone gives the right answer; which is shorter depends on the data (a rare word, a state
that nobody holds). So they take turns with growing steps, and the first to know enough wins: the
cost is bounded by about twice the better side's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    bindparam,
    select,
)

from schemas.ids import ticket_id_of
from ticket_store import bigrams
from ticket_store.metadata import microseconds
from ticket_store.personal_keys import PersonalKeys
from ticket_store.row_conditions import key_seen_by
from ticket_store.row_queries import ROW, RowQueries
from ticket_store.search_models import ticket_keys
from ticket_store.statements import Lookup, Statement, numbered
from ticket_store.ticket_query import Position
from ticket_store.word_index import find_words, texts_by_id

SHORTEST_STEP, FIRST_STEP, LARGEST_STEP = 60, 300, 4_800
FEW = 1_000
_GROWTH = 4
_MOST_BY_KEY = 10_000  # tickets of one phone or name that are looked at


@dataclass
class _Side:
    """How far one side has come: all hits at or above `floor` are known."""

    floor: int
    hits: list[int] = field(default_factory=list)
    exhausted: bool = False
    step: int = FIRST_STEP

    def grow(self) -> int:
        step, self.step = self.step, min(self.step * _GROWTH, LARGEST_STEP)
        return step


class TextStatements:
    """What every text query asks, compiled once.

    columns: of `ticket_rows`, that a page shows.
    """

    def __init__(self, dialect: Dialect, columns: Sequence[ColumnElement[Any]]) -> None:
        self.rows = Lookup(
            dialect,
            lambda places: (
                select(*columns)
                .where(ROW.ticket_id.in_(numbered(places)))
                .order_by(ROW.ticket_id.desc())
            ),
        )
        key = ticket_keys.c
        self.texts = texts_by_id(dialect)
        by_key = (
            select(key.ticket_id)
            .where(key.digest == bindparam("wanted"), key.ticket_id < bindparam("below"))
            .order_by(key.ticket_id.desc())
            .limit(_MOST_BY_KEY)
        )
        # by whether the scope sees confidential citizens
        self.by_key = {
            sees: Statement(by_key.where(*key_seen_by(sees_confidential=sees)), dialect)
            for sees in (False, True)
        }


class TextSearch:
    """One text query on one connection; ids come newest first."""

    def __init__(
        self, connection: Connection, rows: RowQueries, keys: PersonalKeys, sql: TextStatements
    ) -> None:
        self._connection, self._rows, self._sql = connection, rows, sql
        self._query = bigrams.parsed(rows.query.text)
        self._digests = keys.of_query(rows.query.text)
        self._number = _ticket_number(rows.query.text)

    def newest(self, after: Position | None, wanted: int) -> list[int]:
        """The first `wanted` ids below a position, or all there are."""
        high = self._rows.high if after is None else min(self._rows.high, after.ticket_id)
        known = self._known(high)
        by_rows = _Side(high) if self._rows.selective else None
        # where every hit counts, no more are looked at than are wanted
        step = wanted if self._query.exact and by_rows is None else FIRST_STEP
        by_words = _Side(high, step=max(SHORTEST_STEP, min(step, LARGEST_STEP)))
        sides = [by_words] if by_rows is None else [by_rows, by_words]
        while True:
            for side in sides:
                if side is by_rows:
                    self._step_by_rows(side, known)
                else:
                    self._step_by_words(side, known)
                if side.exhausted or len(side.hits) >= wanted:
                    return side.hits[:wanted]

    def by_due(self, after: Position | None, wanted: int) -> list[int]:
        """The first `wanted` ids after a position by deadline; among them, order by it again.

        A word that few tickets have is found by its index; a common one by walking the deadlines.
        """
        if len(few := self.newest(None, FEW)) < FEW:
            return few
        hits: list[int] = []
        known = self._known(self._rows.high)
        while True:
            statement = self._rows.page([], after, FIRST_STEP)
            rows = self._connection.execute(statement).all()
            hits += self._holding([row.key_ for row in rows], known)
            if len(rows) < FIRST_STEP or len(hits) >= wanted:
                return hits[:wanted]
            after = Position(rows[-1].key_, microseconds(rows[-1].due_))

    def _known(self, high: int) -> frozenset[int]:
        """Tickets meant by a number, phone or name, whatever their text says."""
        found: set[int] = set()
        if self._number is not None:  # a number that no ticket has would be counted, and fill pages
            there = self._sql.rows.rows(self._connection, [self._number])
            found.update(row.ticket_id for row in there)
        by_key = self._sql.by_key[self._rows.scope.sees_confidential]
        for digest in self._digests:
            held = by_key.rows(self._connection, wanted=digest, below=high)
            found.update(row.ticket_id for row in held)
        return frozenset(one for one in found if self._rows.low <= one < high)

    def _step_by_rows(self, side: _Side, known: frozenset[int]) -> None:
        step = side.grow()
        statement = self._rows.newest_ids(Position(side.floor), step)
        ids = [row.key_ for row in self._connection.execute(statement)]
        side.exhausted = len(ids) < step
        side.floor = ids[-1] if ids else self._rows.low
        side.hits += self._holding(ids, known)

    def _step_by_words(self, side: _Side, known: frozenset[int]) -> None:
        step, high = side.grow(), side.floor
        low = self._rows.low
        ids = find_words(self._connection, self._query, low, high, step)
        side.exhausted = len(ids) < step
        side.floor = low if side.exhausted else ids[-1]
        candidates = set(ids) | {one for one in known if side.floor <= one < high}
        if not candidates:
            return
        fitting = sorted(candidates, reverse=True)
        if self._rows.selective:
            statement = self._rows.among([ROW.ticket_id], fitting)
            fitting = [row.ticket_id for row in self._connection.execute(statement)]
        if self._query.exact:
            side.hits += fitting
        else:
            side.hits += self._holding(fitting, known)

    def _holding(self, ids: list[int], known: frozenset[int]) -> list[int]:
        """Those whose text has every piece of the query, or that are known to be meant."""
        unread = [one for one in ids if one not in known] if self._query.terms else []
        texts = self._sql.texts.rows(self._connection, unread)
        holding = {row.ticket_id for row in texts if self._query.holds(row.text)}
        return [one for one in ids if one in known or one in holding]


def _ticket_number(text: str) -> int | None:
    try:
        return ticket_id_of(text)
    except ValueError:
        return None
