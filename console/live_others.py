"""Live pages of a web process of its own: what other processes committed, read off the audit.

One small read by key every two seconds, and only while somebody listens. A process that has the
worker in it needs none of this: its own commits are told as they happen.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from console.live import LiveHub
from schemas.errors import StoreBusy
from ticket_store.audit import AuditBook, ticket_of

EVERY_SECONDS = 2.0
MOST = 500  # acts that are read together


async def follow_others(
    audit: AuditBook,
    live: LiveHub,
    wait: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(EVERY_SECONDS),
) -> None:
    """Runs until it is cancelled. wait: what passes between two looks."""
    while True:
        await live.until_heard()
        seen: int | None = None
        while live.listeners:
            with suppress(StoreBusy):  # what is missed now still comes after `seen` next time
                seen = await _look(audit, live, seen)
            await wait()


async def _look(audit: AuditBook, live: LiveHub, seen: int | None) -> int:
    """Tell of what came after `seen`; a page that was opened just now has read all before."""
    if seen is None:
        return await audit.last_row_no()
    while acts := await audit.since(seen, MOST):
        live.publish(
            ticket_id for _, subject in acts if (ticket_id := ticket_of(subject)) is not None
        )
        seen = acts[-1][0]
    return seen
