"""A store with tickets of three months, what peers sent for them and what they were told."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from connectors.base import Body
from schemas.ids import TicketIds
from schemas.lifecycle import Action
from schemas.outbound import DeliveryState, Receipt
from schemas.ticket import Source
from tests.schemas import cases
from tests.ticket_store.hub_case import RULES, Clock, command, owes_source, register
from ticket_store.archive import Archive
from ticket_store.engine import connect
from ticket_store.inbound import MessageOutcome
from ticket_store.months import Month
from ticket_store.store import Store

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
OLD, NEXT, YOUNG = (datetime(2024, month, 5, 3, 0, tzinfo=UTC) for month in (3, 4, 9))
BEFORE = Month(2024, 6)
A_MONTH = 3  # ended tickets of each


def store_at(url: str, clock: Clock) -> Store:
    return Store(
        connect(url), rules=RULES, owes=owes_source, now=clock, ids=TicketIds(clock.milliseconds)
    )


async def a_ticket(store: Store, clock: Clock, *, ended: bool = True) -> int:
    """Came in by a message of the city, which is told of each event; withdrawn when `ended`."""
    ticket_id = store.ids.next()
    number = f"N{ticket_id}"
    body = Body(f"<{number}>".encode() * 50, number, "application/xml")
    (kept,) = await store.inbound.keep("city", Source.HOTLINE12345, [body], clock.now)
    await store.desk.execute(register(ticket_id, number, at=clock.now))
    await store.inbound.settle(kept.message_id, MessageOutcome.REGISTERED, ticket_id)
    if ended:
        await store.desk.execute(command(Action.WITHDRAW, cases.OPERATOR, ticket_id, at=clock.now))
    return ticket_id


async def deliver_all(store: Store, clock: Clock) -> None:
    while owed := await store.deliveries.take("city", clock.now, "w", 90, 50, 10):
        for one in owed:
            await store.deliveries.settle(
                one, DeliveryState.DELIVERED, receipt=Receipt(peer_code="0", peer_answer="收到")
            )


async def filled(store: Store, clock: Clock) -> dict[datetime, Sequence[int]]:
    """Ended tickets by the time that they are of. Each month has one that is open, too."""
    found = {}
    for at in (OLD, NEXT, YOUNG):
        clock.now = at
        found[at] = [await a_ticket(store, clock) for _ in range(A_MONTH)]
        await a_ticket(store, clock, ended=False)
        await deliver_all(store, clock)
    clock.now = NOW
    return found


async def killed_at(url: str, output: Path, step_no: int) -> None:
    """For a process of its own: dies by SIGKILL after so many steps."""
    left = step_no

    def step(_what: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    await Archive(store_at(url, Clock(NOW)), output, "cli", step).run(BEFORE)


if __name__ == "__main__":
    asyncio.run(killed_at(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
