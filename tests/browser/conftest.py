"""One hub, one Chromium and one signed-in page a person, for all tests of the folder."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Playwright, async_playwright, expect

from tests.browser.looking import AXE, WIDE
from tests.browser.person import Person
from tests.browser.stage import Stage, running_stage

CHROMIUM = Path("/usr/bin/chromium")  # where Debian puts it
_MISSING = [str(file) for file in (CHROMIUM, AXE) if not file.is_file()]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser the tests skip, unless the services were promised."""
    if not _MISSING or os.environ.get("SUTONG_REQUIRE_SERVICES"):
        return
    skip = pytest.mark.skip(reason=f"missing: {', '.join(_MISSING)}; `make install` names them")
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(skip)


@dataclass
class People:
    """Everybody who has sat down at a browser so far."""

    stage: Stage
    browser: Browser
    seated: dict[str, Person] = field(default_factory=dict)

    async def __call__(self, user_name: str) -> Person:
        """The person, signed in; the same page as in earlier tests."""
        if user_name not in self.seated:
            self.seated[user_name] = person = await self.seat(user_name)
            await person.sign_in()
        return self.seated[user_name]

    async def seat(self, user_name: str) -> Person:
        """A browser of its own, nobody signed in yet."""
        context = await self.context()
        page = await context.new_page()
        person = Person(self.stage.users[user_name], self.stage.url, context, page)
        person.watch(page)
        return person

    async def context(self) -> BrowserContext:
        # no transitions: a colour on its way would be measured as it is nowhere shown
        return await self.browser.new_context(
            viewport=WIDE,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
        )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        running.selectors.set_test_id_attribute("data-test")
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    assert _MISSING == [], "SUTONG_REQUIRE_SERVICES is set, and the browser is not there"
    expect.set_options(timeout=10_000)
    async with AsyncExitStack() as stack:
        started = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--lang=zh-CN"]
        )
        stack.push_async_callback(started.close)
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def everybody(stage: Stage, browser: Browser) -> AsyncIterator[People]:
    people = People(stage, browser)
    yield people
    for person in people.seated.values():
        await person.context.close()


@pytest.fixture
def people(everybody: People) -> Iterator[People]:
    """People at their browsers; afterwards no page may have complained."""
    yield everybody
    complaints = [one for person in everybody.seated.values() for one in person.complaints]
    for person in everybody.seated.values():
        person.complaints.clear()
    assert complaints == []
