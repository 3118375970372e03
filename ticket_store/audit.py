"""The audit: a hash chain (SM3) over every act, in commit order. docs/store.md says what it shows.

Each row's digest covers its own fields and the digest before it; the head row counts the rows and
keeps the last digest. Rows of commands also cover the event rows that the command made.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Dialect, bindparam, insert, select, update

from ticket_store.audit_check import AuditCheck, AuditReport
from ticket_store.digests import compact, row_digest
from ticket_store.engine import Database
from ticket_store.metadata import microseconds
from ticket_store.models import audit, audit_head
from ticket_store.put_rows import RowPutter
from ticket_store.statements import Statement
from ticket_store.writer import AuditEntry, Unit, Writer

_MANY = 256  # rows: more than the desk makes in a group are an import's
_TICKET_DIGITS = 12  # a bare number of so many digits is a ticket's; a year is shorter


@dataclass(frozen=True)
class AuditRow:
    """An act. subject: what it was done to, facts: JSON, as the one who acted put it."""

    row_no: int
    at: datetime
    actor_id: str
    action: str
    subject: str
    facts: Mapping[str, Any]


def ticket_of(text: str) -> int | None:
    """The ticket that a subject names, bare or by its kind."""
    number = text.removeprefix("ticket:")
    if not number.isascii() or not number.isdigit():
        return None
    known = number != text or len(number) >= _TICKET_DIGITS
    return int(number) if known else None


class AuditChain:
    """Appends to the chain at the end of a transaction."""

    def __init__(self, dialect: Dialect, now: Callable[[], datetime]) -> None:
        self._now = now
        self._head = Statement(
            select(audit_head.c.rows, audit_head.c.events, audit_head.c.digest)
            .where(audit_head.c.head_id == 1)
            .with_for_update(),
            dialect,
        )
        self._append = Statement(insert(audit), dialect, audit.c.keys())
        self._append_many = RowPutter(dialect, audit)
        self._move = Statement(
            update(audit_head)
            .where(audit_head.c.head_id == 1)
            .values(
                rows=bindparam("rows_now"),
                events=bindparam("events_now"),
                digest=bindparam("digest_now"),
            ),
            dialect,
        )

    def close_unit(self, unit: Unit) -> None:
        """Chain the unit's entries; the last thing before its commit."""
        if not unit.audit:
            return
        head = self._head.rows(unit.connection)[0]
        count, covered, digest = head.rows, head.events, head.digest
        at, rows = microseconds(self._now()), []
        for entry in unit.audit:
            count += 1
            covered += entry.events
            row: dict[str, Any] = {
                "row_no": count, "at": at, "actor_id": entry.actor_id, "action": entry.action,
                "subject": entry.subject, "facts": entry.facts,
                "events_digest": entry.events_digest,
            }  # fmt: skip
            digest = row["digest"] = row_digest(digest, row)
            rows.append(row)
        if len(rows) > _MANY:
            columns = self._append_many.columns
            self._append_many.put(
                unit.connection, [tuple([row[name] for name in columns]) for row in rows]
            )
        else:
            self._append.run_many(unit.connection, rows)
        self._move.run(unit.connection, rows_now=count, events_now=covered, digest_now=digest)


class AuditBook:
    """What the rest of the hub sees of the audit."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database, self._writer = database, writer
        self._check = AuditCheck(database)

    async def append(
        self, actor_id: str, action: str, subject: str, facts: Mapping[str, Any]
    ) -> None:
        """Note an act that is no command (sign-in, export, replay). Durable when this returns.

        facts: without personal data; the audit is read by people who may not see it.
        """
        entry = AuditEntry(actor_id, action, subject, compact(facts))

        def errand(unit: Unit) -> None:
            unit.audit.append(entry)

        await self._writer.run(errand)

    async def rows(
        self,
        before: int | None = None,
        limit: int = 50,
        *,
        actor_id: str | None = None,
        ticket_id: int | None = None,
    ) -> list[AuditRow]:
        """Acts, newest first. before: a row_no; the rows after it in this order are read."""
        statement = select(audit).order_by(audit.c.row_no.desc()).limit(limit)
        if before is not None:
            statement = statement.where(audit.c.row_no < before)
        if ticket_id is not None:  # commands name the ticket bare, the console's acts by its kind
            subjects = [str(ticket_id), f"ticket:{ticket_id}"]
            statement = statement.where(audit.c.subject.in_(subjects))
        if actor_id is not None:
            # fenced beside the subject: one ticket has fewer rows than one actor
            actor = audit.c.actor_id if ticket_id is None else audit.c.actor_id.concat("")
            statement = statement.where(actor == actor_id)
        rows = await self._database.read(lambda one: one.execute(statement).all())
        return [
            AuditRow(
                row.row_no, row.at, row.actor_id, row.action, row.subject, json.loads(row.facts)
            )
            for row in rows
        ]

    async def last_row_no(self) -> int:
        """Of the newest act; 0 when there is none."""
        newest = select(audit_head.c.rows).where(audit_head.c.head_id == 1)
        number: int = await self._database.read(lambda one: one.execute(newest).scalar_one())
        return number

    async def since(self, row_no: int, limit: int) -> list[tuple[int, str]]:
        """(row_no, subject) of the acts after `row_no`, oldest first, of every process."""
        statement = (
            select(audit.c.row_no, audit.c.subject)
            .where(audit.c.row_no > row_no)
            .order_by(audit.c.row_no)
            .limit(limit)
        )
        rows = await self._database.read(lambda one: one.execute(statement).all())
        return [(row.row_no, row.subject) for row in rows]

    async def verify(self) -> AuditReport:
        """Read the whole chain, what it covers, and rebuild every head; memory stays small.

        May run while others write: what is appended meanwhile is left for the next time.
        """
        return await self._check.run()
