"""What the people's books hand out, and what they refuse."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.errors import HubError
from schemas.matter import Frozen
from schemas.parties import Actor, Role
from schemas.visible_text import VISIBLE_LINE

ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})
WORKERS = frozenset({Role.OPERATOR, Role.DISPATCHER, Role.HANDLER, Role.REVIEWER, Role.LEADER})


class SignInRefused(HubError):
    """Not signed in. Unknown, wrong, locked, inactive: all the same, so that nobody can tell."""


class PersonRefused(HubError):
    """An account cannot be made or changed like this. code: for the console's text."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class NewUser(Frozen):
    user_name: str = Field(pattern=r"^[a-z][a-z0-9._-]{1,39}$")
    display_name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), VISIBLE_LINE
    ]
    roles: frozenset[Role]
    department: str | None = Field(default=None, min_length=1, max_length=64)


@dataclass(frozen=True)
class User:
    """locked_until: None when not locked now."""

    user_name: str
    display_name: str
    roles: frozenset[Role]
    department: str | None
    active: bool
    must_change_password: bool
    locked_until: datetime | None
    created_at: datetime

    @property
    def actor(self) -> Actor:
        return Actor(actor_id=self.user_name, roles=self.roles, department=self.department)


@dataclass(frozen=True)
class Session:
    """A person at a browser.

    ends_at: when it ends whatever happens; it ends earlier when nothing is done for a while.
    """

    user: User
    ends_at: datetime

    @property
    def actor(self) -> Actor:
        return self.user.actor

    @property
    def display_name(self) -> str:
        return self.user.display_name

    @property
    def must_change_password(self) -> bool:
        return self.user.must_change_password


@dataclass(frozen=True)
class ApiToken:
    """A program's token without its secret. Its scopes are roles and perhaps a department."""

    token_id: int
    name: str
    roles: frozenset[Role]
    department: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    @property
    def actor(self) -> Actor:
        return Actor(
            actor_id=f"token:{self.token_id}", roles=self.roles, department=self.department
        )


def check_roles(roles: frozenset[Role], department: str | None) -> None:
    """Raises: PersonRefused unless somebody may hold these roles together.

    The three administrators keep watch over each other (GB/T 22239-2019), so nobody is two of
    them, and none of them works on tickets.
    """
    if not roles or roles - ADMINISTRATORS - WORKERS:
        raise PersonRefused("roles_unknown", "one or more roles of people are asked for")
    if roles & ADMINISTRATORS and len(roles) > 1:
        raise PersonRefused("roles_conflict", "an administrator has this one role only")
    if Role.HANDLER in roles and not department:
        raise PersonRefused("department_missing", "a handler belongs to a department")
    if Role.HANDLER not in roles and department:
        raise PersonRefused("department_needless", "a department is for handlers")


def roles_of(stored: str) -> frozenset[Role]:
    return frozenset(map(Role, stored.split()))


def roles_text(roles: frozenset[Role]) -> str:
    return " ".join(sorted(roles))
