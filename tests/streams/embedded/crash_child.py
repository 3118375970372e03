"""A worker to be killed: `python -m tests.streams.embedded.crash_child FOLDER FIRST`.

Sends FIRST, FIRST + 1, ... for ever, in groups, while two agents and a table are at work, and
says on stdout what it was told is durable: `sent PARTITION OFFSET VALUE` and
`committed PARTITION OFFSET`. The sends run ahead of the worker's start, so that it may be killed
in its recovery too.
"""

import asyncio
import itertools
import sys
from pathlib import Path
from typing import Any

from tests.streams.embedded.apps import new_app

GROUP = 7


def build(folder: Path) -> Any:
    app = new_app(folder, query="maintenance_seconds=0.05")  # the changelog is compacted meanwhile
    app.source = app.topic("source", key_type=str, value_type=int, partitions=2)
    app.middle = app.topic("middle", key_type=str, value_type=int, partitions=2)
    app.counts = app.Table("counts", default=int, partitions=2)

    async def forward(stream: Any) -> None:
        async for key, value in stream.items():
            await app.middle.send(key=key, value=value)
            app.counts[key] += 1

    app.agent(app.source, name="forward")(forward)
    return app


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def main(folder: Path, first: int) -> None:
    app = build(folder)
    await app.maybe_start_producer()
    starting = asyncio.create_task(app.start())
    for start in itertools.count(first, GROUP):
        values = range(start, start + GROUP)
        sends = [await app.source.send(key=f"k{value % 5}", value=value) for value in values]
        for value, metadata in zip(values, await asyncio.gather(*sends), strict=True):
            say("sent", metadata.partition, metadata.offset, value)
        if starting.done():
            await app.consumer.commit()
            log = app.producer.broker.log
            parts = log.topics["source"].parts
            for part, position in log.committed(app.conf.id).items():
                if part in parts:
                    say("committed", parts.index(part), position)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
