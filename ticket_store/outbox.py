"""Events that the relay has still to put on the topic: taken, sent, and only then struck off."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, select

from schemas.events import Recorded
from schemas.ids import event_id
from ticket_store.engine import Database
from ticket_store.models import events, outbox
from ticket_store.rows import read_event
from ticket_store.statements import Statement
from ticket_store.writer import Unit, Writer


class Outbox:
    """A crash between send and `done` sends an event twice; consumers go by its sequence.

    Two relays at once would only double what they send: run one.
    """

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database, self._writer = database, writer
        self._take = Statement(
            select(events)
            .join(outbox, outbox.c.event_id == events.c.event_id)
            .order_by(outbox.c.position)
            .limit(bindparam("most")),
            database.dialect,
        )
        self._done = Statement(
            delete(outbox).where(outbox.c.event_id == bindparam("sent")), database.dialect
        )

    async def take(self, limit: int) -> list[Recorded]:
        """The oldest that are left, in commit order. They stay until they are done."""
        rows = await self._database.read(lambda one: self._take.rows(one, most=limit))
        return [read_event(row) for row in rows]

    async def done(self, sent: Sequence[tuple[int, int]]) -> None:
        """Strike off events (ticket_id, sequence) that are durable on the topic."""
        rows = [{"sent": event_id(ticket_id, sequence)} for ticket_id, sequence in sent]

        def errand(unit: Unit) -> None:
            self._done.run_many(unit.connection, rows)

        await self._writer.run(errand)

    async def length(self) -> int:
        count = select(func.count()).select_from(outbox)
        return await self._database.read(lambda one: one.execute(count).scalar_one())
