"""The position safe to commit: everything before it is done, in whatever order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from streams.embedded.ledger import Ledger


def test_an_unfinished_record_holds_the_position() -> None:
    ledger = Ledger(0)
    for offset in range(5):
        ledger.hand_out(offset)
    assert [ledger.done(offset) for offset in (1, 2, 4)] == [True] * 3
    assert ledger.position() == 0
    ledger.done(0)
    assert ledger.position() == 3
    ledger.done(3)
    assert ledger.position() == 5
    assert not ledger.dirty


def test_gaps_of_a_compacted_partition_are_stepped_over() -> None:
    ledger = Ledger(3)
    ledger.hand_out(7)
    ledger.hand_out(20)
    ledger.done(7)
    assert ledger.position() == 8
    ledger.done(20)
    assert ledger.position() == 21


def test_what_was_not_handed_out_since_the_seek_does_not_count() -> None:
    ledger = Ledger(10)
    assert not ledger.done(9)
    ledger.hand_out(10)
    assert not ledger.done(11)
    assert ledger.done(10)
    assert not ledger.done(10)
    assert ledger.position() == 11


@given(st.sets(st.integers(0, 500), min_size=1), st.randoms(use_true_random=False))
def test_the_position_never_passes_an_unfinished_record(
    offsets: set[int], chance: random.Random
) -> None:
    ledger = Ledger(0)
    for offset in sorted(offsets):
        ledger.hand_out(offset)
    unfinished = set(offsets)
    for offset in chance.sample(sorted(offsets), len(offsets)):
        ledger.done(offset)
        unfinished.discard(offset)
        position = ledger.position()
        assert all(position <= other for other in unfinished)
        assert ledger.in_flight == len(unfinished)
    assert ledger.position() == max(offsets) + 1
