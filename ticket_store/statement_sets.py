"""On PostgreSQL: a statement for one row, made into one for many rows at once.

INSERT ... SELECT FROM unnest, UPDATE ... FROM unnest, DELETE ... USING unnest: each parameter is an
array with a place a row. Half of what the server spends on a row at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ClauseElement,
    ColumnElement,
    Delete,
    Insert,
    String,
    TableValuedAlias,
    Text,
    Update,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.sql import visitors
from sqlalchemy.types import TypeEngine


def insert_of_many(clause: Insert, columns: Sequence[str]) -> Insert:
    """clause: an INSERT without values, which may say what to do ON CONFLICT.

    No two rows may have the same key where the conflict is an update.
    """
    types = {name: clause.table.c[name].type for name in columns}
    rows = _unnested(types)
    return clause.from_select(list(columns), select(*(rows.c[name] for name in columns)))


def change_of_many(clause: Update | Delete) -> ClauseElement:
    """clause: of one row, found by its key. No two rows may have the same key."""
    given = {
        bind.key: bind.type
        for bind in visitors.iterate(clause)
        if isinstance(bind, BindParameter) and bind.required
    }
    rows = _unnested(given)

    def column_of(element: Any, **_: Any) -> ColumnElement[Any] | None:
        if isinstance(element, BindParameter) and element.required:
            return rows.c[element.key]
        return None

    return cast(ClauseElement, visitors.replacement_traverse(clause, {}, column_of))


def _unnested(types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    # TEXT: a cast to VARCHAR(n) cuts off what is too long, and the column would refuse it
    plain = {name: Text() if isinstance(kind, String) else kind for name, kind in types.items()}
    arrays = (bindparam(name, type_=ARRAY(kind)) for name, kind in plain.items())
    return (
        func.unnest(*arrays)
        .table_valued(*(column(name, kind) for name, kind in plain.items()), name="given")
        .render_derived()
    )
