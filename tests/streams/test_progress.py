"""What stands still is found, what waits for work is not; who is offered again, and when."""

from datetime import timedelta

from streams.progress import Progress
from streams.sweeps import Attempts
from tests.schemas.cases import NOW


def test_a_part_at_rest_is_well_and_one_that_never_ends_is_not() -> None:
    time = [0.0]
    progress = Progress(lambda: time[0])
    part = progress.part("register")
    time[0] = 1000
    assert progress.stalled(10) == []
    part.begins()
    time[0] = 1005
    part.begins()
    time[0] = 1011
    assert progress.stalled(10) == ["register"]
    part.moves()
    time[0] = 1020
    assert progress.stalled(10) == []
    part.ends()
    time[0] = 2000
    assert progress.stalled(10) == []


def test_a_backlog_without_a_break_is_told() -> None:
    time = [0.0]
    progress = Progress(lambda: time[0])
    part = progress.part("sweeps")
    for backlog, expected in ((3, []), (2, ["sweeps"]), (0, []), (1, [])):
        time[0] += 11
        part.owes(backlog)
        assert progress.stalled(10) == expected
    assert progress.part("sweeps") is part


def test_rests_double_and_who_is_not_named_is_forgotten() -> None:
    attempts = Attempts(timedelta(seconds=30))
    times = [
        seconds
        for seconds in range(0, 300, 10)
        if attempts.ripe([1], NOW + timedelta(seconds=seconds))
    ]
    assert times == [0, 30, 90, 210]
    assert attempts.ripe([], NOW) == []
    assert attempts.ripe([1, 2], NOW) == [1, 2]
