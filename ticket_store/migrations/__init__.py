"""The tables' history, and the functions that bring a database up to date."""

from ticket_store.migrations.upgrade import (
    UNFINISHED,
    StoreNotUsable,
    as_hub_error,
    migrate,
    missing,
    pending,
)

__all__ = ["UNFINISHED", "StoreNotUsable", "as_hub_error", "migrate", "missing", "pending"]
