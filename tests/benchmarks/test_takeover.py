"""A killed worker's share is carried by the others in time, and so is the leader's."""

import pytest

from benchmarks.takeover import TakeoverOptions, takeover
from tests.hub.test_kafka import BROKER
from tests.postgresql import own_database

AT_MOST_SECONDS = 20.0


@pytest.mark.kafka
@pytest.mark.postgresql
@pytest.mark.slow
async def test_a_killed_workers_tickets_are_carried_within_twenty_seconds() -> None:
    said: list[object] = []
    async with own_database("takeover") as url:
        found = await takeover(TakeoverOptions(url, BROKER, times=1, say=said.append))
    assert found.keys() == {"takeover_s", "leader_s"}
    assert all(0 < one["max"] <= AT_MOST_SECONDS for one in found.values()), said
