"""What the books of the reading side share: plain functions over a Connection, read or written."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from ticket_store.engine import Database
from ticket_store.writer import AuditEntry, Unit, Writer

T = TypeVar("T")


class Book:
    def __init__(self, database: Database, writer: Writer) -> None:
        self._database, self._writer = database, writer

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read(work)

    async def _write(
        self,
        work: Callable[[Connection], T],
        *,
        audit: Callable[[T], list[AuditEntry]] | None = None,
    ) -> T:
        """Run `work` in the writer's next transaction, with the audit rows that its result earns.

        `work` is repeated when another piece of its group fails: all it changes is the database.
        Raises: what `work` raises; StoreBusy when the database cannot take writes now.
        """

        def errand(unit: Unit) -> T:
            result = work(unit.connection)
            if audit is not None:
                unit.audit.extend(audit(result))
            return result

        return await self._writer.run(errand)
