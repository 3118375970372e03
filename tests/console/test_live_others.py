"""Live pages of a web process of its own hear of what another process commits to the same store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console.live import BOARD, Listener, LiveHub
from console.live_others import follow_others
from schemas.errors import StoreBusy
from tests.console.opening import copied, make_template, opened
from tests.console.stage import Clock, Stage
from ticket_store.audit import AuditBook
from ticket_store.store import Store


@pytest.fixture
async def two_stores(tmp_path: Path, template_folder: Path) -> AsyncIterator[tuple[Store, Store]]:
    """Of two processes, on one file."""
    template = template_folder / "console-template.db"
    if not template.exists():
        await make_template(template)
    path = copied(template, tmp_path)
    async with opened(path, Clock()) as one, opened(path, Clock()) as other:
        yield one, other


class Looks:
    """Lets the follower look when the test says so, and counts."""

    def __init__(self) -> None:
        self.done, self._go = 0, asyncio.Semaphore(0)
        self._looked = asyncio.Condition()

    async def wait(self) -> None:
        async with self._looked:
            self.done += 1
            self._looked.notify_all()
        await self._go.acquire()

    async def until(self, done: int) -> None:
        async with asyncio.timeout(5), self._looked:
            await self._looked.wait_for(lambda: self.done >= done)

    async def again(self) -> None:
        wanted = self.done + 1
        self._go.release()
        await self.until(wanted)


@asynccontextmanager
async def following(audit: AuditBook, live: LiveHub) -> AsyncIterator[Looks]:
    looks = Looks()
    task = asyncio.create_task(follow_others(audit, live, looks.wait))
    try:
        yield looks
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def stage_on(store: Store) -> Stage:
    return Stage(store, Clock(), None, None)  # type: ignore[arg-type]  # commands only, no pages


async def heard(listener: Listener) -> list[str]:
    return await listener.topics(0)


async def test_what_another_process_commits_is_told(two_stores: tuple[Store, Store]) -> None:
    mine, other = two_stores
    live, theirs = LiveHub(), stage_on(other)
    await theirs.registered()
    async with following(mine.audit, live) as looks:
        with live.listen(sees_all=True) as all_seeing, live.listen(sees_all=False) as narrow:
            await looks.until(1)
            assert await heard(all_seeing) == [], "what was before, the page has read"
            ticket = await theirs.registered()
            await looks.again()
            assert await heard(all_seeing) == [BOARD, f"ticket-{ticket.ticket_id}"]
            assert await heard(narrow) == [BOARD]
            await looks.again()
            assert await heard(all_seeing) == [], "told once"
            await other.people.sign_in("operator", "Kiefer-Quelle-77")
            await looks.again()
            assert await heard(all_seeing) == [], "who signs in changes no page"


async def test_nothing_is_read_while_nobody_listens(
    two_stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = two_stores
    live, reads = LiveHub(), 0
    since = mine.audit.since

    async def counted(row_no: int, limit: int) -> list[tuple[int, str]]:
        nonlocal reads
        reads += 1
        return await since(row_no, limit)

    monkeypatch.setattr(mine.audit, "since", counted)
    async with following(mine.audit, live) as looks:
        await stage_on(other).registered()
        assert looks.done == 0
        with live.listen(sees_all=True):
            await looks.until(1)
            await looks.again()
            assert reads == 1
        looks._go.release()
        await asyncio.sleep(0)
        with live.listen(sees_all=True) as listener:
            await looks.again()
            assert await heard(listener) == [], "who comes back has read the page anew"


async def test_more_acts_than_one_read_takes_are_all_told(
    two_stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = two_stores
    monkeypatch.setattr("console.live_others.MOST", 2)
    live, theirs = LiveHub(), stage_on(other)
    async with following(mine.audit, live) as looks:
        with live.listen(sees_all=True) as listener:
            await looks.until(1)
            tickets = [await theirs.registered() for _ in range(5)]
            await looks.again()
            assert set(await heard(listener)) == {
                BOARD, *(f"ticket-{ticket.ticket_id}" for ticket in tickets)
            }  # fmt: skip


async def test_a_store_that_is_away_is_asked_again(
    two_stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = two_stores
    live, theirs = LiveHub(), stage_on(other)
    since = mine.audit.since

    async def busy(row_no: int, limit: int) -> list[tuple[int, str]]:
        raise StoreBusy("SQLITE_BUSY")

    async with following(mine.audit, live) as looks:
        with live.listen(sees_all=True) as listener:
            await looks.until(1)
            ticket = await theirs.registered()
            monkeypatch.setattr(mine.audit, "since", busy)
            await looks.again()
            monkeypatch.setattr(mine.audit, "since", since)
            await looks.again()
            assert f"ticket-{ticket.ticket_id}" in await heard(listener)
