"""The worker's own loops: one that dies is noticed, and what was begun is ended."""

import asyncio
from pathlib import Path

import pytest

from hub.assembly import build
from hub.serve import WorkerFailed, serve
from hub.settings import load
from hub.worker import running_worker
from ticket_store.sender import Sender

PATIENCE = 30.0


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
