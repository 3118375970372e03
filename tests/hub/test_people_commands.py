"""`sutong user`: accounts and tokens from the command line."""

import asyncio
from pathlib import Path

import pytest

from hub.cli.people import _password
from hub.settings import load
from hub.stored import stored
from schemas.parties import Role
from tests.hub.commands import sutong
from ticket_store.passwords import SignInPolicy
from ticket_store.people_values import SignInRefused

pytestmark = pytest.mark.usefixtures("store")
PASSWORD = "Correct-horse-7"


async def sign_in(name: str, password: str) -> bool:
    async with stored(load()) as store:
        try:
            await store.people.sign_in(name, password)
        except SignInRefused:
            return False
        return True


def test_a_user_is_added_listed_and_can_sign_in() -> None:
    added = sutong("user", "add", "wang", "--role", "operator", "--role", "dispatcher", "--json")
    assert added.code == 0, added.err
    assert asyncio.run(sign_in("wang", added.json["password"]))
    [user] = sutong("user", "list", "--json").json["users"]
    assert (user["user"], user["roles"]) == ("wang", ["dispatcher", "operator"])
    assert "wang" in sutong("user", "list").out


def test_a_password_from_standard_input_is_not_shown() -> None:
    args = ("user", "add", "li", "--role", "leader", "--password-stdin", "--json")
    added = sutong(*args, stdin=f"{PASSWORD}\n")
    assert added.json == {"user": "li", "password": None}
    assert PASSWORD not in added.out + added.err
    assert asyncio.run(sign_in("li", PASSWORD))


def test_a_locked_out_user_is_unlocked() -> None:
    sutong("user", "add", "li", "--role", "leader", "--password-stdin", stdin=PASSWORD)
    for _ in range(load().sign_in.failures):
        assert not asyncio.run(sign_in("li", "Wrong-horse-77"))
    assert not asyncio.run(sign_in("li", PASSWORD))
    assert "locked until" in sutong("user", "list").out
    assert sutong("user", "unlock", "li", "--json").json == {"user": "li", "done": "unlocked"}
    assert asyncio.run(sign_in("li", PASSWORD))


@pytest.mark.parametrize("name", ["a", "A", "1", "li", "-", "王"])
def test_a_fresh_password_never_holds_the_name(name: str) -> None:
    for _ in range(200):
        SignInPolicy().check_password(_password(from_stdin=False, name=name), name)


def test_a_reset_ends_the_old_password() -> None:
    sutong("user", "add", "li", "--role", "leader", "--password-stdin", stdin=PASSWORD)
    fresh = sutong("user", "reset", "li", "--json").json["password"]
    assert not asyncio.run(sign_in("li", PASSWORD))
    assert asyncio.run(sign_in("li", fresh))


def test_a_token_acts_with_its_roles() -> None:
    made = sutong("user", "token", "crm", "--role", "operator", "--days", "2", "--json").json

    async def roles() -> frozenset[Role]:
        async with stored(load()) as store:
            token = await store.people.tokens.find(made["token"])
            assert token is not None
            return token.actor.roles

    assert asyncio.run(roles()) == {Role.OPERATOR}


def test_a_revoked_token_is_nobodys() -> None:
    secret = sutong("user", "token", "crm", "--role", "leader", "--json").json["token"]
    [token] = sutong("user", "tokens", "--json").json["tokens"]
    assert (token["name"], token["roles"], token["revoked_at"]) == ("crm", ["leader"], None)
    number = str(token["token_id"])
    assert sutong("user", "revoke", number).code == 0
    again = sutong("user", "revoke", number)
    assert (again.code, f"no token {number}" in again.err) == (1, True)
    assert "revoked" in sutong("user", "tokens").out

    async def known() -> bool:
        async with stored(load()) as store:
            return await store.people.tokens.find(secret) is not None

    assert not asyncio.run(known())


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["add", "X y", "--role", "operator"], 2, "NAME"),
        (["add", "li", "--role", "king"], 2, "king"),
        (["add", "li"], 2, "--role"),
        (["add", "li", "--role", "handler", "--department", "nowhere"], 2, "nowhere"),
        (["add", "li", "--role", "handler"], 2, "belongs to a department"),
        (["add", "li", "--role", "leader", "--department", "scjg"], 2, "for handlers"),
        (["add", "li", "--role", "leader", "--role", "audit_admin"], 2, "this one role"),
        (["token", "crm", "--role", "handler"], 2, "belongs to a department"),
        (["token", "crm", "--role", "handler", "--department", "nowhere"], 2, "nowhere"),
        (["unlock", "nobody"], 1, "nobody"),
        (["reset", "nobody"], 1, "nobody"),
        (["token", "crm", "--role", "operator", "--days", "0"], 2, "days"),
    ],
)
def test_what_cannot_be_done_is_a_line(args: list[str], code: int, said: str) -> None:
    ran = sutong("user", *args, "--json")
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_a_weak_password_is_refused_with_its_reason() -> None:
    ran = sutong("user", "add", "li", "--role", "leader", "--password-stdin", stdin="short")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("sutong: ")
    assert sutong("user", "list", "--json").json["users"] == []


@pytest.mark.parametrize(
    "broken", ['[peers.city]\ndialect = "nobody\'s"\n', '[dispatch]\ncatalogue = "missing.toml"\n']
)
def test_people_are_helped_beside_broken_settings(home: Path, broken: str) -> None:
    sutong("user", "add", "li", "--role", "leader", "--password-stdin", stdin=PASSWORD)
    sutong("user", "token", "crm", "--role", "operator")
    (home / "sutong.toml").write_text(broken)
    add = sutong("user", "add", "wang", "--role", "operator")
    assert (add.code, add.out) == (2, "")
    assert [one["user"] for one in sutong("user", "list", "--json").json["users"]] == ["li"]
    assert sutong("user", "unlock", "li").code == 0
    assert asyncio.run(sign_in("li", sutong("user", "reset", "li", "--json").json["password"]))
    [token] = sutong("user", "tokens", "--json").json["tokens"]
    assert sutong("user", "revoke", str(token["token_id"])).code == 0
