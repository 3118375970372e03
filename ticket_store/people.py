"""The people's book: accounts, signing in with lock-out, and changing passwords.

Who is unknown, locked or inactive costs a hash like everybody else, and reads the same outside.
Every act is an audit row in the same transaction.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from schemas.parties import Role
from ticket_store.api_tokens import TokenBook
from ticket_store.book import Book
from ticket_store.digests import compact
from ticket_store.engine import Database
from ticket_store.passwords import PasswordRefused, Passwords, SignInPolicy
from ticket_store.people_models import users
from ticket_store.people_rows import named, user_of
from ticket_store.people_values import (
    NewUser,
    PersonRefused,
    Session,
    SignInRefused,
    User,
    check_roles,
    roles_text,
)
from ticket_store.sessions import SessionBook, drop_sessions, new_token
from ticket_store.writer import AuditEntry, Writer

_USER = users.c
_UNKNOWN = "unknown"  # what was typed as a name may be a password


class PeopleBook(Book):
    """sessions: those signed in. tokens: of programs."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        now: Callable[[], datetime],
        policy: SignInPolicy | None = None,
        passwords: Passwords | None = None,
    ) -> None:
        super().__init__(database, writer)
        self._now, self.policy = now, policy or SignInPolicy()
        self._passwords = passwords or Passwords()
        self.sessions = SessionBook(database, writer, now, self.policy)
        self.tokens = TokenBook(database, writer, now)

    async def create(
        self, by: str, new: NewUser, password: str, *, must_change: bool = True
    ) -> User:
        """Raises: PersonRefused (name taken, roles), PasswordRefused."""
        check_roles(new.roles, new.department)
        self.policy.check_password(password, new.user_name)
        now = self._now()
        values = {
            "user_name": new.user_name,
            "display_name": new.display_name,
            "roles": roles_text(new.roles),
            "department": new.department,
            "password_hash": await self._passwords.hash(password),
            "password_set_at": now,
            "must_change": must_change,
            "active": True,
            "failures": 0,
            "created_at": now,
        }

        def work(connection: Connection) -> User | None:
            if _row(connection, new.user_name) is not None:
                return None
            connection.execute(insert(users).values(values))
            return self._user(_row(connection, new.user_name))

        facts = {"roles": values["roles"], "department": new.department or ""}
        user = await self._write(
            work,
            audit=lambda made: (
                [AuditEntry(by, "user_created", new.user_name, compact(facts))] if made else []
            ),
        )
        if user is None:
            raise PersonRefused("name_taken", f"there is a user {new.user_name}")
        return user

    async def sign_in(self, user_name: str, password: str) -> tuple[str, Session]:
        """The cookie's secret and the session. Raises: SignInRefused, whatever the reason."""
        name = user_name.strip().casefold()
        row = await self._read(lambda connection: _row(connection, name))
        usable = row is not None and row.active and not self._is_locked(row)
        fits = await self._passwords.holds(row.password_hash if row and usable else None, password)
        if row is None or not usable:
            await self._audit_refusal(row)
            raise SignInRefused("not signed in")
        if not fits:
            await self._count_failure(name)
            raise SignInRefused("not signed in")
        fresh = None
        if self._passwords.is_dated(row.password_hash):
            fresh = await self._passwords.hash(password)
        token = new_token()

        def work(connection: Connection) -> bool:
            now_row = _row(connection, name)
            # while the hash was computed it may have been locked, changed or switched off
            if (
                now_row is None
                or not now_row.active
                or self._is_locked(now_row)
                or now_row.password_hash != row.password_hash
            ):
                return False
            changes: dict[str, Any] = {"failures": 0, "locked_until": None}
            if fresh is not None:
                changes["password_hash"] = fresh
            connection.execute(update(users).where(_USER.user_name == name).values(changes))
            self.sessions.open(connection, token, name)
            return True

        done = await self._write(
            work,
            audit=lambda done: [
                AuditEntry(name, "sign_in" if done else "sign_in_refused", name, "{}")
            ],
        )
        session = await self.sessions.find(token) if done else None
        if session is None:
            raise SignInRefused("not signed in")
        return token, session

    async def session(self, token: str, *, touch: bool = True) -> Session | None:
        return await self.sessions.find(token, touch=touch)

    async def sign_out(self, token: str) -> None:
        await self.sessions.end(token)

    async def sign_out_everywhere(self, user_name: str, by: str) -> int:
        return await self.sessions.end_all(user_name, by)

    async def change_password(self, user_name: str, old: str, new: str) -> None:
        """By the person; ends all of the person's sessions, this one too.

        A wrong old password counts like one at sign-in. Raises: SignInRefused, PasswordRefused.
        """
        row = await self._read(lambda connection: _row(connection, user_name))
        usable = row is not None and row.active and not self._is_locked(row)
        fits = await self._passwords.holds(row.password_hash if row and usable else None, old)
        if not fits:
            if usable:
                await self._count_failure(user_name)
            raise SignInRefused("the old password does not fit")
        self.policy.check_password(new, user_name)
        if old == new:
            raise PasswordRefused("password_same", "the new password is the old one")
        await self._set_password(user_name, new, user_name, "password_changed", must_change=False)

    async def reset_password(self, by: str, user_name: str, password: str) -> None:
        """By an administrator: unlocks, ends all sessions, must be changed at the next sign-in.

        Raises: PersonRefused (no such user), PasswordRefused.
        """
        self.policy.check_password(password, user_name)
        await self._set_password(user_name, password, by, "password_reset", must_change=True)

    async def unlock(self, by: str, user_name: str) -> None:
        """Raises: PersonRefused (no such user)."""
        await self._change(by, "user_unlocked", user_name, {"failures": 0, "locked_until": None})

    async def set_active(self, by: str, user_name: str, *, active: bool) -> None:
        """Switch an account on or off; off ends its sessions. Raises: PersonRefused."""
        action = "user_activated" if active else "user_deactivated"
        await self._change(by, action, user_name, {"active": active}, end_sessions=not active)

    async def set_roles(
        self, by: str, user_name: str, roles: frozenset[Role], department: str | None = None
    ) -> None:
        """Takes effect with the person's next request. Raises: PersonRefused."""
        check_roles(roles, department)
        values = {"roles": roles_text(roles), "department": department}
        await self._change(by, "user_roles_set", user_name, values, facts=values)

    async def user(self, user_name: str) -> User | None:
        row = await self._read(lambda connection: _row(connection, user_name))
        return None if row is None else self._user(row)

    async def users(
        self, *, start: str = "", limit: int | None = None, words: str = ""
    ) -> list[User]:
        """Accounts by name, those switched off too.

        start: the name to begin at. words: a part of the account's or the person's name.
        """
        wanted = select(users).order_by(_USER.user_name).limit(limit)
        if start:
            wanted = wanted.where(_USER.user_name >= start)
        if words:
            wanted = wanted.where(named(words))
        rows = await self._read(lambda connection: connection.execute(wanted).all())
        return [self._user(row) for row in rows]

    async def count_users(self, words: str = "") -> int:
        """How many `users` would list in all."""
        wanted = select(func.count()).select_from(users)
        if words:
            wanted = wanted.where(named(words))
        number: int = await self._read(lambda one: one.execute(wanted).scalar_one())
        return number

    async def names(self, actor_ids: Collection[str]) -> dict[str, str]:
        """Display names of those actors that are people."""
        wanted = select(_USER.user_name, _USER.display_name).where(
            _USER.user_name.in_(sorted(actor_ids))
        )
        rows = await self._read(lambda connection: connection.execute(wanted).all())
        return {row.user_name: row.display_name for row in rows}

    def _user(self, row: Row[Any] | None) -> User:
        if row is None:
            raise LookupError("a user that was written in this transaction is not there")
        return user_of(row, self._now(), self.policy)

    def _is_locked(self, row: Row[Any]) -> bool:
        return row.locked_until is not None and row.locked_until > self._now()

    async def _audit_refusal(self, row: Row[Any] | None) -> None:
        name = _UNKNOWN if row is None else row.user_name
        entry = AuditEntry(name, "sign_in_refused", name, "{}")
        await self._write(lambda _connection: None, audit=lambda _: [entry])

    async def _count_failure(self, user_name: str) -> None:
        def work(connection: Connection) -> bool:
            row = _row(connection, user_name)
            failures = 1 if row is None else row.failures + 1
            locks = failures >= self.policy.failures_allowed
            until = self._now() + self.policy.locked_for
            connection.execute(
                update(users)
                .where(_USER.user_name == user_name)
                .values({"failures": 0, "locked_until": until} if locks else {"failures": failures})
            )
            return locks

        def audit(locked: bool) -> list[AuditEntry]:
            entries = [AuditEntry(user_name, "sign_in_failed", user_name, "{}")]
            if locked:
                entries.append(AuditEntry("system:sign-in", "user_locked", user_name, "{}"))
            return entries

        await self._write(work, audit=audit)

    async def _set_password(
        self, user_name: str, password: str, by: str, action: str, *, must_change: bool
    ) -> None:
        values = {
            "password_hash": await self._passwords.hash(password),
            "password_set_at": self._now(),
            "must_change": must_change,
            "failures": 0,
            "locked_until": None,
        }
        await self._change(by, action, user_name, values, end_sessions=True)

    async def _change(
        self,
        by: str,
        action: str,
        user_name: str,
        values: dict[str, Any],
        *,
        end_sessions: bool = False,
        facts: dict[str, Any] | None = None,
    ) -> None:
        def work(connection: Connection) -> bool:
            change = update(users).where(_USER.user_name == user_name).values(values)
            done = connection.execute(change).rowcount == 1
            if done and end_sessions:
                drop_sessions(connection, user_name)
            return done

        entry = AuditEntry(by, action, user_name, compact(facts or {}))
        if not await self._write(work, audit=lambda done: [entry] if done else []):
            raise PersonRefused("user_unknown", f"there is no user {user_name}")


def _row(connection: Connection, user_name: str) -> Row[Any] | None:
    return connection.execute(select(users).where(_USER.user_name == user_name)).first()
