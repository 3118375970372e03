"""Keeps the months of a PostgreSQL store ahead of time, and says how they stand."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from schemas.errors import StoreBusy
from ticket_store.engine import Database, connect
from ticket_store.months import Month
from ticket_store.partitioning import partition
from ticket_store.partitions import Strayed, look

log = structlog.get_logger(__name__)
DAY_SECONDS = 86_400.0


async def keep_months(
    database: Database,
    now: Callable[[], datetime],
    leads: Callable[[], bool],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Make the next months at the start, and then once a day where this worker leads, for ever.

    Rows that were inserted without a month of their own are moved to one.
    pause: waits so many seconds.
    """
    starting = True
    while True:
        if starting or leads():
            try:
                if stray := (await look(database)).stray:
                    log.warning("rows without a month", **stray)
                if made := await partition(database, now()):
                    log.info("partitions made", names=made)
                starting = False
            except StoreBusy as busy:
                log.warning("months not made", reason=str(busy))
            except Exception:  # rows go to the default partition meanwhile: no reason to stop a hub
                log.exception("months not made")
        await pause(DAY_SECONDS)


async def stand_of(url: str) -> Strayed | None:
    """How the months of the store at `url` stand; None where there are none (SQLite)."""
    if not url.startswith("postgresql"):
        return None
    database = connect(url)
    try:
        return await look(database)
    finally:
        await database.close()


def problem_of(stand: Strayed, now: datetime) -> str | None:
    """What is wrong; `sutong migrate` mends each of it while hubs go on."""
    if stand.whole:
        return f"not partitioned yet: {', '.join(stand.whole)}"
    if stand.stray:
        counts = ", ".join(f"{count} of {name}" for name, count in stand.stray.items())
        return f"rows without a month of their own: {counts}"
    following = Month.of(now).plus(1)
    if stand.ahead is None or stand.ahead < following:
        return f"{following} has no partitions; a worker or `sutong migrate` makes them"
    return None
