"""The engine: reads that are given up, a store that closes, and no connection left behind."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection

from schemas.errors import StoreBusy
from ticket_store.engine import Database, connect
from ticket_store.sqlite_engine import READERS

_PATIENCE = 10.0  # seconds; only a test that fails waits so long


async def made(file: Path) -> Database:
    database = connect(f"sqlite+aiosqlite:///{file}")
    await database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE t (a)"))
    return database


def count(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT COUNT(*) FROM t").scalar_one())


def one_more(connection: Connection) -> None:
    connection.exec_driver_sql("INSERT INTO t VALUES (1)")


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


class Held:
    """A read that lasts until it is let go."""

    def __init__(self) -> None:
        self.begun, self._go = threading.Semaphore(0), threading.Event()

    def work(self, connection: Connection) -> int:
        before = count(connection)
        self.begun.release()
        assert self._go.wait(_PATIENCE)
        return before + count(connection)

    def let_go(self) -> None:
        self._go.set()


async def test_reads_given_up_leave_their_connections_as_they_were(tmp_path: Path) -> None:
    database, held = await made(tmp_path / "a.db"), Held()
    reads = [asyncio.create_task(database.read(held.work)) for _ in range(3 * READERS)]
    for _ in range(READERS):
        assert await asyncio.to_thread(held.begun.acquire, timeout=_PATIENCE)
    for read in reads:
        read.cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    await database.write(one_more)
    held.let_go()
    counts = await asyncio.gather(*(database.read(count) for _ in range(3 * READERS)))
    assert set(counts) == {1}
    await database.close()


async def test_closing_waits_for_a_read_without_holding_the_loop(tmp_path: Path) -> None:
    database, held = await made(tmp_path / "a.db"), Held()
    read = asyncio.create_task(database.read(held.work))
    assert await asyncio.to_thread(held.begun.acquire, timeout=_PATIENCE)
    closing = asyncio.create_task(database.close())
    asyncio.get_running_loop().call_later(0.05, held.let_go)  # never, if the loop is held
    async with asyncio.timeout(_PATIENCE / 2):
        await closing
    assert await read == 0


async def test_closing_during_a_read_leaves_no_log_behind(tmp_path: Path) -> None:
    database, held = await made(tmp_path / "a.db"), Held()
    read = asyncio.create_task(database.read(held.work))
    assert await asyncio.to_thread(held.begun.acquire, timeout=_PATIENCE)
    closing = asyncio.create_task(database.close())
    asyncio.get_running_loop().call_later(0.05, held.let_go)
    await asyncio.gather(closing, read)
    assert names_in(tmp_path) == ["a.db"]


async def test_a_read_after_the_end_is_told_to_come_again(tmp_path: Path) -> None:
    database = await made(tmp_path / "a.db")
    await database.close()
    with pytest.raises(StoreBusy):
        await database.read(count)
    async with asyncio.timeout(_PATIENCE):  # it waited for ever for a thread that had ended
        with pytest.raises(StoreBusy):
            await database.write(one_more)
    await database.close()  # twice is no fault
