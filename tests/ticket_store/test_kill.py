"""A process that is killed at any instruction has lost nothing that it acknowledged."""

import asyncio
import random
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.ticket_store.hub_case import Clock, migrated, opened, owes_source, seeded
from ticket_store.history import head_at

ROOT = Path(__file__).resolve().parents[2]
KILLS = 6


async def acknowledged_until_killed(path: Path, seed: int, rng: random.Random) -> set[str]:
    """Run the child, kill it after some acknowledgements; returns what it had acknowledged."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.ticket_store.kill_child", str(path), str(seed),
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert child.stdout is not None
    lines = []
    for _ in range(rng.randrange(50, 600)):
        lines.append(await child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    rest = await child.stdout.read()
    await child.wait()
    return {
        line.decode() for line in [*lines, *rest.splitlines(keepends=True)] if line[-1:] == b"\n"
    }


@pytest.mark.slow
async def test_what_was_acknowledged_is_there_exactly_once(store_file: Path, clock: Clock) -> None:
    rng, acknowledged = seeded(11), set[str]()
    await migrated(store_file)
    for number in range(KILLS):
        acknowledged |= await acknowledged_until_killed(store_file, number, rng)
        with closing(sqlite3.connect(store_file)) as file:
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            made = dict(file.execute("SELECT lower(hex(command_id)), made FROM inbox"))
            stored = dict(
                file.execute(
                    "SELECT lower(hex(command_id)), COUNT(*) FROM events GROUP BY command_id"
                )
            )
            messages = {one for (one,) in file.execute("SELECT message_id FROM inbound")}
            tickets = [one for (one,) in file.execute("SELECT ticket_id FROM tickets")]
            beside = file.execute(
                "SELECT (SELECT COUNT(*) FROM events), (SELECT COUNT(*) FROM outbox),"
                " (SELECT COUNT(*) FROM deliveries), (SELECT events FROM audit_head)"
            ).fetchone()
        commands = {line.split()[1] for line in acknowledged if line.startswith("command")}
        assert commands <= made.keys()
        assert made == stored  # every command has all its events, and no event is without one
        assert {
            int(line.split()[1]) for line in acknowledged if line.startswith("message")
        } <= messages
        assert len(set(beside)) == 1
        async with opened(store_file, clock, owes=owes_source, fresh=False) as store:
            report = await store.audit.verify()
            assert (report.ok, report.rows) == (True, len(made))
            heads = await store.tickets.heads(tickets)
            for ticket_id, head in heads.items():
                assert head_at(await store.tickets.history(ticket_id)) == head
    assert len(acknowledged) > 50 * KILLS
