"""Sessions: a random secret in a cookie, its hash in the store, and two ways to end by time."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from ticket_store.book import Book
from ticket_store.digests import compact
from ticket_store.engine import Database
from ticket_store.passwords import SignInPolicy
from ticket_store.people_models import sessions, users
from ticket_store.people_rows import user_of
from ticket_store.people_values import Session
from ticket_store.writer import AuditEntry, Writer

SECRET_BYTES = 32
# a page view writes at most this often, so idle time is known to within it
_TOUCH_EVERY = timedelta(minutes=1)
_SESSION, _USER = sessions.c, users.c


class SessionBook(Book):
    def __init__(
        self,
        database: Database,
        writer: Writer,
        now: Callable[[], datetime],
        policy: SignInPolicy,
    ) -> None:
        super().__init__(database, writer)
        self._now, self._policy = now, policy

    def open(self, connection: Connection, token: str, user_name: str) -> None:
        """Begin a session within a transaction; the user's ended ones are swept."""
        now = self._now()
        connection.execute(
            delete(sessions).where(
                _SESSION.user_name == user_name, _SESSION.seen_at < now - self._policy.idle
            )
        )
        connection.execute(
            insert(sessions).values(
                token_hash=hash_of(token), user_name=user_name, created_at=now, seen_at=now
            )
        )

    async def find(self, token: str, *, touch: bool = True) -> Session | None:
        """The session of a cookie's secret; None when it has ended or never was.

        touch: this was something that the person did, so idle time starts again.
        """
        now, key = self._now(), hash_of(token)
        statement = (
            select(users, _SESSION.created_at.label("since"), _SESSION.seen_at)
            .join_from(sessions, users, _USER.user_name == _SESSION.user_name)
            .where(_SESSION.token_hash == key)
        )
        row = await self._read(lambda connection: connection.execute(statement).first())
        if row is None or not row.active:
            return None
        ends_at = row.since + self._policy.longest
        if now >= ends_at or now - row.seen_at >= self._policy.idle:
            return None
        if touch and now - row.seen_at >= min(_TOUCH_EVERY, self._policy.idle / 10):
            seen = update(sessions).where(_SESSION.token_hash == key).values(seen_at=now)
            await self._write(lambda connection: connection.execute(seen).rowcount)
        return Session(user_of(row, now, self._policy), ends_at)

    async def end(self, token: str) -> None:
        """Sign out here."""
        gone = delete(sessions).where(_SESSION.token_hash == hash_of(token))
        name = select(_SESSION.user_name).where(_SESSION.token_hash == hash_of(token))

        def work(connection: Connection) -> str | None:
            whose: str | None = connection.execute(name).scalar()
            connection.execute(gone)
            return whose

        await self._write(
            work,
            audit=lambda whose: [AuditEntry(whose, "sign_out", whose, "{}")] if whose else [],
        )

    async def end_all(self, user_name: str, by: str) -> int:
        """Sign out everywhere; returns how many sessions there were."""
        return await self._write(
            lambda connection: drop_sessions(connection, user_name),
            audit=lambda count: [
                AuditEntry(by, "sign_out_everywhere", user_name, compact({"sessions": str(count)}))
            ],
        )

    async def sweep(self) -> int:
        """Forget sessions that have ended by time; returns how many."""
        now = self._now()
        ended = delete(sessions).where(
            (_SESSION.seen_at <= now - self._policy.idle)
            | (_SESSION.created_at <= now - self._policy.longest)
        )
        return await self._write(lambda connection: connection.execute(ended).rowcount)


def drop_sessions(connection: Connection, user_name: str) -> int:
    gone = delete(sessions).where(_SESSION.user_name == user_name)
    return connection.execute(gone).rowcount


def new_token() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_of(token: str) -> bytes:
    """What the store keeps of a random secret; 256 bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()
