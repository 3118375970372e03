"""Imports a file in small chunks and says each one, until it is done or killed.

python -m tests.hub.old_tickets.import_child FILE
"""

import asyncio
import multiprocessing
import sys

from hub.assembly import build
from hub.old_tickets import load as loading
from hub.old_tickets.load import Counts, Told
from hub.old_tickets.run import load
from hub.old_tickets.source import lines_of
from hub.settings import load as settings
from tests.hub.old_tickets.rows import SYSTEM

CHUNK = 8


def tell(counts: Counts) -> None:
    workers = [one.pid for one in multiprocessing.active_children()]
    print(counts.imported, *workers, flush=True)  # noqa: T201  read by the parent


async def main(file: str) -> None:
    loading.CHUNK = CHUNK
    hub = await build(settings())
    try:
        await load(hub, lines_of([file]), SYSTEM, Told(tell), 2)
    finally:
        await hub.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
