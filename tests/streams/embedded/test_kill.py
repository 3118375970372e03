"""A worker killed at any instruction: what it was told is durable is there, whole and in place."""

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from streams.embedded.log import Log
from tests.streams.embedded.apps import PATIENCE, running
from tests.streams.embedded.crash_child import build

_ROOT = Path(__file__).parents[3]
_KILLS = 5


def run_and_kill(folder: Path, first: int, what: str, count: int) -> list[list[str]]:
    """Start the child, wait for so many words of a kind, kill it at work, return all it said."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.streams.embedded.crash_child", str(folder), str(first)],
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        text=True,
    ) as child:
        assert child.stdout is not None
        said: list[str] = []
        for line in child.stdout:
            said.append(line)
            count -= line.startswith(what)
            if not count:
                child.kill()
    assert count <= 0, f"the child ended by itself with {child.returncode}"
    return [line.split() for line in said if line.endswith("\n")]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_killed_worker_loses_nothing_it_acknowledged(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # seeded, so that a failure can be repeated
    sent: dict[tuple[int, int], int] = {}
    committed: dict[int, int] = {}
    for kill in range(_KILLS):
        # before or in the recovery, or in full work
        when = (
            ("sent", chance.randint(1, 1_500)) if kill % 2 else ("committed", chance.randint(1, 60))
        )
        for what, partition, offset, *value in await asyncio.to_thread(
            run_and_kill, tmp_path, kill * 1_000_000, *when
        ):
            if what == "sent":
                assert (int(partition), int(offset)) not in sent, "an offset was given twice"
                sent[int(partition), int(offset)] = int(value[0])
            else:
                committed[int(partition)] = max(committed.get(int(partition), 0), int(offset))
    assert sent
    assert committed

    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    log = Log(tmp_path / "log.db")
    try:
        parts = log.topics["source"].parts
        stored = {
            (number, record.offset): int(record.value or b"")
            for number, part in enumerate(parts)
            for record in log.fetch(part, 0, 1_000_000, 1 << 30)
        }
        assert {at: stored.get(at) for at in sent} == sent
        for number, part in enumerate(parts):
            assert [offset for at, offset in stored if at == number] == list(range(log.end(part)))
            position = log.committed("embedded-test").get(part, 0)
            assert committed.get(number, 0) <= position <= log.end(part)
    finally:
        log.close()

    copies = await finish(tmp_path, set(stored.values()))
    assert set(copies) == set(stored.values()), "an event was lost between the agents"


async def finish(folder: Path, wanted: set[int]) -> Counter[int]:
    """Run a worker to the end of the log; return how often each value came out of `forward`."""
    app = build(folder)
    async with running(app):
        broker = app.producer.broker
        parts = broker.log.topics["source"].parts
        appended = asyncio.Event()
        stop = broker.listen(lambda _: appended.set())
        async with asyncio.timeout(PATIENCE):
            while True:
                appended.clear()
                await app.consumer.commit()
                positions = broker.log.committed(app.conf.id)
                if all(positions.get(part, 0) == broker.log.end(part) for part in parts):
                    break
                await appended.wait()
        stop()
        copies = Counter(
            int(record.value or b"")
            for part in broker.log.topics["middle"].parts
            for record in broker.log.fetch(part, 0, 1_000_000, 1 << 30)
        )
        assert sum(app.counts.values()) >= len(wanted)
    return copies
