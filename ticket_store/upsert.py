"""INSERT ... ON CONFLICT: the same sentence on both databases, two classes to build it."""

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert


def upsert(dialect: Dialect, table: Table, *updated: str) -> Insert:
    """Insert rows; where the primary key exists already, set the columns `updated` instead."""
    keys = list(table.primary_key.columns)
    if dialect.name == "sqlite":
        lite = sqlite.insert(table)
        return lite.on_conflict_do_update(
            keys, set_={name: lite.excluded[name] for name in updated}
        )
    post = postgresql.insert(table)
    return post.on_conflict_do_update(
        index_elements=keys, set_={name: post.excluded[name] for name in updated}
    )


def insert_missing(dialect: Dialect, table: Table) -> Insert:
    """Insert rows; leave alone those whose key exists already."""
    if dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()
