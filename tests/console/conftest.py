"""The stage that the console's tests play on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from console.app import build_console
from tests.console.opening import opened
from tests.console.stage import CAST, PASSWORD, Clock, Stage, deps_for
from ticket_store.people_values import NewUser


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock = Clock()
    async with opened(tmp_path / "tickets.db", clock) as store:
        for name, (role, department) in CAST.items():
            await store.people.create(
                "test",
                NewUser(
                    user_name=name, display_name=f"{name} 某", roles=frozenset({role}),
                    department=department,
                ),
                PASSWORD,
                must_change=False,
            )  # fmt: skip
        deps = deps_for(store, clock)
        server = TestServer(build_console(deps))
        await server.start_server()
        stage = Stage(store, clock, deps, server)
        yield stage
        deps.live.close()
        for browser in stage.browsers:
            await browser.client.close()
        await server.close()
