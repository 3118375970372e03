"""Killed anywhere: between doing and saying so, and by SIGKILL; nothing lost, nothing doubled."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import StoreBusy
from schemas.lifecycle import Action
from schemas.winding import rebuild
from tests.schemas.cases import OPERATOR, command
from tests.streams import crash_child
from tests.streams.hub import (
    POLICY,
    FakePolled,
    FixedProposer,
    Hub,
    SetClock,
    open_test_store,
    running_hub,
)
from tests.streams.test_flow_intake import bodies, new
from ticket_store.inbound import MessageOutcome
from ticket_store.store import Store

SEAMS = (
    ("inbound", "keep_page"),
    ("inbound", "read"),
    ("inbound", "offered"),
    ("inbound", "settle"),
    ("desk", "execute"),
    ("tickets", "registration"),
    ("outbox", "take"),
    ("outbox", "done"),
    ("clocks", "save"),
)


def failing(book: str, name: str, *, after: bool) -> Callable[[Store], None]:
    """Makes the first two calls fail, before they did anything or after they did it all."""
    left = [2]

    def wrap(store: Store) -> None:
        owner = getattr(store, book)
        right = getattr(owner, name)

        async def wrong(*args: Any, **fields: Any) -> Any:
            if left[0] == 0:
                return await right(*args, **fields)
            left[0] -= 1
            if after:
                await right(*args, **fields)
            raise StoreBusy("the answer is lost", retry_after_seconds=0.01)

        setattr(owner, name, wrong)

    return wrap


@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
@pytest.mark.parametrize(("book", "name"), SEAMS, ids=".".join)
async def test_a_lost_answer_is_asked_for_again(
    tmp_path: Path,
    book: str,
    name: str,
    after: bool,
) -> None:
    polled = FakePolled(bodies=bodies([1]))
    async with running_hub(
        tmp_path, polled, proposer=FixedProposer(dispatch=True),
        wrap=failing(book, name, after=after),
    ) as hub:  # fmt: skip

        async def ticket() -> int | None:
            return await hub.store.tickets.by_source_no("city", "A1")

        ticket_id = await hub.until(ticket)
        [message] = await hub.store.inbound.browse()
        assert (await hub.settled(message.message_id)).outcome is MessageOutcome.REGISTERED
        accept = command(Action.ACCEPT, OPERATOR, ticket_id=ticket_id)

        async def accepted() -> bool:
            with suppress(StoreBusy):
                await hub.execute(accept)
                return True
            hub.progress.told.set()
            return False

        await hub.until(accepted)
        assert await hub.happened(ticket_id, "ticket_dispatched") == [
            "ticket_registered", "ticket_accepted", "proposal_made", "ticket_dispatched",
        ]  # fmt: skip
        await same_clocks(hub, ticket_id)
        assert hub.letters == []


async def same_clocks(hub: Hub, ticket_id: int) -> None:
    sheet = rebuild(await hub.store.tickets.history(ticket_id), POLICY)
    assert sheet is not None
    wound = {clock.clock_id: clock for clock in await hub.wound(ticket_id)}
    assert wound == {clock.clock_id: clock for clock in sheet.clocks}


async def test_a_message_that_is_processed_again_has_its_first_outcome(tmp_path: Path) -> None:
    """Registered, then killed before the row was settled: registered, not a duplicate."""
    lost = failing("inbound", "settle", after=False)
    async with running_hub(tmp_path, wrap=lost) as hub:
        message = await hub.settled(await hub.receive(new(), no="1"))
        assert message.outcome is MessageOutcome.REGISTERED
        assert await hub.store.inbound.replay(message.message_id, by="test")
        again = await hub.settled(message.message_id)
        assert (again.outcome, again.ticket_id) == (message.outcome, message.ticket_id)
        assert await hub.kinds(message.ticket_id or 0) == ["ticket_registered"]


@pytest.mark.slow
async def test_a_worker_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    for settled in (1, 25, 60):
        await _run_and_kill(tmp_path, settled)
    clock = SetClock()
    async with running_hub(tmp_path, crash_child.peer(), clock=clock) as hub:
        await hub.until(lambda: crash_child.all_settled(hub.store))
        for number in range(crash_child.TICKETS):
            ticket_id = await hub.store.tickets.by_source_no("city", f"A{number}")
            assert ticket_id is not None
            assert await hub.kinds(ticket_id) == ["ticket_registered", "matter_supplemented"]
            await same_clocks(hub, ticket_id)
    store = await open_test_store(tmp_path, clock)
    outcomes = [one.outcome for one in await store.inbound.browse(limit=10_000)]
    await store.close()
    assert outcomes.count(MessageOutcome.REGISTERED) == crash_child.TICKETS
    assert outcomes.count(MessageOutcome.APPLIED) == crash_child.TICKETS


async def _run_and_kill(folder: Path, settled: int) -> None:
    """Start a worker and kill it as soon as it says that so many messages are settled."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.streams.crash_child", str(folder),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert child.stdout is not None
    async with asyncio.timeout(60):
        while line := await child.stdout.readline():
            word, _, count = line.decode().partition(" ")
            if word == "settled" and int(count) >= settled:
                break
        os.kill(child.pid, signal.SIGKILL)
        await child.communicate()
