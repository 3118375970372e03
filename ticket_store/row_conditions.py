"""Conditions on `ticket_rows` that no statement is driven by, and those of the tables beside it."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, exists, false, func, or_

from ticket_store.marks import Mark
from ticket_store.scope import Scope
from ticket_store.search_models import ticket_keys, ticket_marks, ticket_rows
from ticket_store.ticket_query import TicketQuery

_ROW, _KEY, _MARK = ticket_rows.c, ticket_keys.c, ticket_marks.c


def plain(query: TicketQuery) -> list[ColumnElement[bool]]:
    """What is asked of columns without an index."""
    conditions: list[ColumnElement[bool]] = []
    for column, wanted in (
        (_ROW.matter_kind, query.matter_kinds),
        (_ROW.source, query.sources),
        (_ROW.urgency, query.urgencies),
    ):
        if wanted:
            conditions.append(column.in_(sorted(wanted)))
    if query.peer is not None:
        conditions.append(_ROW.peer == query.peer)
    if query.source_ticket_no is not None:
        conditions.append(_ROW.source_ticket_no == query.source_ticket_no)
    if query.category_code is not None:
        conditions.append(_in_category(query.category_code))
    return conditions


def has_mark(mark: Mark) -> ColumnElement[bool]:
    return (
        exists().where(_MARK.mark == mark, _MARK.ticket_id == _ROW.ticket_id).correlate(ticket_rows)
    )


def has_key(scope: Scope, digests: Collection[bytes]) -> list[ColumnElement[bool]]:
    """Conditions on `ticket_keys`."""
    found = _KEY.digest.in_(sorted(digests))
    return [found, *key_seen_by(sees_confidential=scope.sees_confidential)]


def key_seen_by(*, sees_confidential: bool) -> list[ColumnElement[bool]]:
    """A citizen kept secret from departments is not found by them."""
    return [] if sees_confidential else [_KEY.confidential == false()]


def _in_category(code: str) -> ColumnElement[bool]:
    """The category and what is below it; not a range, which collations of PostgreSQL would bend."""
    below = func.substr(_ROW.category_code, 1, len(code) + 1) == f"{code}/"
    return or_(_ROW.category_code == code, below)
