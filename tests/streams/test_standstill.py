"""A loop and a processor outlive their failures; that nobody consumes is noticed."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.errors import StoreBusy
from schemas.ticket import Source
from streams import waiting
from streams.batches import Taken, key_by_key
from streams.progress import Progress
from streams.relay import Relay
from streams.topics import INBOUND
from streams.waiting import Wake, keep_doing, until_done, when_free
from tests.streams.hub import FakePeer, FixedProposer, SetClock, deps_of, open_test_store
from tests.streams.test_flow_intake import bodies


class SilentTopic:
    """Takes records that nobody ever reads."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def send(self, *, key: str, value: bytes) -> asyncio.Future[None]:
        self.sent.append(value)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


async def test_bodies_that_nobody_consumes_turn_readiness_red(tmp_path: Path) -> None:
    time, clock, topic = [0.0], SetClock(), SilentTopic()
    store = await open_test_store(tmp_path, clock)
    progress = Progress(lambda: time[0])
    deps = deps_of(store, clock, [FakePeer()], FixedProposer(), progress)
    await store.inbound.keep("city", Source.HOTLINE12345, bodies([1]), clock.now)
    relay = Relay(deps, dict.fromkeys(INBOUND, topic), topic)
    register = progress.part("register")
    for _ in range(3):
        time[0] += 31
        clock.now += timedelta(seconds=31)
        await relay.bodies()
    assert len(topic.sent) == 3, "offered again while it has no outcome"
    time[0] += 31
    assert progress.stalled(30) == ["relay-bodies"]
    register.begins()
    register.ends()
    await relay.bodies()
    assert progress.stalled(30) == []
    await store.close()


def failing(*errors: Exception) -> Any:
    left = list(errors)

    async def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


async def test_a_busy_store_is_waited_for_and_other_errors_are_not() -> None:
    busy = StoreBusy("locked", retry_after_seconds=0.001)
    assert await when_free(failing(busy, busy)) == "done"
    with pytest.raises(LookupError):
        await when_free(failing(busy, LookupError("no row")))


@pytest.fixture
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_rest", lambda _: 0.0)


@pytest.mark.usefixtures("no_rest")
async def test_work_that_must_not_be_skipped_is_repeated() -> None:
    assert await until_done(failing(OSError("broker away"), ValueError("bug"))) == "done"


@pytest.mark.usefixtures("no_rest")
async def test_a_loop_outlives_any_failure_and_tells_that_it_gets_nowhere() -> None:
    part = Progress(lambda: 0.0).part("loop")
    rounds: list[bool] = []
    errors = [ValueError("bug"), StoreBusy("locked", retry_after_seconds=0.001)]
    enough = asyncio.Event()

    async def once() -> bool:
        rounds.append(part.busy_since is not None)
        if errors:
            raise errors.pop()
        if len(rounds) == 5:
            enough.set()
        return len(rounds) < 5

    task = asyncio.create_task(keep_doing(part, once, Wake(), lambda: 3600.0))
    async with asyncio.timeout(10):
        await enough.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rounds == [True] * 5


async def test_a_wake_that_comes_while_nobody_waits_is_not_lost() -> None:
    wake = Wake()
    wake.set()
    async with asyncio.timeout(10):
        await wake.wait(3600)
        await wake.wait(0.001)


async def test_batches_keep_the_order_of_a_key_and_work_at_keys_side_by_side() -> None:
    batch: Sequence[Taken[None]] = [
        Taken(SimpleNamespace(key=key, number=number), None) for number, key in enumerate("abacb")
    ]
    done: list[int] = []

    async def work(event: SimpleNamespace) -> None:
        for _ in range(len(batch) - event.number):  # the later, the quicker
            await asyncio.sleep(0)
        done.append(event.number)

    await key_by_key(batch, work)
    assert done[0] == 3
    assert (done.index(0) < done.index(2), done.index(1) < done.index(4)) == (True, True)
    assert sorted(done) == [0, 1, 2, 3, 4]
