"""Every process ends by itself after SIGTERM, under load, whatever is away; nothing is lost."""

import pytest

from benchmarks.stops import StopOptions, stops
from tests.postgresql import own_database


@pytest.mark.slow
async def test_a_hub_ends_by_itself_under_load() -> None:
    said: list[object] = []
    report = await stops(StopOptions(times=3, say=said.append))
    assert report.ok, (report, said)
    figures = report.as_json()
    assert {"times", "longest_s", "killed", "lost", "doubled"} <= figures.keys()
    assert figures["times"] == 3
    assert figures["killed"] == figures["lost"] == figures["doubled"] == 0
    assert 0 < figures["longest_s"] <= 30
    assert figures["tickets"] > 0


@pytest.mark.postgresql
@pytest.mark.slow
async def test_it_does_while_the_database_is_away() -> None:
    said: list[object] = []
    async with own_database("stops") as url:
        report = await stops(StopOptions(times=3, database_url=url, say=said.append))
    assert report.ok, (report, said)
    assert {"nothing", "database", "database, silent"} == report.longest_by.keys()
    assert report.longest_s <= 30
