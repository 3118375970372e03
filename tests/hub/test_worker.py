"""The worker's own loops: one that dies is noticed, and what was begun is ended."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hub.assembly import build
from hub.serve import WorkerFailed, serve
from hub.settings import load
from hub.worker import SESSIONS_SECONDS, running_worker, sweep_sessions
from schemas.errors import StoreBusy
from schemas.parties import Role
from tests.ticket_store.hub_case import Clock
from tests.ticket_store.reading_case import reading_case
from ticket_store.people_values import NewUser
from ticket_store.sender import Sender

PATIENCE = 30.0
PASSWORD = "Correct-horse-7"
HOURS = 24  # longer than any session lasts
WANG = NewUser(user_name="wang", display_name="Wang", roles=frozenset({Role.OPERATOR}))


async def _dies(_sender: Sender) -> None:
    raise RuntimeError("a bug")


async def test_a_worker_starts_and_stops(home: Path) -> None:
    hub = await build(load(home=home), migrating=True)
    async with asyncio.timeout(PATIENCE), running_worker(hub) as worker:
        assert not worker.failed.is_set()
        assert {"relay-bodies", "relay-events", "register"} <= set(worker.progress.parts)
    assert not worker.failed.is_set()
    await hub.close()


async def test_a_loop_that_dies_takes_the_process_with_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sender, "run", _dies)
    settings = load(home=home)
    await (await build(settings, migrating=True)).close()
    with pytest.raises(WorkerFailed):
        async with asyncio.timeout(PATIENCE):
            await serve(settings, worker=True, web=False)


class _Over(Exception):
    """The hours of the test have passed."""


@dataclass
class _Hours:
    """Pauses that take no time but move the clock; the last one ends the loop."""

    clock: Clock
    left: int
    paused: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.paused.append(seconds)
        if len(self.paused) == self.left:
            raise _Over
        self.clock.advance(seconds)


async def test_sessions_that_ended_are_forgotten_within_the_hour(tmp_path: Path) -> None:
    clock = Clock()
    async with reading_case(tmp_path, clock) as case:
        people = case.reading.people
        await people.create("cli", WANG, PASSWORD)
        token, _ = await people.sign_in("wang", PASSWORD)
        hours = _Hours(clock, HOURS)
        with pytest.raises(_Over):
            await sweep_sessions(people.sessions, hours)
        assert hours.paused == [SESSIONS_SECONDS] * HOURS
        assert await people.sessions.sweep() == 0
        clock.advance(-HOURS * SESSIONS_SECONDS)
        assert await people.session(token) is None  # it is not only hidden, but gone


async def test_a_busy_store_does_not_end_the_sweeping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading_case(tmp_path) as case:
        sessions, asked = case.reading.people.sessions, list[int]()

        async def busy() -> int:
            asked.append(1)
            raise StoreBusy("database away")

        monkeypatch.setattr(sessions, "sweep", busy)
        with pytest.raises(_Over):
            await sweep_sessions(sessions, _Hours(case.clock, 3))
        assert len(asked) == 3
