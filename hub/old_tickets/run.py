"""An import into the store of an open hub: its terms, its processes, its end."""

import asyncio
from collections.abc import Iterable

from hub.assembly import Hub
from hub.memory import settle
from hub.old_tickets.load import Counts, Load, Told
from hub.old_tickets.prepare import Line, Terms
from hub.old_tickets.processes import Workers
from ticket_store.bulk import BulkBook


async def load(hub: Hub, lines: Iterable[Line], system: str, told: Told, workers: int) -> Counts:
    """Import all lines with so many processes beside this one.

    system: name of the older system. Raises: as Load.run.
    """
    processes = Workers(terms_of(hub, system), workers)
    try:
        settle()
        book = BulkBook(hub.store.database, hub.store.writer)
        return await Load(book, processes.terms, told, processes).run(lines, workers)
    finally:
        await asyncio.shield(processes.close())


def terms_of(hub: Hub, system: str) -> Terms:
    """What this hub's settings and store say to an import."""
    return Terms(
        system=system,
        personal_key=hub.key,
        departments=frozenset(one.code for one in hub.catalogue.departments()),
        peers=frozenset(hub.peers),
        policy=hub.clock_policy(),
        now=hub.now(),
    )
