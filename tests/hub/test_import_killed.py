"""An import that is killed leaves whole tickets and no process, and goes on when called again."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.hub.commands import ROOT, environment
from tests.hub.old_tickets.import_case import any_store, counted, found, imported, opened
from tests.hub.old_tickets.import_child import CHUNK
from tests.hub.old_tickets.rows import SYSTEM, row, write

__all__ = ["any_store"]  # a fixture
MANY = 200


def until_gone(pids: Sequence[int]) -> None:
    """Wait until the processes have ended, at most a minute each."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([handle], [], [], 60)[0], f"process {pid} goes on"
        finally:
            os.close(handle)


def killed_after(file: Path, home: Path, chunks: int, url: str | None) -> tuple[int, list[int]]:
    """An import that is killed after some chunks: what it had told, and its processes."""
    told: Iterator[str]
    given = {"SUTONG_DATABASE_URL": url} if url else {}
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.hub.old_tickets.import_child", str(file)],
        env=environment(home, **given), cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(chunks)]
        child.send_signal(signal.SIGKILL)
        told = iter([*lines, *child.stdout.read().splitlines(keepends=True)])
    whole = [line.split() for line in told if line.endswith("\n")]
    workers = [int(pid) for pid in whole[-1][1:]]
    until_gone(workers)
    return int(whole[-1][0]), workers


@pytest.mark.slow
async def test_an_import_that_was_killed_goes_on_without_gaps(any_store: Path) -> None:
    file = write(any_store / "old.jsonl", [row(f"OLD-{n}") for n in range(MANY)])
    url = os.environ.get("SUTONG_DATABASE_URL")
    acknowledged = 0
    for chunks in (3, 9):
        told, workers = await asyncio.to_thread(killed_after, file, any_store, chunks, url)
        assert len(workers) == 2
        acknowledged += told
        async with opened() as hub:
            there = await counted(hub, "tickets")
            assert acknowledged <= there < MANY
            assert there % CHUNK == 0
            assert (await hub.store.audit.verify()).ok
            acknowledged = there
    ran = await imported(str(file), "--json")
    assert (ran.code, ran.json["imported"], ran.json["repeated"]) == (
        0, MANY - acknowledged, acknowledged,
    )  # fmt: skip
    async with opened() as hub:
        numbers = {await hub.store.tickets.by_source_no(SYSTEM, f"OLD-{n}") for n in range(MANY)}
        assert len(numbers - {None}) == MANY
        assert await counted(hub, "tickets") == MANY
        assert len(await found(hub, text="路灯不亮")) == MANY
        assert (await hub.store.audit.verify()).ok
