"""How old the oldest of what waits is: for metrics, so as quick as there is little left."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from ticket_store.delivery_statements import UNSETTLED, words
from ticket_store.engine import Database
from ticket_store.metadata import read_instant
from ticket_store.models import deliveries, events, inbound


async def oldest_waiting(database: Database) -> datetime | None:
    """When the oldest message without an outcome came in; None when none waits."""
    query = select(func.min(inbound.c.received_at)).where(inbound.c.outcome.is_(None))

    def work(connection: Connection) -> datetime | None:
        found = connection.execute(query).scalar_one()
        return None if found is None else read_instant(found)

    return await database.read(work)


async def oldest_owed(database: Database) -> dict[str, datetime]:
    """Destination -> when the oldest event happened that it has not been told of, dead ones left
    out; destinations that are owed nothing are not there.
    """
    row = deliveries.c
    query = (
        select(row.destination, func.min(events.c.at).label("since"))
        .join(events, events.c.event_id == row.event_id)
        .where(row.state.in_(words(*UNSETTLED)), row.state != words("delivered")[0])
        .group_by(row.destination)
    )

    def work(connection: Connection) -> dict[str, datetime]:
        return {found.destination: read_instant(found.since) for found in connection.execute(query)}

    return await database.read(work)
