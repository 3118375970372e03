"""Tokens of programs: shown once, kept as a hash, limited by roles, department and time."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from schemas.parties import Role
from schemas.visible_text import visible_line
from ticket_store.book import Book
from ticket_store.digests import compact
from ticket_store.engine import Database
from ticket_store.people_models import api_tokens
from ticket_store.people_values import (
    ApiToken,
    PersonRefused,
    check_roles,
    roles_of,
    roles_text,
)
from ticket_store.sessions import hash_of, new_token
from ticket_store.writer import AuditEntry, Writer

PREFIX = "stk_"  # so that scanners of repositories can recognise one
LONGEST = timedelta(days=366)
_LONGEST_NAME = 80
_TOKEN = api_tokens.c


class TokenBook(Book):
    def __init__(self, database: Database, writer: Writer, now: Callable[[], datetime]) -> None:
        super().__init__(database, writer)
        self._now = now

    async def create(
        self,
        by: str,
        name: str,
        roles: frozenset[Role],
        *,
        department: str | None = None,
        lasts: timedelta = timedelta(days=90),
    ) -> tuple[str, ApiToken]:
        """A new token: its secret, which is shown now and never again, and what is kept.

        Raises: PersonRefused for roles that do not go together, a name that is empty or too long,
                or a life over LONGEST.
        """
        check_roles(roles, department)
        name = visible_line(name).strip()
        if not 0 < len(name) <= _LONGEST_NAME:
            raise PersonRefused("token_name", f"a token's name has 1 to {_LONGEST_NAME} characters")
        if not timedelta() < lasts <= LONGEST:
            raise PersonRefused("token_lasts", f"a token lasts {LONGEST.days} days at most")
        secret, now = PREFIX + new_token(), self._now()
        values = {
            "token_hash": hash_of(secret),
            "name": name,
            "roles": roles_text(roles),
            "department": department,
            "created_by": by,
            "created_at": now,
            "expires_at": now + lasts,
        }
        added = insert(api_tokens).values(values).returning(api_tokens)
        facts = {"roles": roles_text(roles), "department": department or "", "name": name}
        token = await self._write(
            lambda connection: _token_of(connection.execute(added).one()),
            audit=lambda made: [
                AuditEntry(by, "token_created", f"token:{made.token_id}", compact(facts))
            ],
        )
        return secret, token

    async def find(self, secret: str) -> ApiToken | None:
        """Whose secret it is; None when unknown, expired or revoked."""
        if not secret.startswith(PREFIX):
            return None
        wanted = select(api_tokens).where(_TOKEN.token_hash == hash_of(secret))
        row = await self._read(lambda connection: connection.execute(wanted).first())
        if row is None or row.revoked_at is not None or row.expires_at <= self._now():
            return None
        return _token_of(row)

    async def all(self) -> list[ApiToken]:
        rows = await self._read(
            lambda connection: connection.execute(
                select(api_tokens).order_by(_TOKEN.token_id)
            ).all()
        )
        return [_token_of(row) for row in rows]

    async def names(self, token_ids: Collection[int]) -> dict[int, str]:
        """What those tokens were called when they were made, revoked ones too."""
        wanted = select(_TOKEN.token_id, _TOKEN.name).where(_TOKEN.token_id.in_(sorted(token_ids)))
        rows = await self._read(lambda connection: connection.execute(wanted).all())
        return {row.token_id: row.name for row in rows}

    async def revoke(self, by: str, token_id: int) -> bool:
        """End a token now; False when there is none, or it was revoked before."""
        end = (
            update(api_tokens)
            .where(_TOKEN.token_id == token_id, _TOKEN.revoked_at.is_(None))
            .values(revoked_at=self._now())
        )

        def work(connection: Connection) -> bool:
            return connection.execute(end).rowcount == 1

        return await self._write(
            work,
            audit=lambda done: (
                [AuditEntry(by, "token_revoked", f"token:{token_id}", "{}")] if done else []
            ),
        )


def _token_of(row: Row[Any]) -> ApiToken:
    return ApiToken(
        token_id=row.token_id,
        name=row.name,
        roles=roles_of(row.roles),
        department=row.department,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
