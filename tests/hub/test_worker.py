"""The worker's own loops: one that dies is noticed, and what was begun is ended."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.assembly import build
from hub.hourly import (
    FOLLOW_SECONDS,
    SESSIONS_SECONDS,
    UPLOADS_GRACE,
    UPLOADS_SECONDS,
    sweep_sessions,
    sweep_uploads,
)
from hub.serve import WorkerFailed, serve
from hub.settings import load
from hub.worker import running_worker
from schemas.errors import StoreBusy
from schemas.parties import Role
from tests.ticket_store.hub_case import Clock
from tests.ticket_store.reading_case import reading_case
from ticket_store.people_values import NewUser
from ticket_store.sender import Sender
from ticket_store.upload_sweep import UploadSweep

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


def _leads() -> bool:
    return True


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
            await sweep_sessions(people.sessions, _leads, hours)
        assert hours.paused == [SESSIONS_SECONDS] * HOURS
        assert await people.sessions.sweep() == 0
        clock.advance(-HOURS * SESSIONS_SECONDS)
        assert await people.session(token) is None  # it is not only hidden, but gone


async def test_only_the_leader_sweeps_and_a_new_leader_begins_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading_case(tmp_path) as case:
        sessions, sweep = case.reading.people.sessions, case.reading.attachments.sweep
        swept: list[str] = []

        async def note_sessions() -> int:
            swept.append("sessions")
            return 0

        async def note_uploads(_before: datetime) -> int:
            swept.append("uploads")
            return 0

        monkeypatch.setattr(sessions, "sweep", note_sessions)
        monkeypatch.setattr(sweep, "run", note_uploads)
        for name, loop, rest in (
            ("sessions", sweep_sessions, (sessions,)),
            ("uploads", sweep_uploads, (sweep, case.clock, timedelta(hours=1))),
        ):
            answers, hours = iter([False, False, True]), _Hours(case.clock, 3)
            with pytest.raises(_Over):
                await loop(*rest, answers.__next__, hours)  # type: ignore[operator]  # of two kinds
            assert swept.pop() == name
            assert swept == []
            assert hours.paused == [FOLLOW_SECONDS, FOLLOW_SECONDS, SESSIONS_SECONDS]


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
            await sweep_sessions(sessions, _leads, _Hours(case.clock, 3))
        assert len(asked) == 3


async def test_an_upload_waits_a_day_for_its_matter_and_is_then_forgotten(tmp_path: Path) -> None:
    clock, day = Clock(), timedelta(days=1)
    async with reading_case(tmp_path, clock) as case:
        book = case.reading.attachments
        kept = await book.keep(1 << 40, "a.png", "", b"\x89PNG\r\n\x1a\n" + bytes(9), "citizen")
        clock.advance((day + UPLOADS_GRACE).total_seconds())
        with pytest.raises(_Over):
            await sweep_uploads(book.sweep, clock, day, _leads, _Hours(clock, 1))
        assert await book.find(kept.attachment_id) == kept
        clock.advance(1)
        hours = _Hours(clock, 2)
        with pytest.raises(_Over):
            await sweep_uploads(book.sweep, clock, day, _leads, hours)
        assert hours.paused == [UPLOADS_SECONDS] * 2
        assert await book.find(kept.attachment_id) is None
        assert [one for one in (tmp_path / "uploads").rglob("*") if one.is_file()] == []


@pytest.mark.parametrize("trouble", [StoreBusy("database away"), OSError(5, "Input/output error")])
async def test_trouble_does_not_end_the_sweeping_of_uploads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    async with reading_case(tmp_path) as case:
        sweep, asked = case.reading.attachments.sweep, list[datetime]()

        async def broken(before: datetime) -> int:
            asked.append(before)
            raise trouble

        monkeypatch.setattr(sweep, "run", broken)
        with pytest.raises(_Over):
            await sweep_uploads(
                sweep, case.clock, timedelta(hours=2), _leads, _Hours(case.clock, 3)
            )
        assert len(asked) == 3


async def test_the_worker_sweeps_uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[datetime] = []
    asked = asyncio.Event()

    async def run(_self: UploadSweep, before: datetime) -> int:
        swept.append(before)
        asked.set()
        return 0

    monkeypatch.setattr(UploadSweep, "run", run)
    hub = await build(load(home=tmp_path / "h", limits={"unattached_hours": 3}), migrating=True)
    async with running_worker(hub), asyncio.timeout(30):
        await asked.wait()
    await hub.close()
    age = hub.now() - swept[0]
    assert timedelta(hours=4) <= age < timedelta(hours=4, minutes=5)
