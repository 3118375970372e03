"""People: sign-in and lock-out, sessions, passwords, tokens; and that every act is audited."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from pydantic import ValidationError

from schemas.parties import Role
from tests.ticket_store.hub_case import Clock
from tests.ticket_store.reading_case import CHEAP, DATABASES, ReadingCase, case_on, reading_case
from ticket_store.api_tokens import PREFIX
from ticket_store.passwords import MOST_AT_ONCE, PasswordRefused, Passwords, SignInPolicy
from ticket_store.people import PeopleBook
from ticket_store.people_values import NewUser, PersonRefused, SignInRefused

PASSWORD = "Correct-horse-7"
POLICY = SignInPolicy()


class CountingPasswords(Passwords):
    """Real hashing; notes how often, and how many at once."""

    def __init__(self, hasher: PasswordHasher = CHEAP) -> None:
        super().__init__(hasher)
        self.verified: list[str] = []

    def _verify(self, stored: str, password: str) -> bool:
        self.verified.append(stored)
        return super()._verify(stored, password)


class World:
    def __init__(self, case: ReadingCase) -> None:
        self.case, self.clock = case, case.clock
        self.passwords = CountingPasswords()
        self.people = PeopleBook(case.database, case.writer, case.clock, POLICY, self.passwords)

    async def add(self, name: str = "wang", *roles: Role, **given: Any) -> str:
        new = NewUser(
            user_name=name,
            display_name=f"{name} 某",
            roles=frozenset(roles or {Role.OPERATOR}),
            department="d1" if Role.HANDLER in roles else None,
        )
        await self.people.create("admin", new, PASSWORD, must_change=False, **given)
        return name

    async def refused(self, name: str, password: str) -> str:
        with pytest.raises(SignInRefused) as refusal:
            await self.people.sign_in(name, password)
        return str(refusal.value)

    async def actions(self) -> list[str]:
        return [action for _, action, _ in await self.case.audited()]


@pytest.fixture(params=DATABASES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with case_on(request.param, tmp_path) as case:
        yield World(case)


async def test_the_right_password_opens_a_session(world: World) -> None:
    await world.add("wang", Role.HANDLER)
    token, session = await world.people.sign_in(" Wang ", PASSWORD)
    assert session.display_name == "wang 某"
    assert session.actor.actor_id == "wang"
    assert session.actor.roles == {Role.HANDLER}
    assert session.actor.department == "d1"
    found = await world.people.session(token)
    assert found == session
    assert await world.people.session(token[:-1]) is None
    assert await world.people.session("") is None


async def test_unknown_wrong_locked_and_switched_off_look_the_same(world: World) -> None:
    for name in ("wang", "locked", "off"):
        await world.add(name)
    for _ in range(POLICY.failures_allowed):
        await world.refused("locked", "wrong")
    await world.people.set_active("admin", "off", active=False)
    said, costs = set(), []
    for name, password in (
        ("nobody", PASSWORD), ("wang", "wrong"), ("locked", PASSWORD), ("off", PASSWORD),
        ("", ""), ("wang", "x" * 100_000),
    ):  # fmt: skip
        world.passwords.verified.clear()
        said.add(await world.refused(name, password))
        costs.append(len(world.passwords.verified))
        # the same parameters, so the same time
        assert world.passwords.verified[0].rsplit("$", 2)[0] == CHEAP.hash("x").rsplit("$", 2)[0]
    assert len(said) == 1
    assert costs == [1] * 6


async def test_the_nth_failure_locks_and_time_unlocks(world: World) -> None:
    await world.add()
    for _ in range(POLICY.failures_allowed - 1):
        await world.refused("wang", "wrong")
    await world.people.sign_in("wang", PASSWORD)  # starts the count anew
    for _ in range(POLICY.failures_allowed):
        await world.refused("wang", "wrong")
    user = await world.people.user("wang")
    assert user is not None
    assert user.locked_until == world.clock.now + POLICY.locked_for
    await world.refused("wang", PASSWORD)
    world.clock.advance(POLICY.locked_for.total_seconds() - 1)
    await world.refused("wang", PASSWORD)
    world.clock.advance(1)
    await world.people.sign_in("wang", PASSWORD)


async def test_guesses_at_the_same_time_lock_too(world: World) -> None:
    await world.add()
    guesses = [world.refused("wang", f"wrong{number}") for number in range(20)]
    await asyncio.gather(*guesses)
    await world.refused("wang", PASSWORD)


class Overtaken(Passwords):
    """While a hash is computed, something else happens to the account."""

    def __init__(self, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(CHEAP)
        self._meanwhile = meanwhile

    async def holds(self, stored: str | None, password: str) -> bool:
        fits = await super().holds(stored, password)
        await self._meanwhile()
        return fits


@pytest.mark.parametrize("event", ["locked", "switched off", "password reset"])
async def test_what_happens_while_a_password_is_checked_counts(world: World, event: str) -> None:
    await world.add()

    async def meanwhile() -> None:
        if event == "locked":
            for _ in range(POLICY.failures_allowed):
                await world.refused("wang", "wrong")
        elif event == "switched off":
            await world.people.set_active("admin", "wang", active=False)
        else:
            await world.people.reset_password("admin", "wang", "Given-by-7admin")

    slow = PeopleBook(
        world.case.database, world.case.writer, world.clock, POLICY, Overtaken(meanwhile)
    )
    with pytest.raises(SignInRefused):
        await slow.sign_in("wang", PASSWORD)
    assert "sign_in" not in await world.actions()


async def test_an_administrator_unlocks(world: World) -> None:
    await world.add()
    for _ in range(POLICY.failures_allowed):
        await world.refused("wang", "wrong")
    await world.people.unlock("admin", "wang")
    await world.people.sign_in("wang", PASSWORD)
    with pytest.raises(PersonRefused):
        await world.people.unlock("admin", "nobody")


async def test_a_session_ends_when_idle_and_at_its_longest(world: World) -> None:
    await world.add()
    token, _ = await world.people.sign_in("wang", PASSWORD)
    idle = POLICY.idle.total_seconds()
    for _ in range(3):
        world.clock.advance(idle - 1)
        assert await world.people.session(token) is not None  # an act starts the time again
    world.clock.advance(idle - 1)
    assert await world.people.session(token, touch=False) is not None
    world.clock.advance(1)
    assert await world.people.session(token) is None

    token, session = await world.people.sign_in("wang", PASSWORD)
    assert session.ends_at == world.clock.now + POLICY.longest
    while world.clock.now < session.ends_at - timedelta(minutes=20):
        world.clock.advance(20 * 60)
        assert await world.people.session(token) is not None
    world.clock.advance(20 * 60)
    assert await world.people.session(token) is None


async def test_looking_often_writes_seldom(world: World) -> None:
    await world.add()
    token, _ = await world.people.sign_in("wang", PASSWORD)
    before = world.case.writer.counters.jobs
    for _ in range(50):
        world.clock.advance(1)
        await world.people.session(token)
    assert world.case.writer.counters.jobs - before == 0
    world.clock.advance(10)
    await world.people.session(token)
    assert world.case.writer.counters.jobs - before == 1


async def test_signing_out_here_and_everywhere(world: World) -> None:
    await world.add()
    tokens = [(await world.people.sign_in("wang", PASSWORD))[0] for _ in range(3)]
    await world.people.sign_out(tokens[0])
    alive = [await world.people.session(token) is not None for token in tokens]
    assert alive == [False, True, True]
    assert await world.people.sign_out_everywhere("wang", "wang") == 2
    assert [await world.people.session(token) for token in tokens] == [None] * 3
    await world.people.sign_out("no such token")


async def test_ended_sessions_are_swept(world: World) -> None:
    await world.add()
    for _ in range(3):
        await world.people.sign_in("wang", PASSWORD)
    assert await world.people.sessions.sweep() == 0
    world.clock.advance(POLICY.idle.total_seconds())
    assert await world.people.sessions.sweep() == 3


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("Short-7", "password_length"),
        ("x" * 201, "password_length"),
        ("alllowercase1", "password_kinds"),
        ("WANG-is-my-7name", "password_has_name"),
    ],
)
async def test_a_weak_password_is_refused(world: World, password: str, code: str) -> None:
    new = NewUser(user_name="wang", display_name="王", roles=frozenset({Role.OPERATOR}))
    with pytest.raises(PasswordRefused) as refusal:
        await world.people.create("admin", new, password)
    assert refusal.value.code == code
    assert await world.people.users() == []


async def test_changing_the_password_ends_all_sessions(world: World) -> None:
    await world.add()
    token, _ = await world.people.sign_in("wang", PASSWORD)
    for old, new, kind in (
        ("wrong", "Another-horse-8", SignInRefused),
        (PASSWORD, PASSWORD, PasswordRefused),
        (PASSWORD, "short", PasswordRefused),
    ):
        with pytest.raises(kind):
            await world.people.change_password("wang", old, new)
    assert await world.people.session(token) is not None
    await world.people.change_password("wang", PASSWORD, "Another-horse-8")
    assert await world.people.session(token) is None
    await world.refused("wang", PASSWORD)
    await world.people.sign_in("wang", "Another-horse-8")


async def test_guessing_the_old_password_locks_as_well(world: World) -> None:
    await world.add()
    for _ in range(POLICY.failures_allowed):
        with pytest.raises(SignInRefused):
            await world.people.change_password("wang", "wrong", "Another-horse-8")
    with pytest.raises(SignInRefused):
        await world.people.change_password("wang", PASSWORD, "Another-horse-8")


async def test_a_password_is_changed_when_given_by_another_or_old(world: World) -> None:
    await world.add()
    _, session = await world.people.sign_in("wang", PASSWORD)
    assert not session.must_change_password
    world.clock.advance(POLICY.password_age.total_seconds())
    _, session = await world.people.sign_in("wang", PASSWORD)
    assert session.must_change_password
    await world.people.reset_password("admin", "wang", "Given-by-7admin")
    _, session = await world.people.sign_in("wang", "Given-by-7admin")
    assert session.must_change_password
    await world.people.change_password("wang", "Given-by-7admin", "Chosen-by-me-8")
    _, session = await world.people.sign_in("wang", "Chosen-by-me-8")
    assert not session.must_change_password


@pytest.mark.parametrize(
    ("roles", "department", "code"),
    [
        (set(), None, "roles_unknown"),
        ({Role.CITIZEN}, None, "roles_unknown"),
        ({Role.PEER, Role.OPERATOR}, None, "roles_unknown"),
        ({Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN}, None, "roles_conflict"),
        ({Role.SECURITY_ADMIN, Role.LEADER}, None, "roles_conflict"),
        ({Role.HANDLER}, None, "department_missing"),
        ({Role.OPERATOR}, "d1", "department_needless"),
    ],
)
async def test_roles_that_do_not_go_together_are_refused(
    world: World, roles: set[Role], department: str | None, code: str
) -> None:
    await world.add("other")
    new = NewUser(
        user_name="wang", display_name="王", roles=frozenset(roles), department=department
    )
    for attempt in (
        world.people.create("admin", new, PASSWORD),
        world.people.set_roles("admin", "other", frozenset(roles), department),
        world.people.tokens.create("admin", "x", frozenset(roles), department=department),
    ):
        with pytest.raises(PersonRefused) as refusal:
            await attempt
        assert refusal.value.code == code


async def test_a_name_is_given_once_and_is_plain(world: World) -> None:
    await world.add()
    with pytest.raises(PersonRefused, match="there is a user wang"):
        await world.add()
    for name in ("Wang", "peer:city", "a", "1x", "x" * 41, "王"):
        with pytest.raises(ValidationError):
            NewUser(user_name=name, display_name="王", roles=frozenset({Role.OPERATOR}))


async def test_new_roles_and_switching_off_take_effect_at_once(world: World) -> None:
    await world.add()
    token, _ = await world.people.sign_in("wang", PASSWORD)
    await world.people.set_roles("admin", "wang", frozenset({Role.HANDLER}), "d2")
    session = await world.people.session(token)
    assert session is not None
    assert (session.actor.roles, session.actor.department) == ({Role.HANDLER}, "d2")
    await world.people.set_active("admin", "wang", active=False)
    assert await world.people.session(token) is None
    await world.people.set_active("admin", "wang", active=True)
    assert await world.people.session(token) is None
    await world.people.sign_in("wang", PASSWORD)


async def test_a_hash_of_older_parameters_is_renewed_at_sign_in(world: World) -> None:
    await world.add()
    stronger = CountingPasswords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    people = PeopleBook(world.case.database, world.case.writer, world.clock, POLICY, stronger)
    for _ in range(2):
        await people.sign_in("wang", PASSWORD)
    assert "t=1" in stronger.verified[0]
    assert "t=2" in stronger.verified[1]


async def test_hashes_are_argon2id_of_the_settled_cost_and_two_at_a_time() -> None:
    stored = await Passwords().hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    room = Passwords(CHEAP)
    assert room._room._value == MOST_AT_ONCE == 2
    assert await room.holds(await room.hash(PASSWORD), PASSWORD)
    assert not await room.holds("no hash at all", PASSWORD)
    assert not await room.holds(None, "nobody")


async def test_names_of_actors_that_are_people(world: World) -> None:
    await world.add()
    assert await world.people.names({"wang", "peer:city", "citizen"}) == {"wang": "wang 某"}
    assert await world.people.names(set()) == {}


async def test_a_token_is_shown_once_and_ends_by_time_or_revocation(world: World) -> None:
    book = world.people.tokens
    secret, token = await book.create(
        "admin", "data centre", frozenset({Role.HANDLER}), department="d1", lasts=timedelta(days=2)
    )
    assert secret.startswith(PREFIX)
    assert await book.find(secret) == token
    assert token.actor.actor_id == f"token:{token.token_id}"
    assert (token.actor.roles, token.actor.department) == ({Role.HANDLER}, "d1")
    for wrong in ("", PREFIX, secret + "x", secret[len(PREFIX) :]):
        assert await book.find(wrong) is None
    world.clock.advance(2 * 86_400)
    assert await book.find(secret) is None

    secret, token = await book.create("admin", "other", frozenset({Role.LEADER}))
    assert await book.find(secret) is not None
    assert await book.revoke("admin", token.token_id)
    assert not await book.revoke("admin", token.token_id)
    assert await book.find(secret) is None
    assert [one.name for one in await book.all()] == ["data centre", "other"]


@pytest.mark.parametrize("lasts", [timedelta(), timedelta(days=367)])
async def test_a_token_does_not_last_for_ever(world: World, lasts: timedelta) -> None:
    with pytest.raises(PersonRefused):
        await world.people.tokens.create("a", "x", frozenset({Role.LEADER}), lasts=lasts)


@pytest.mark.parametrize("name", [" ", "x" * 81])
async def test_a_tokens_name_has_some_characters_and_not_too_many(world: World, name: str) -> None:
    with pytest.raises(PersonRefused, match="1 to 80 characters"):
        await world.people.tokens.create("a", name, frozenset({Role.LEADER}))


def stored_bytes(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.glob("store.db*")]


async def test_no_secret_is_stored_in_clear(world: World, tmp_path: Path) -> None:
    await world.add()
    token, _ = await world.people.sign_in("wang", PASSWORD)
    secret, _ = await world.people.tokens.create("admin", "x", frozenset({Role.LEADER}))
    await world.case.writer.close()
    if world.case.database.dialect.name != "sqlite":
        pytest.skip("the server's files are not ours to read")
    files = stored_bytes(tmp_path)
    assert any(b"wang" in content for content in files)
    for hidden in (PASSWORD, token, secret):
        assert not any(hidden.encode() in content for content in files)


async def test_every_act_is_audited_and_names_no_unknown_user(world: World) -> None:
    await world.add()
    await world.refused("Passw0rd-typed-as-name", "x")
    for _ in range(POLICY.failures_allowed):
        await world.refused("wang", "wrong")
    await world.refused("wang", PASSWORD)
    await world.people.unlock("admin", "wang")
    token, _ = await world.people.sign_in("wang", PASSWORD)
    await world.people.sign_out(token)
    await world.people.change_password("wang", PASSWORD, "Another-horse-8")
    await world.people.reset_password("admin", "wang", "Given-by-7admin")
    await world.people.set_roles("admin", "wang", frozenset({Role.LEADER}))
    await world.people.sign_out_everywhere("wang", "admin")
    await world.people.set_active("admin", "wang", active=False)
    _, made = await world.people.tokens.create("admin", "x", frozenset({Role.LEADER}))
    await world.people.tokens.revoke("admin", made.token_id)
    assert await world.actions() == [
        "user_created", "sign_in_refused", *["sign_in_failed"] * 5, "user_locked",
        "sign_in_refused", "user_unlocked", "sign_in", "sign_out", "password_changed",
        "password_reset", "user_roles_set", "sign_out_everywhere", "user_deactivated",
        "token_created", "token_revoked",
    ]  # fmt: skip
    assert "typed" not in repr(await world.case.audited())
    assert (await world.case.audit.verify()).ok


async def test_accounts_and_sessions_outlive_the_process(tmp_path: Path) -> None:
    clock = Clock()
    async with reading_case(tmp_path, clock) as case:
        await World(case).add()
        token, _ = await case.reading.people.sign_in("wang", PASSWORD)
    async with reading_case(tmp_path, clock, fresh=False) as case:
        assert await case.reading.people.session(token) is not None
