"""Two processes never give out ticket ids under one number; a killed one stands in nobody's way."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import pytest

from hub.node import NODE_SECONDS, NodeIds, NodeTaken, NodeTaker
from hub.process_name import ProcessName, gone
from schemas.errors import StoreBusy
from schemas.ids import NODE_BITS
from tests.hub.commands import sutong_process
from tests.hub.running import started
from tests.ticket_store.hub_case import opened
from ticket_store.store import Store

HERE = ProcessName.mine()
AWAY = replace(HERE, host="far", boot="another-boot")
RESTARTS_WITHIN = 10.0


@dataclass
class Time:
    """A monotonic clock that goes on by pauses alone."""

    at: float = 1_000.0

    def __call__(self) -> float:
        return self.at

    async def pause(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "s.db") as one:
        yield one


def taker(store: Store, me: ProcessName, time: Time, *, one_machine: bool = False) -> NodeTaker:
    return NodeTaker(store.leases, me, gone(me, one_machine=one_machine), time, time.pause)


def living(number: int) -> ProcessName:
    """A process of this place that lives as long as this one, and has a name of its own."""
    return replace(ProcessName.mine(), host=f"h{number}")


def dead_process() -> ProcessName:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = replace(HERE, pid=child.pid, begun="1")
    child.communicate()
    return name


async def test_each_takes_the_first_that_is_free_at_once(store: Store) -> None:
    time = Time()
    taken = [await taker(store, living(one), time).take(None) for one in range(3)]
    assert [one.number for one in taken] == [0, 1, 2]
    assert time.at == 1_000.0


async def test_all_at_once_take_different_ones(store: Store) -> None:
    time = Time()
    count = 1 << NODE_BITS
    taken = await asyncio.gather(
        *(taker(store, living(one), time).take(None) for one in range(count))
    )
    assert sorted(one.number for one in taken) == list(range(count))


async def test_the_number_of_a_living_process_is_refused_after_one_lease(store: Store) -> None:
    time = Time()
    first = taker(store, AWAY, time)
    node = await first.take(7)

    async def pause(seconds: float) -> None:
        await time.pause(seconds)
        await node.lease.beat()

    second = replace(taker(store, HERE, time), pause=pause)
    with pytest.raises(NodeTaken, match=f"node 7 is held by process {AWAY.pid} on far: stop"):
        await second.take(7)
    assert NODE_SECONDS < time.at - 1_000.0 < NODE_SECONDS + 5
    assert (await second.take(None)).number == 0


async def test_the_number_of_a_dead_machine_is_free_after_one_lease(store: Store) -> None:
    time = Time()
    await taker(store, AWAY, time).take(7)
    node = await taker(store, HERE, time).take(7)
    assert node.number == 7
    assert node.earlier is None  # not certain: what it was sending waits for its own lease
    assert NODE_SECONDS <= time.at - 1_000.0 <= NODE_SECONDS + 2


async def test_a_killed_process_of_this_place_is_followed_at_once(store: Store) -> None:
    time, dead = Time(), dead_process()
    await taker(store, AWAY, time).take(0)
    await taker(store, dead, time).take(5)
    node = await taker(store, HERE, time).take(None)
    assert (node.number, node.earlier) == (5, str(dead))
    assert time.at == 1_000.0


async def test_what_this_place_gave_up_is_free_at_once_and_elsewhere_after_a_lease(
    store: Store,
) -> None:
    """Elsewhere the clock may be behind, and ids carry the time."""
    time = Time()
    for me, waits in ((living(1), 0.0), (AWAY, NODE_SECONDS)):
        before = time.at
        await (await taker(store, me, time).take(3)).lease.give_up()
        node = await taker(store, living(2), time).take(3)
        # what it left in doubt when it was told to stop is taken up with its number
        assert (node.number, node.earlier) == (3, None if waits else str(me))
        assert waits <= time.at - before <= waits + 2
        time.at += 2 * NODE_SECONDS
        held = await store.leases.find("node:3")
        await store.leases.take("node:3", "", held)


async def test_on_one_machine_an_earlier_boot_is_gone(store: Store) -> None:
    time = Time()
    before = replace(HERE, boot="before-the-power-went")
    await taker(store, before, time).take(0)
    node = await taker(store, HERE, time, one_machine=True).take(0)
    assert (node.earlier, time.at) == (str(before), 1_000.0)


def test_who_cannot_be_looked_for_is_not_gone() -> None:
    says = gone(HERE, one_machine=False)
    dead = dead_process()
    assert says(str(dead))
    for unknown in (
        replace(dead, boot="another"),
        replace(dead, boot="-"),
        replace(dead, space="1"),
        replace(dead, pid=os.getpid(), begun=HERE.begun),
        replace(dead, pid=1, begun="-"),
    ):
        assert not says(str(unknown))
    assert says(str(replace(HERE, begun="1")))  # a later process has its id
    assert not says(str(HERE))
    assert not says("host:7")
    assert not gone(replace(HERE, boot="-"), one_machine=True)(str(replace(dead, boot="-")))


async def test_ids_are_refused_while_the_number_is_not_held(store: Store) -> None:
    time = Time()
    node = await taker(store, HERE, time).take(9)
    ids = NodeIds(lambda: 1_800_000_000_000)
    with pytest.raises(StoreBusy):
        ids.next()
    ids.hold(node.number, lambda: node.lease.held)
    assert ids.next() >> 7 & 31 == 9
    time.at += NODE_SECONDS / 2  # no beat: long before anybody takes it
    with pytest.raises(StoreBusy):
        ids.next()
    await node.lease.beat()
    assert ids.next() >> 7 & 31 == 9


async def test_who_loses_its_number_notices(store: Store) -> None:
    time = Time()
    first = taker(store, HERE, time)
    node = await first.take(4)
    await taker(store, AWAY, Time()).take(4)  # it saw no beat for the whole time
    async with asyncio.timeout(5):
        await first.keep(node)
    assert node.lost.is_set()
    assert not node.lease.held


@pytest.mark.slow
def test_a_second_process_of_one_number_ends_with_a_line(tmp_path: Path) -> None:
    home = tmp_path / "h"
    assert sutong_process("migrate", home=home).code == 0
    with started("web", home, SUTONG_NODE="7") as first:
        first.wait_until_ready()
        ran = sutong_process("web", "--port", "0", home=home, SUTONG_NODE="7")
        assert (ran.code, ran.out) == (1, "")
        (line,) = [one for one in ran.err.splitlines() if "node 7" in one]
        assert f"process {first.process.pid} on " in line
        assert "SUTONG_NODE" in line
        with started("web", home) as other:  # without a number it takes one that is free
            other.wait_until_ready()
            (said,) = [one for one in other.log_lines() if one["event"] == "web started"]
            assert said["node"] == 0
        assert first.get("/health/ready")[0] == 200


def test_killed_it_is_back_with_its_number_in_time(tmp_path: Path) -> None:
    home = tmp_path / "h"
    for _ in range(2):
        begun = monotonic()
        with started("run", home, SUTONG_NODE="7") as hub:
            hub.wait_until_ready()
            took = monotonic() - begun
            hub.end(signal.SIGKILL)
            (said,) = [one for one in hub.log_lines() if one["event"] == "web started"]
            assert said["node"] == 7
    assert took < RESTARTS_WITHIN
