"""Reads tickets: heads, bodies and histories. Never waits behind a writer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from schemas.events import Recorded
from schemas.ids import LAST_SEQUENCE, first_id_at, split_event_id
from schemas.ticket import Registration, Ticket
from ticket_store.desk_statements import DeskStatements
from ticket_store.engine import Database
from ticket_store.history import read_range
from ticket_store.metadata import instant_of, microseconds
from ticket_store.models import events, source_numbers, supplements, tickets
from ticket_store.rows import SupplementBody, history_range, read_head
from ticket_store.statements import Lookup, Statement, numbered


@dataclass(frozen=True)
class Supplement:
    """What was added to a ticket's matter. Personal data."""

    sequence: int
    at: datetime
    text: str
    attachments: tuple[str, ...]


class TicketReader:
    """One ticket, or a known list of them; search.py finds which."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = DeskStatements(database.dialect)
        self._heads = Lookup(
            database.dialect,
            lambda places: select(tickets.c.ticket_id, tickets.c.detail).where(
                tickets.c.ticket_id.in_(numbered(places))
            ),
        )
        self._supplements = Statement(
            select(supplements.c.event_id, supplements.c.body, events.c.at)
            .join(events, events.c.event_id == supplements.c.event_id)
            .where(supplements.c.event_id.between(bindparam("first"), bindparam("last")))
            .order_by(supplements.c.event_id),
            database.dialect,
        )
        self._by_source_no = Statement(
            select(source_numbers.c.ticket_id).where(
                source_numbers.c.peer == bindparam("peer_name"),
                source_numbers.c.source_ticket_no == bindparam("number"),
            ),
            database.dialect,
        )
        self._unproposed = Statement(
            select(tickets.c.ticket_id)
            .where(tickets.c.unproposed_since < bindparam("before"))
            .order_by(tickets.c.unproposed_since)
            .limit(bindparam("most")),
            database.dialect,
        )

    async def head(self, ticket_id: int) -> Ticket | None:
        return (await self.heads((ticket_id,))).get(ticket_id)

    async def heads(self, ticket_ids: Sequence[int]) -> dict[int, Ticket]:
        """The heads of those that exist, by ticket id, in the order asked for."""
        rows = await self._database.read(
            lambda connection: self._heads.rows(connection, ticket_ids)
        )
        found = {row.ticket_id: read_head(row.detail) for row in rows}
        return {one: found[one] for one in ticket_ids if one in found}

    async def ids_from(self, instant: datetime) -> list[int]:
        """Ids of the tickets from `instant` on. Few or none, but for a clock that has gone back."""
        newer = select(tickets.c.ticket_id).where(tickets.c.ticket_id >= first_id_at(instant))
        found = await self._database.read(lambda one: one.execute(newer).scalars().all())
        return list(found)

    async def registration(self, ticket_id: int) -> Registration | None:
        """The newest body: as registered, amended, or updated by the source."""
        return await self._database.read(
            lambda connection: self._sql.latest_registration(connection, ticket_id)
        )

    async def history(self, ticket_id: int) -> list[Recorded]:
        return await self._database.read(
            lambda connection: read_range(connection, self._sql.history, ticket_id, LAST_SEQUENCE)
        )

    async def supplements(self, ticket_id: int) -> list[Supplement]:
        first, last = history_range(ticket_id)
        rows = await self._database.read(
            lambda connection: self._supplements.rows(connection, first=first, last=last)
        )
        bodies = [SupplementBody.model_validate_json(row.body) for row in rows]
        return [
            Supplement(
                split_event_id(row.event_id)[1], instant_of(row.at), body.text, body.attachments
            )
            for row, body in zip(rows, bodies, strict=True)
        ]

    async def by_source_no(self, peer: str, source_ticket_no: str) -> int | None:
        """Our ticket of a peer's number. peer: settings entry, or source when typed by hand."""
        rows = await self._database.read(
            lambda connection: self._by_source_no.rows(
                connection, peer_name=peer, number=source_ticket_no
            )
        )
        return rows[0].ticket_id if rows else None

    async def waiting_for_proposal(self, before: datetime, limit: int) -> list[int]:
        """Accepted tickets that were to be proposed for before `before` and were not, oldest first.

        A registration that asked for a direct answer waits for no proposal.
        """
        rows = await self._database.read(
            lambda connection: self._unproposed.rows(
                connection, before=microseconds(before), most=limit
            )
        )
        return [row.ticket_id for row in rows]
