"""Batches out of a stream: while one is being worked on the next one gathers, without lingering.

Faust's own `take` wakes up a hundred times a second when idle, and acknowledges a batch that it
was cancelled in the middle of; here a record is acknowledged after its work is done, in order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from streams.progress import Part
from streams.waiting import until_done

T = TypeVar("T")
LIMIT = 64  # the store groups as many commands into one commit


class Taken(NamedTuple, Generic[T]):
    """A record with what `prepare` made of it while it was the stream's current one."""

    event: Any  # faust.EventT: .key, .value, .message.topic, .partition, .offset
    item: T


async def in_batches(
    stream: Any,
    prepare: Callable[[Any], Awaitable[T]],
    handle: Callable[[Sequence[Taken[T]]], Awaitable[None]],
    part: Part,
    limit: int = LIMIT,
) -> None:
    """Feed the stream through `prepare`, one at a time, then `handle`, a batch at a time.

    Either is repeated when it raises. Tables may be written in `prepare`, which runs inside the
    stream's own loop.
    """
    acking = stream.noack()
    waiting: asyncio.Queue[Taken[T]] = asyncio.Queue(limit)

    async def work() -> None:
        while True:
            batch = [await waiting.get()]
            while len(batch) < limit and not waiting.empty():
                batch.append(waiting.get_nowait())
            part.begins()
            await until_done(partial(handle, batch))
            for taken in batch:
                await acking.ack(taken.event)
            part.ends()

    worker = asyncio.create_task(work())
    try:
        async for event in acking.events():
            await waiting.put(Taken(event, await until_done(partial(prepare, event))))
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def as_it_is(event: Any) -> None:
    """A `prepare` for batches whose work needs nothing done record by record."""


async def key_by_key(batch: Sequence[Taken[T]], work: Callable[[Any], Awaitable[None]]) -> None:
    """Give each event to `work`: keys side by side, so that the store can group, each in order."""
    keys: dict[Any, list[Taken[T]]] = {}
    for taken in batch:
        keys.setdefault(taken.event.key, []).append(taken)

    async def in_order(group: Sequence[Taken[T]]) -> None:
        for taken in group:
            await work(taken.event)

    await asyncio.gather(*map(in_order, keys.values()))
