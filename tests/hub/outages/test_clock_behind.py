"""A hub that starts with its clock behind its own tickets gives no number out twice."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub import node
from hub.node import in_service
from hub.process_name import ProcessName
from hub.settings import Settings
from hub.stored import utc_now
from schemas.ids import created_at
from tests.ticket_store.hub_case import register


async def test_started_again_behind_its_own_tickets_it_gives_no_number_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    ahead = utc_now() + timedelta(hours=1)

    me = ProcessName.mine()

    async def a_life(told: datetime, number: int) -> list[int]:
        monkeypatch.setattr(node, "utc_now", lambda: told)
        monkeypatch.setattr(ProcessName, "mine", lambda: replace(me, pid=me.pid + number))
        async with in_service(settings, migrating=True) as (hub, held):
            assert held.number == 0
            made = [hub.ids.next() for _ in range(3)]
            for one in made:
                await hub.store.desk.execute(register(one))
            return made

    first = await a_life(ahead, 1)
    assert created_at(first[0]) > utc_now() + timedelta(minutes=50)
    second = await a_life(ahead - timedelta(hours=1), 0)
    assert min(second) > max(first)
