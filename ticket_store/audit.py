"""The audit: a hash chain (SM3) over every act, in commit order. docs/store.md says what it shows.

Each row's digest covers its own fields and the digest before it; the head row counts the rows and
keeps the last digest. Rows of commands also cover the event rows that the command made.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from sqlalchemy import Connection, Dialect, Row, bindparam, func, insert, select, update

from ticket_store.engine import Database, Statement
from ticket_store.metadata import microseconds
from ticket_store.models import audit, audit_head, events
from ticket_store.writer import AuditEntry, Unit, Writer

START = b"\0" * 32  # the digest before the first row
_PAGE = 1_000
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


@dataclass(frozen=True)
class AuditReport:
    """first_bad: the first row that does not fit; rows + 1 when rows are missing at the end."""

    ok: bool
    rows: int
    first_bad: int | None = None
    detail: str = ""
    digest: str = ""  # of the last row, hex: written down elsewhere, it proves this much for ever


def sm3(*parts: bytes | str | int | None) -> bytes:
    """The digest of the parts, each led by its length, so that no two lists read the same."""
    digest = hashes.Hash(hashes.SM3())  # the national standard asks for it
    joined = []
    for part in parts:
        content = part if isinstance(part, bytes) else ("" if part is None else str(part)).encode()
        joined.append(b"%d:%b" % (len(content), content))
    digest.update(b"".join(joined))
    return digest.finalize()


def events_digest(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The digest of event rows, as they are stored."""
    return sm3(
        *(
            part
            for row in rows
            for part in (
                row["event_id"], row["at"], row["command_id"], row["actor"], row["kind"],
                row["body"],
            )
        )
    )  # fmt: skip


def row_digest(before: bytes, row: Mapping[str, Any]) -> bytes:
    return sm3(
        before, row["row_no"], row["at"], row["actor_id"], row["action"], row["subject"],
        row["facts"], row["events_digest"],
    )  # fmt: skip


def ticket_of(text: str) -> int | None:
    """The ticket that a subject names, bare or by its kind."""
    number = text.removeprefix("ticket:")
    if not number.isascii() or not number.isdigit():
        return None
    known = number != text or len(number) >= _TICKET_DIGITS
    return int(number) if known else None


def compact(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


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
        self._append.run_many(unit.connection, rows)
        self._move.run(unit.connection, rows_now=count, events_now=covered, digest_now=digest)


class AuditBook:
    """What the rest of the hub sees of the audit."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database, self._writer = database, writer
        self._page = Statement(
            select(audit)
            .where(audit.c.row_no > bindparam("after"))
            .order_by(audit.c.row_no)
            .limit(_PAGE),
            database.dialect,
        )
        self._made = Statement(
            select(events)
            .where(events.c.event_id.between(bindparam("first"), bindparam("last")))
            .order_by(events.c.event_id),
            database.dialect,
        )

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
        """Read the whole chain and the events it covers; memory does not grow with its length.

        May run while others write: what is appended meanwhile is left for the next time.
        """
        head = await self._database.read(lambda one: one.execute(select(audit_head)).one())
        walk = _Walk()
        while walk.rows < head.rows and walk.fault is None:
            if not await self._database.read(lambda one: self._walk_page(one, walk, head.rows)):
                break
        if walk.fault is not None:
            return AuditReport(False, walk.rows, walk.rows, walk.fault)
        if walk.rows != head.rows or walk.digest != head.digest:
            return AuditReport(False, walk.rows, walk.rows + 1, "rows are missing at the end")
        if walk.events != head.events:
            return AuditReport(False, walk.rows, walk.rows + 1, "the count of events was changed")
        counted = select(func.count()).select_from(events).scalar_subquery()
        stored, audited = await self._database.read(
            lambda one: one.execute(select(counted, audit_head.c.events)).one()
        )
        if stored != audited:
            return AuditReport(
                False, walk.rows, walk.rows + 1, f"{stored} events, {audited} of them audited"
            )
        return AuditReport(True, walk.rows, digest=walk.digest.hex())

    def _walk_page(self, connection: Connection, walk: "_Walk", end: int) -> bool:
        """Check the next rows; whether there were any."""
        page = self._page.rows(connection, after=walk.rows)
        for row in page:
            if row.row_no > end or walk.fault is not None:
                break
            walk.step(row, self._made_by(connection, row))
        return bool(page)

    def _made_by(self, connection: Connection, row: Row[Any]) -> Sequence[Row[Any]]:
        """The event rows that a command's audit row speaks of."""
        if row.events_digest is None:
            return ()
        try:
            first, count = json.loads(row.facts)["events"]
            return self._made.rows(connection, first=first, last=first + count - 1)
        except (ValueError, KeyError, TypeError):
            return ()  # the facts were changed, and the row's digest will say so


@dataclass
class _Walk:
    """How far the chain has been followed, and what was wrong there."""

    rows: int = 0
    events: int = 0
    digest: bytes = START
    fault: str | None = None

    def step(self, row: Row[Any], made: Sequence[Row[Any]]) -> None:
        self.rows += 1
        fields = row._asdict()
        if row.row_no != self.rows:
            self.fault = "a row is missing"
        elif row_digest(self.digest, fields) != row.digest:
            self.fault = "the row was changed"
        elif row.events_digest is not None and row.events_digest != events_digest(
            [one._asdict() for one in made]
        ):
            self.fault = "an event was changed or is missing"
        self.digest = row.digest
        self.events += len(made)
