"""A row of `users` as a User, and how one is found by name."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, or_

from ticket_store.passwords import SignInPolicy
from ticket_store.people_models import users
from ticket_store.people_values import User, roles_of


def user_of(row: Row[Any], now: datetime, policy: SignInPolicy) -> User:
    locked = row.locked_until is not None and row.locked_until > now
    return User(
        user_name=row.user_name,
        display_name=row.display_name,
        roles=roles_of(row.roles),
        department=row.department,
        active=row.active,
        must_change_password=row.must_change or now - row.password_set_at >= policy.password_age,
        locked_until=row.locked_until if locked else None,
        created_at=row.created_at,
    )


def named(words: str) -> ColumnElement[bool]:
    """Whose account or own name holds `words`."""
    return or_(
        users.c.user_name.contains(words.casefold(), autoescape=True),
        users.c.display_name.contains(words, autoescape=True),
    )
