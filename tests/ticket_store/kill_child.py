"""The child of the kill test: executes commands without end and prints those acknowledged.

python -m tests.ticket_store.kill_child STORE SEED
"""

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from connectors.base import Body
from schemas.commands import Command
from schemas.ids import TicketIds, new_command_id
from schemas.lifecycle import Action
from schemas.ticket import Source
from tests.schemas import cases
from tests.ticket_store.hub_case import RULES, owes_source, register, seeded, url_of
from ticket_store.engine import connect
from ticket_store.store import Store

AT_ONCE = 12


def now() -> datetime:
    return datetime.now(UTC)


def commands_of(ticket_id: int, rng: random.Random) -> Iterator[Command]:
    def fresh() -> dict[str, object]:
        number = new_command_id(time.time_ns() // 1_000_000, rng.getrandbits(128))
        return {"command_id": number, "ticket_id": ticket_id, "at": now()}

    yield register(**fresh(), number=f"N{ticket_id}")  # type: ignore[arg-type]  # its own fields
    for action, who in (
        (Action.AMEND, cases.OPERATOR),
        (Action.REMIND, cases.OPERATOR),
        (Action.DISPATCH, cases.DISPATCHER),
        (Action.ACKNOWLEDGE, cases.handler()),
        (Action.COMPLETE, cases.handler()),
    ):
        yield cases.command(action, who, **fresh())


async def work(store: Store, worker: int, rng: random.Random) -> None:
    count = 0
    while True:
        ticket_id, count = store.ids.next(), count + 1
        body = Body(f"{ticket_id}".encode(), f"{worker}-{ticket_id}")
        (kept,) = await store.inbound.keep("city", Source.HOTLINE12345, [body], now(), ticket_id)
        print("message", kept.message_id, flush=True)  # noqa: T201  read by the parent
        for asked in commands_of(ticket_id, rng):
            await store.desk.execute(asked)
            print("command", asked.command_id.hex, flush=True)  # noqa: T201  read by the parent


async def main(path: str, seed: int) -> None:
    store = Store(
        connect(url_of(Path(path))), rules=RULES, owes=owes_source, now=now,
        ids=TicketIds(lambda: time.time_ns() // 1_000_000),
    )  # fmt: skip
    async with asyncio.TaskGroup() as group:
        for worker in range(AT_ONCE):
            group.create_task(work(store, worker, seeded(seed * AT_ONCE + worker)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
