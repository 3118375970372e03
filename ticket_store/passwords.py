"""Passwords: what is asked of them, and their argon2id hashes, two at a time in threads."""

import asyncio
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import Field

from schemas.errors import HubError
from schemas.matter import Frozen

MOST_AT_ONCE = 2  # a hash takes 19 MiB and some 20 ms of a core: sign-ins must not stop the hub
LONGEST = 200  # characters; hashing a book is a way to keep the hub busy


class PasswordRefused(HubError):
    """A new password breaks a rule; choose another. code: for the text that the console shows."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class SignInPolicy(Frozen):
    """GB/T 22239-2019, level 3, asks for all of these and leaves the numbers to us [assumed].

    failures_allowed: wrong passwords in a row; the next attempts are refused for `locked_for`.
    kinds:            of lower case, upper case, digits, others.
    password_age:     after it the password must be changed before anything else.
    """

    failures_allowed: int = Field(default=5, ge=1)
    locked_for: timedelta = timedelta(minutes=15)
    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=12)
    min_length: int = Field(default=10, ge=8)
    kinds: int = Field(default=3, ge=1, le=4)
    password_age: timedelta = timedelta(days=90)

    def check_password(self, password: str, user_name: str) -> None:
        """Raises: PasswordRefused."""
        if not self.min_length <= len(password) <= LONGEST:
            raise PasswordRefused(
                "password_length", f"{self.min_length} to {LONGEST} characters are asked for"
            )
        kinds = {_kind(letter) for letter in password}
        if len(kinds) < self.kinds:
            raise PasswordRefused(
                "password_kinds", f"{self.kinds} kinds of characters are asked for"
            )
        if user_name.casefold() in password.casefold():
            raise PasswordRefused("password_has_name", "the user name is part of the password")


def _kind(letter: str) -> str:
    if letter.isdigit():
        return "digit"
    if letter.islower() or letter.isupper():
        return "lower" if letter.islower() else "upper"
    return "other"


class Passwords:
    """Hashes and verifies. An unknown user costs the same time as a known one."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        # OWASP's second choice for argon2id: 19 MiB, two passes, one lane
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def holds(self, stored: str | None, password: str) -> bool:
        """Whether the password fits; None is nobody's hash, which nothing fits."""
        if self._nobody is None:
            self._nobody = await self.hash("nobody")
        wanted = self._nobody if stored is None else stored
        async with self._room:
            fits = await asyncio.to_thread(self._verify, wanted, password[:LONGEST])
        return fits and stored is not None

    def is_dated(self, stored: str) -> bool:
        """Whether it was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
