"""Follows the audit chain from its start, with all that it covers, and tells what does not fit."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, Table, bindparam, func, select

from schemas.ids import LAST_SEQUENCE
from ticket_store.digests import BODY, START, body_digest, events_digest, row_digest
from ticket_store.engine import Database
from ticket_store.head_check import HeadCheck
from ticket_store.models import audit, audit_head, events, registrations, supplements
from ticket_store.statements import Lookup, Statement

_PAGE = 256  # audit rows that are in memory together, with what they cover


@dataclass(frozen=True)
class AuditReport:
    """first_bad: the first row that does not fit; rows + 1 when there is no row to name."""

    ok: bool
    rows: int
    first_bad: int | None = None
    detail: str = ""
    digest: str = ""  # of the last row, hex: written down elsewhere, it proves this much for ever


class AuditCheck:
    """The whole of it, page by page; memory does not grow with the store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = database.dialect
        self._page = Statement(
            select(audit)
            .where(audit.c.row_no > bindparam("after"))
            .order_by(audit.c.row_no)
            .limit(_PAGE),
            dialect,
        )
        self._events = _by_event(database, events)
        self._bodies = [_by_event(database, table) for table in (registrations, supplements)]
        self._heads = HeadCheck(database)

    async def run(self) -> AuditReport:
        """May run while others write: what is appended meanwhile is left for the next time."""
        head = await self._database.read(lambda one: one.execute(select(audit_head)).one())
        walk = _Walk()
        while walk.rows < head.rows and walk.fault is None:
            if not await self._database.read(lambda one: self._walk_page(one, walk, head.rows)):
                break
        if walk.fault is not None:
            return AuditReport(False, walk.rows, walk.rows, walk.fault)
        fault = None
        if walk.rows != head.rows or walk.digest != head.digest:
            fault = "rows are missing at the end"
        elif walk.events != head.events:
            fault = "the count of events was changed"
        else:
            fault = await self._database.read(lambda one: _miscounted(one, walk))
        if fault is not None:
            return AuditReport(False, walk.rows, walk.rows + 1, fault)
        wrong = await self._heads.first_wrong()
        if wrong is not None:
            row_no = wrong.row_no or walk.rows + 1
            return AuditReport(False, walk.rows, row_no, wrong.detail)
        return AuditReport(True, walk.rows, digest=walk.digest.hex())

    def _walk_page(self, connection: Connection, walk: "_Walk", end: int) -> bool:
        """Check the next rows; whether there were any."""
        page = self._page.rows(connection, after=walk.rows)
        keys = sorted({key for row in page for key in _covered(row)})
        made = {row.event_id: row for row in self._events.rows(connection, keys)}
        bodies: dict[int, list[str]] = {}
        for table in self._bodies:
            for row in table.rows(connection, keys):
                bodies.setdefault(row.event_id, []).append(body_digest(row.event_id, row.body))
        for row in page:
            if row.row_no > end or walk.fault is not None:
                break
            covered = _covered(row)
            walk.step(
                row,
                [made[key] for key in covered if key in made],
                [digest for key in covered for digest in bodies.get(key, ())],
            )
        return bool(page)


def _by_event(database: Database, table: Table) -> Lookup:
    key = table.c.event_id

    def build(places: Sequence[int]) -> Any:
        keys = [bindparam(f"k{place}", type_=BigInteger) for place in places]
        return select(table).where(key.in_(keys)).order_by(key)

    return Lookup(database.dialect, build)


def _covered(row: Row[Any]) -> range:
    """The ids of the events that a command's audit row speaks of."""
    if row.events_digest is None:
        return range(0)
    try:
        first, count = _facts(row)["events"]
        return range(first, first + min(count, LAST_SEQUENCE))
    except (ValueError, KeyError, TypeError):
        return range(0)  # the facts were changed, and the row's digest will say so


def _facts(row: Row[Any]) -> Mapping[str, Any]:
    facts = json.loads(row.facts)
    return facts if isinstance(facts, dict) else {}


def _miscounted(connection: Connection, walk: "_Walk") -> str | None:
    """Whether there are events or bodies that no audit row speaks of; both sides at one moment."""
    stored, audited = connection.execute(
        select(_count(events), select(audit_head.c.events).scalar_subquery())
    ).one()
    if stored != audited:
        return f"{stored} events, {audited} of them audited"
    newer = _count(
        audit,
        audit.c.row_no > walk.rows,
        audit.c.events_digest.is_not(None),
        audit.c.facts.contains(f'"{BODY}":"'),
    )
    found, since = connection.execute(
        select(_count(registrations) + _count(supplements), newer)
    ).one()
    if found != walk.bodies + since:
        return f"{found} bodies, {walk.bodies + since} of them audited"
    return None


def _count(table: Table, *conditions: Any) -> Any:
    return select(func.count()).select_from(table).where(*conditions).scalar_subquery()


@dataclass
class _Walk:
    """How far the chain has been followed, and what was wrong there.

    covers_bodies: from the first row on that holds a body's digest, every body must have one; the
    rows before are of a release that wrote none.
    """

    rows: int = 0
    events: int = 0
    bodies: int = 0
    covers_bodies: bool = False
    digest: bytes = START
    fault: str | None = None

    def step(self, row: Row[Any], made: Sequence[Row[Any]], bodies: Sequence[str]) -> None:
        """bodies: the digests of those that are stored under the events of this row."""
        self.rows += 1
        if row.row_no != self.rows:
            self.fault = "a row is missing"
        elif row_digest(self.digest, row._asdict()) != row.digest:
            self.fault = "the row was changed"
        elif row.events_digest is not None:
            self.fault = self._of_command(row, made, bodies)
        self.digest = row.digest
        self.events += len(made)
        self.bodies += len(bodies)

    def _of_command(
        self, row: Row[Any], made: Iterable[Row[Any]], bodies: Sequence[str]
    ) -> str | None:
        if row.events_digest != events_digest([one._asdict() for one in made]):
            return "an event was changed or is missing"
        digest = _facts(row).get(BODY)
        self.covers_bodies = self.covers_bodies or digest is not None
        if self.covers_bodies and list(bodies) != ([] if digest is None else [digest]):
            return "a body was changed or is missing"
        return None
