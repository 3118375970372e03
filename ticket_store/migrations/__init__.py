"""The tables' history, and the functions that bring a database up to date."""

from ticket_store.migrations.upgrade import migrate, missing, pending

__all__ = ["migrate", "missing", "pending"]
