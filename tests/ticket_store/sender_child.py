"""One sender process of several on one store, for the tests: delivers until it is killed.

python -m tests.ticket_store.sender_child DATABASE_URL PEER_PORT SEED
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from schemas.errors import PeerUnavailable
from schemas.ids import TicketIds
from schemas.outbound import Outbound, Receipt
from tests.ticket_store.hub_case import RULES, owes_source, seeded
from ticket_store.engine import connect
from ticket_store.schedule import Schedule
from ticket_store.sender import Sender, SenderRules
from ticket_store.store import Store

QUICK = SenderRules(
    schedule=Schedule(waits=(0.5,), last_times=60, jitter=0.0),
    attempt_seconds=2.0,
    lease_seconds=3.0,
    poll_seconds=0.05,
)


@dataclass(frozen=True)
class Wire:
    """A peer at the other end of a socket: a line asked, a line answered."""

    port: int

    async def deliver(self, outbound: Outbound) -> Receipt:
        await self._call("deliver", outbound)
        return Receipt(peer_code="0")

    async def ask(self, outbound: Outbound) -> Receipt | None:
        answer = await self._call("ask", outbound)
        return Receipt(peer_code="0") if answer["applied"] else None

    async def _call(self, what: str, outbound: Outbound) -> Any:
        asked = {
            "what": what, "pid": os.getpid(), "key": outbound.key,
            "ticket_id": outbound.ticket_id, "sequence": outbound.sequence,
        }  # fmt: skip
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(json.dumps(asked).encode() + b"\n")
                await writer.drain()
                return json.loads(await reader.readline())
            finally:
                writer.close()
        except (OSError, ValueError) as error:
            raise PeerUnavailable("city", type(error).__name__, uncertain=True) from error


async def main(url: str, port: int, seed: int) -> None:
    def now() -> datetime:
        return datetime.now(UTC)

    store = Store(
        connect(url), rules=RULES, owes=owes_source, now=now,
        ids=TicketIds(lambda: time.time_ns() // 1_000_000),
    )  # fmt: skip
    sender = Sender(
        store.deliveries, store.desk, {"city": Wire(port)}, holder=f"h {os.getpid()}", now=now,
        rng=seeded(seed), rules=QUICK,
    )  # fmt: skip
    await sender.recover()
    await sender.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
