"""Writes whole tickets of the past, some hundreds a transaction, through the store's writer.

What is there already is not written again: a ticket is known by its numbers, looked up in the
transaction that would write it, so a repeated import makes nothing and a killed one goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from ticket_store.batch import SourceNumber
from ticket_store.bulk_rows import TABLES, BulkTicket
from ticket_store.desk_statements import DeskStatements
from ticket_store.engine import Database
from ticket_store.models import tickets
from ticket_store.months import Month
from ticket_store.partitions import ensure_months
from ticket_store.put_rows import RowPutter
from ticket_store.statements import Lookup, numbered
from ticket_store.word_index import put_new_words
from ticket_store.writer import AuditEntry, Unit, Writer


class Placing(StrEnum):
    WRITTEN = "written"
    REPEATED = "repeated"  # its first number is known: it is there already
    NUMBER_TAKEN = "number_taken"  # another of its numbers is another ticket's
    ID_TAKEN = "id_taken"  # make it again under another id


@dataclass(frozen=True)
class Placed:
    """holder: the ticket that has the number, or the one written."""

    placing: Placing
    holder: int


class BulkBook:
    def __init__(self, database: Database, writer: Writer) -> None:
        self._writer, self._sql = writer, DeskStatements(database.dialect)
        self._putters = [RowPutter(database.dialect, table) for table in TABLES]
        self._ids = Lookup(
            database.dialect,
            lambda places: select(tickets.c.ticket_id).where(
                tickets.c.ticket_id.in_(numbered(places))
            ),
        )
        self._database = database
        self._months: set[Month] = set()

    async def known(self, numbers: Sequence[SourceNumber]) -> set[SourceNumber]:
        """Those of the numbers that a ticket has."""
        rows = await self._database.read(lambda one: self._sql.numbers.rows(one, numbers))
        return {(row.peer, row.source_ticket_no) for row in rows}

    async def put(self, some: Sequence[BulkTicket]) -> list[Placed]:
        """Write what is new, in one transaction; what became of each, in order.

        Raises: StoreBusy, when nothing of it is written.
        """
        await self._ensure_months(some)
        return await self._writer.run(lambda unit: self._put(unit, some))

    async def _ensure_months(self, some: Sequence[BulkTicket]) -> None:
        """Partitions of the past are made when somebody comes with its tickets."""
        for month in {Month.of_ticket(one.ticket_id) for one in some} - self._months:
            await ensure_months(self._database, month.begins_at, month.begins_at)
            self._months.add(month)

    def _put(self, unit: Unit, some: Sequence[BulkTicket]) -> list[Placed]:
        placed = self._places(unit.connection, some)
        new = [
            one for one, place in zip(some, placed, strict=True) if place.placing is Placing.WRITTEN
        ]
        new.sort(key=lambda one: one.ticket_id)  # neighbours in the tables are written together
        for index, putter in enumerate(self._putters):
            putter.put(unit.connection, [row for one in new for row in one.rows[index]])
        put_new_words(unit.connection, [(one.ticket_id, one.words) for one in new])
        unit.audit += [AuditEntry(*fields) for one in new for fields in one.audit]
        return placed

    def _places(self, connection: Connection, some: Sequence[BulkTicket]) -> list[Placed]:
        numbers = sorted({number for one in some for number in one.numbers})
        rows = self._sql.numbers.rows(connection, numbers)
        known = {(row.peer, row.source_ticket_no): row.ticket_id for row in rows}
        ids = self._ids.rows(connection, sorted({one.ticket_id for one in some}))
        taken = {row.ticket_id for row in ids}
        placed = []
        for one in some:
            place = _place(one, known, taken)
            if place.placing is Placing.WRITTEN:
                known.update(dict.fromkeys(one.numbers, one.ticket_id))
                taken.add(one.ticket_id)
            placed.append(place)
        return placed


def _place(one: BulkTicket, known: dict[SourceNumber, int], taken: set[int]) -> Placed:
    for number in one.numbers:
        if number in known:
            first = number == one.numbers[0]
            return Placed(Placing.REPEATED if first else Placing.NUMBER_TAKEN, known[number])
    if one.ticket_id in taken:
        return Placed(Placing.ID_TAKEN, one.ticket_id)
    return Placed(Placing.WRITTEN, one.ticket_id)
