"""The soak's own judgement: what it calls flat and what it calls growing; and a short run of it."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from benchmarks.samples import DRIVER, Sample, Samples
from benchmarks.soak import SoakOptions, judged, soak

HOUR = SoakOptions()


def seen(memory: Callable[[float], float], backlog: Callable[[float], int]) -> Samples:
    """An hour's looks at one worker, and at a driver that grows without end."""
    samples = Samples(cast("Any", None), ())
    samples.taken = [
        Sample(at, {"worker-1": memory(at), DRIVER: at}, backlog(at))
        for at in map(float, range(0, 3600, 5))
    ]
    return samples


def test_a_hub_that_warms_up_and_then_stays_is_flat() -> None:
    samples = seen(lambda at: 200.0 if at > 600 else 100.0, lambda _: 20)
    assert judged(samples, HOUR) == []


def test_memory_that_goes_on_growing_is_found_and_named() -> None:
    samples = seen(lambda at: 200.0 + at / 60, lambda _: 20)
    assert judged(samples, HOUR) == ["memory: worker-1 from 215 to 255 MB"]


def test_a_backlog_that_grows_is_found() -> None:
    samples = seen(lambda _: 200.0, lambda at: int(at / 10))
    assert judged(samples, HOUR) == ["backlog: from 90 to 330"]


@pytest.mark.slow
async def test_a_short_soak_loses_nothing_and_names_its_processes() -> None:
    figures = await soak(SoakOptions(seconds=6.0, rate=2.0, say=lambda _: None))
    assert figures["lost"] == figures["doubled"] == 0
    assert figures["tickets"] > 0
    assert set(figures["rss_mb"]) == {"run-1", DRIVER}
    assert set(figures["backlog"]) >= {"first_ten_minutes", "last_ten_minutes"}
    assert figures["end_to_end_ms"]["p50"] > 0
