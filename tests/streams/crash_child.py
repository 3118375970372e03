"""A worker that is made to be killed: says on stdout how many messages are settled."""

import asyncio
import sys
from pathlib import Path

from connectors.base import Body
from schemas.intake import IntakeKind
from tests.streams.hub import FakePolled, running_hub
from tests.streams.test_flow_intake import act, bodies
from ticket_store.store import Store

TICKETS = 60


def peer() -> FakePolled:
    """Each ticket, and later a supplement to it."""
    more = [
        Body(
            f"[{act(IntakeKind.SUPPLEMENT, f'A{n}', text='补充').model_dump_json()}]".encode(),
            f"s{n}",
        )
        for n in range(TICKETS)
    ]
    return FakePolled(bodies=[*bodies(range(TICKETS)), *more])


async def settled(store: Store) -> int:
    return sum(one.outcome is not None for one in await store.inbound.browse(limit=10_000))


async def all_settled(store: Store) -> bool:
    return await settled(store) == 2 * TICKETS


async def main(folder: Path) -> None:
    async with running_hub(folder, peer()) as hub:

        async def told() -> bool:
            print("settled", await settled(hub.store), flush=True)  # noqa: T201 - read by the test
            return False

        await hub.until(told)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
