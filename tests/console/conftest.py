"""The stage that the console's tests play on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from console.app import build_console
from tests.console.opening import copied, make_template, opened
from tests.console.stage import Clock, Stage, deps_for

_TEMPLATE = "console-template.db"


@pytest.fixture(scope="session")
def template_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("console")


@pytest.fixture
async def stage(tmp_path: Path, template_folder: Path) -> AsyncIterator[Stage]:
    template = template_folder / _TEMPLATE
    if not template.exists():
        await make_template(template)
    clock = Clock()
    async with opened(copied(template, tmp_path), clock) as store:
        deps = deps_for(store, clock)
        server = TestServer(build_console(deps))
        await server.start_server()
        stage = Stage(store, clock, deps, server)
        yield stage
        deps.live.close()
        for browser in stage.browsers:
            await browser.client.close()
        await server.close()
