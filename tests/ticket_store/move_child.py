"""Moves a store in small batches and says each step, until it is done or killed."""

import asyncio
import sys

from ticket_store import move_source
from ticket_store.move import Step, move


def tell(step: Step) -> None:
    print(step.doing, step.table, step.rows, step.of, flush=True)  # noqa: T201  read by the parent


async def main(source: str, target: str, most_rows: int) -> None:
    move_source.MOST_ROWS = most_rows
    moved = await move(source, target, tell)
    print("done", "; ".join(moved.differs) or "equal", flush=True)  # noqa: T201  read by the parent


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
