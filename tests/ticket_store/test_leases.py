"""One process holds a lease; who sees its beat stand takes over; no two clocks are compared."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ticket_store.hub_case import Clock, opened, owes_source
from ticket_store.leases import Held, Lease
from ticket_store.store import Store

SECONDS = 8.0


@dataclass
class Ticking:
    """A monotonic clock that is an argument."""

    at: float = 1_000.0

    def __call__(self) -> float:
        return self.at


def lease(store: Store, holder: str, clock: Ticking) -> Lease:
    return Lease(store.leases, "worker", holder, seconds=SECONDS, monotonic=clock)


async def test_the_first_to_ask_holds_it_and_the_second_does_not(store: Store) -> None:
    clock = Ticking()
    one, two = lease(store, "one", clock), lease(store, "two", clock)
    assert await one.beat()
    assert not await two.beat()
    assert one.held
    assert not two.held


async def test_of_two_that_ask_at_once_one_holds_it(store: Store) -> None:
    clock = Ticking()
    both = lease(store, "one", clock), lease(store, "two", clock)
    assert sorted(await asyncio.gather(*(one.beat() for one in both))) == [False, True]


async def test_it_runs_out_for_a_holder_that_does_not_beat_before_another_takes_it(
    store: Store,
) -> None:
    clock = Ticking()
    one, two = lease(store, "one", clock), lease(store, "two", clock)
    await one.beat()
    await two.beat()  # sees the beat for the first time
    clock.at += SECONDS / 2
    assert not one.held
    assert not await two.beat()
    clock.at += SECONDS / 2
    assert await two.beat()
    assert not await one.beat()


async def test_beats_keep_it_for_ever(store: Store) -> None:
    clock = Ticking()
    one, two = lease(store, "one", clock), lease(store, "two", clock)
    for _ in range(20):
        assert await one.beat()
        assert not await two.beat()
        clock.at += SECONDS / 4


async def test_a_holder_that_starts_again_goes_on_at_once(store: Store) -> None:
    clock = Ticking()
    await lease(store, "one", clock).beat()
    assert await lease(store, "one", clock).beat()


async def test_given_up_it_is_free_at_once(store: Store) -> None:
    clock = Ticking()
    one, two = lease(store, "one", clock), lease(store, "two", clock)
    await one.beat()
    await one.give_up()
    assert not one.held
    assert await two.beat()
    await one.give_up()  # holds nothing: takes nothing away
    assert two.held
    assert await store.leases.find("worker") == Held("two", 2)


async def test_clocks_that_differ_by_years_do_not_matter(store: Store) -> None:
    early, late = Ticking(5.0), Ticking(9e8)
    one, two = lease(store, "one", early), lease(store, "two", late)
    assert await one.beat()
    assert not await two.beat()
    late.at += SECONDS - 1
    early.at += SECONDS / 4
    assert await one.beat()
    assert not await two.beat()
    late.at += 2
    assert not await two.beat()  # the beat it saw is not the one it saw before


@pytest.mark.parametrize("seed", range(3))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.tuples(st.integers(0, 2), st.floats(0.0, 5.0)), max_size=40))
async def test_never_do_two_hold_it(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: list[tuple[int, float]]
) -> None:
    folder = tmp_path_factory.mktemp("leases")
    async with opened(folder / "s.db", Clock(), owes=owes_source) as store:
        clock = Ticking()
        three = [lease(store, str(number), clock) for number in range(3)]
        for who, seconds in steps:
            await three[(who + seed) % 3].beat()
            assert sum(one.held for one in three) <= 1
            clock.at += seconds
            assert sum(one.held for one in three) <= 1
