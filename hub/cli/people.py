"""sutong user: the people and programs that may act."""

import secrets
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from string import ascii_letters, digits
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hub.assembly import Hub, build
from hub.cli.output import WRONG_USAGE, AsJson, fail, print_json, run, say, settings_or_exit
from hub.stored import require_store, stored
from schemas.parties import Role
from ticket_store.people_values import (
    ADMINISTRATORS,
    WORKERS,
    NewUser,
    PersonRefused,
    check_roles,
)
from ticket_store.store import Store

BY = "cli"
_FRESH_LENGTH = 20  # characters, of some 60 kinds
_GIVEN = [role for role in Role if role in WORKERS | ADMINISTRATORS]
user_app = typer.Typer(help="Users and API tokens.", no_args_is_help=True)
Roles = Annotated[
    list[str], typer.Option("--role", help=f"One of {', '.join(_GIVEN)}; may repeat.")
]
Department = Annotated[str | None, typer.Option(help="Department code of a handler.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


def _roles(names: list[str], department: str | None) -> frozenset[Role]:
    for name in names:
        if name not in _GIVEN:
            fail(f"--role is one of {', '.join(_GIVEN)}, not {name!r}", WRONG_USAGE)
    roles = frozenset(map(Role, names))
    try:
        check_roles(roles, department)
    except PersonRefused as refused:
        fail(f"--role, --department: {refused}", WRONG_USAGE)
    return roles


def _password(from_stdin: bool, name: str) -> str:
    """What standard input says, or a fresh one that is shown once."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    # without the letter that the name begins with, it cannot hold the name, however short that is
    never = name[:1].casefold()
    letters = [one for one in ascii_letters + digits if one.casefold() != never]
    while True:
        fresh = "".join(secrets.choice(letters) for _ in range(_FRESH_LENGTH))
        if all(any(map(kind, fresh)) for kind in (str.islower, str.isupper, str.isdigit)):
            return fresh


@user_app.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="Sign-in name.")],
    role: Roles,
    display_name: Annotated[str | None, typer.Option(help="Name on the pages.")] = None,
    department: Department = None,
    password_stdin: FromStdin = False,
    as_json: AsJson = False,
) -> None:
    """Create a user; the password must be changed at the first sign-in."""
    roles = _roles(role, department)
    password = _password(password_stdin, name)
    try:
        new = NewUser(
            user_name=name,
            display_name=display_name or name,
            roles=roles,
            department=department,
        )
    except ValidationError as error:
        fail("; ".join(map(_said, error.errors(include_input=False))), WRONG_USAGE)

    async def create(hub: Hub) -> None:
        _known(hub, department)
        await hub.store.people.create(BY, new, password)

    _with_hub(create)
    shown = None if password_stdin else password
    if as_json:
        print_json({"user": name, "password": shown})
        return
    say(f"user {name} created")
    if shown:
        say(f"password (shown once, to be changed at the first sign-in): {shown}")


@user_app.command("list")
def list_users(as_json: AsJson = False) -> None:
    """Who there is, with roles and state."""
    rows: list[dict[str, object]] = []

    async def read(store: Store) -> None:
        rows.extend(
            {
                "user": user.user_name,
                "name": user.display_name,
                "roles": sorted(user.roles),
                "department": user.department,
                "active": user.active,
                "locked_until": user.locked_until and user.locked_until.isoformat(),
            }
            for user in await store.people.users()
        )

    _with_store(read)
    if as_json:
        print_json({"users": rows})
        return
    for row in rows:
        state = "active" if row["active"] else "inactive"
        state += f", locked until {row['locked_until']}" if row["locked_until"] else ""
        roles = ", ".join(row["roles"]) if isinstance(row["roles"], list) else ""
        say(f"{row['user']}  {roles}  {row['department'] or '-'}  {state}")


@user_app.command("unlock")
def unlock_user(name: Annotated[str, typer.Argument()], as_json: AsJson = False) -> None:
    """Let a locked-out user sign in again."""

    async def unlock(store: Store) -> None:
        await store.people.unlock(BY, name)

    _with_store(unlock)
    _done(as_json, name, "unlocked")


@user_app.command("reset")
def reset_password(
    name: Annotated[str, typer.Argument()],
    password_stdin: FromStdin = False,
    as_json: AsJson = False,
) -> None:
    """Give a user a new password and sign him out everywhere."""
    password = _password(password_stdin, name)

    async def reset(store: Store) -> None:
        await store.people.reset_password(BY, name, password)

    _with_store(reset)
    if as_json:
        print_json({"user": name, "password": None if password_stdin else password})
        return
    say(f"{name} has a new password, to be changed at the next sign-in")
    if not password_stdin:
        say(f"password (shown once): {password}")


@user_app.command("token")
def create_token(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    role: Roles,
    department: Department = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Days it is valid.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Create an API token; it is shown once."""
    roles = _roles(role, department)
    secret: list[str] = []
    made: dict[str, object] = {}

    async def create(hub: Hub) -> None:
        _known(hub, department)
        lasts = timedelta(days=days)
        tokens = hub.store.people.tokens
        shown, token = await tokens.create(BY, name, roles, department=department, lasts=lasts)
        secret.append(shown)
        made.update(token_id=token.token_id, expires_at=token.expires_at.isoformat())

    _with_hub(create)
    if as_json:
        print_json({"name": name, "token": secret[0], **made})
        return
    say(f"token for {name} (shown once): {secret[0]}")


@user_app.command("tokens")
def list_tokens(as_json: AsJson = False) -> None:
    """Which API tokens there are, with roles and until when."""
    rows: list[dict[str, object]] = []

    async def read(store: Store) -> None:
        rows.extend(
            {
                "token_id": token.token_id,
                "name": token.name,
                "roles": sorted(token.roles),
                "department": token.department,
                "expires_at": token.expires_at.isoformat(),
                "revoked_at": token.revoked_at and token.revoked_at.isoformat(),
            }
            for token in await store.people.tokens.all()
        )

    _with_store(read)
    if as_json:
        print_json({"tokens": rows})
        return
    for row in rows:
        roles = ", ".join(row["roles"]) if isinstance(row["roles"], list) else ""
        end = f"revoked {row['revoked_at']}" if row["revoked_at"] else f"until {row['expires_at']}"
        say(f"{row['token_id']}  {row['name']}  {roles}  {row['department'] or ''}  {end}")


@user_app.command("revoke")
def revoke_token(
    token_id: Annotated[int, typer.Argument(min=1, help="As `sutong user tokens` lists it.")],
    as_json: AsJson = False,
) -> None:
    """End an API token; a running web process believes it for some seconds more."""
    done: list[bool] = []

    async def revoke(store: Store) -> None:
        done.append(await store.people.tokens.revoke(BY, token_id))

    _with_store(revoke)
    if not done[0]:
        fail(f"no token {token_id} to revoke; `sutong user tokens` lists them")
    if as_json:
        print_json({"token_id": token_id, "done": "revoked"})
        return
    say(f"token {token_id}: revoked")


def _said(problem: ErrorDetails) -> str:
    field = ".".join(map(str, problem["loc"]))
    if field == "user_name":
        return "NAME is 2 to 40 of a-z, 0-9, '.', '_', '-', and begins with a letter"
    return f"{field}: {problem['msg']}"


def _known(hub: Hub, department: str | None) -> None:
    if department is not None and not hub.catalogue.knows(department):
        fail(f"--department: no {department!r} in the catalogue", WRONG_USAGE)


def _done(as_json: bool, name: str, what: str) -> None:
    if as_json:
        print_json({"user": name, "done": what})
        return
    say(f"{name}: {what}")


def _with_hub(work: Callable[[Hub], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        settings = settings_or_exit()
        await require_store(settings)
        hub = await build(settings)
        try:
            await work(hub)
        finally:
            await hub.close()

    run(all_of_it())


def _with_store(work: Callable[[Store], Awaitable[None]]) -> None:
    """For what needs no catalogue: it works beside one that is broken, and beside broken peers."""

    async def all_of_it() -> None:
        async with stored(settings_or_exit()) as store:
            await work(store)

    run(all_of_it())
