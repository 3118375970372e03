"""The tables' history, and the functions that bring a database up to date."""

from ticket_store.migrations.upgrade import (
    StoreNotUsable,
    as_hub_error,
    migrate,
    missing,
    pending,
)

__all__ = ["StoreNotUsable", "as_hub_error", "migrate", "missing", "pending"]
