"""The stops in short: SIGTERM under load ends the hub in time and in order, and nothing is lost."""

import pytest

from benchmarks.stops import StopOptions, stops


@pytest.mark.slow
async def test_a_hub_that_is_stopped_under_load_ends_by_itself() -> None:
    report = await stops(StopOptions(times=3, say=lambda _: None))
    assert report.ok, report.findings
    assert (report.times, report.killed, report.lost, report.doubled) == (3, 0, 0, 0)
    assert 0 < report.longest_s < 30
