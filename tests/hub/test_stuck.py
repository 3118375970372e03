"""A worker that stands still with everything there ends itself; one that waits does not."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.assembly import build
from hub.broker_watch import BrokerWatch
from hub.settings import load
from hub.stuck import LOOK_SECONDS, StuckWatch, until_stuck
from hub.worker import running_worker
from schemas.errors import StoreBusy
from streams.progress import Progress
from tests.ticket_store.hub_case import opened
from ticket_store.store import Store

AFTER = 120.0


@dataclass
class Seconds:
    at: float = 1_000.0

    def __call__(self) -> float:
        return self.at

    async def pause(self, seconds: float) -> None:
        self.at += seconds


def watched(store: Store, seconds: Seconds, folder: Path) -> tuple[StuckWatch, Progress]:
    progress = Progress(seconds)
    broker = BrokerWatch(f"sqlite:///{folder / 'broker.db'}", seconds)
    return StuckWatch(progress, broker, store.writer), progress


@pytest.mark.parametrize("name", ["relay-events", "ingest-web_portal", "register"])
async def test_a_carrier_that_stands_still_ends_the_worker_after_its_time(
    tmp_path: Path, name: str
) -> None:
    seconds = Seconds()
    async with opened(tmp_path / "s.db") as store:
        watch, progress = watched(store, seconds, tmp_path)
        progress.part(name).begins()
        begun = seconds.at
        await until_stuck(watch, AFTER, seconds.pause)
        assert AFTER < seconds.at - begun <= AFTER + LOOK_SECONDS
        progress.part(name).ends()
        assert await watch.stuck(AFTER) == []


async def test_a_running_worker_watches_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.stuck.LOOK_SECONDS", 0.05)
    settings = load(home=tmp_path / "h", streams={"stalled_seconds": 0.2})
    hub = await build(settings, migrating=True)
    async with asyncio.timeout(30), running_worker(hub) as worker:
        worker.progress.part("register").begins()  # and never comes to an end
        await worker.failed.wait()
    await hub.close()


async def test_a_peer_that_hangs_or_a_long_sweep_does_not(tmp_path: Path) -> None:
    seconds = Seconds()
    async with opened(tmp_path / "s.db") as store:
        watch, progress = watched(store, seconds, tmp_path)
        for name in ("poll-city", "sweeps", "ticks"):
            progress.part(name).begins()
        for _ in range(100):
            assert await watch.stuck(AFTER) == []
            seconds.at += LOOK_SECONDS


@pytest.mark.parametrize("away", ["store", "broker"])
async def test_what_waits_for_store_or_broker_has_its_time_once_they_are_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    seconds, gone = Seconds(), [True]
    async with opened(tmp_path / "s.db") as store:
        watch, progress = watched(store, seconds, tmp_path)
        run = store.writer.run

        async def busy(errand: object) -> object:
            if gone and away == "store":
                raise StoreBusy("database away")
            return await run(errand)  # type: ignore[arg-type]  # handed on as it came

        async def problem(_self: BrokerWatch) -> str | None:
            return "broker: nobody answers" if gone and away == "broker" else None

        monkeypatch.setattr(store.writer, "run", busy)
        monkeypatch.setattr(BrokerWatch, "problem", problem)
        part = progress.part("relay-bodies")
        part.begins()
        for _ in range(60):  # ten minutes
            assert await watch.stuck(AFTER) == []
            seconds.at += LOOK_SECONDS
        gone.clear()
        assert await watch.stuck(AFTER) == []  # it has just come back
        seconds.at += AFTER - 1
        assert await watch.stuck(AFTER) == []
        seconds.at += 1
        assert await watch.stuck(AFTER) == ["relay-bodies"]
