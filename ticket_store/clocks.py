"""The clocks' projection: what streams wound, kept so that what is due is found by an index."""

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Connection, bindparam, delete, insert, select, update

from schemas.clocks import Clock, ClockState
from schemas.sla import Step
from ticket_store.book import Book
from ticket_store.clock_models import OPEN, clock_firings, ticket_clocks
from ticket_store.engine import Database
from ticket_store.metadata import microseconds
from ticket_store.search_models import CLOCKS_BEHIND, NEVER, ticket_rows, ticket_to_dos
from ticket_store.statements import Lookup, Statement, numbered
from ticket_store.to_dos import HUB, ToDo
from ticket_store.upsert import upsert
from ticket_store.writer import Turn, Unit, Writer

_ROW, _TO_DO = ticket_rows.c, ticket_to_dos.c
_FIRING, _HELD = clock_firings.c, ticket_clocks.c
_CLOCKS = TypeAdapter(tuple[Clock, ...])
# which clock a to-do is late by; any other to-do by the first clock that runs
_STEP_OF = {
    ToDo.RECEIVED: Step.ACCEPT,
    ToDo.DECLINE_REVIEW: Step.ACCEPT,
    ToDo.ACCEPTED: Step.DISPATCH,
    ToDo.PENDING: Step.ACKNOWLEDGE,
    ToDo.ACKNOWLEDGED: Step.HANDLE,
    ToDo.EXTENSION_REVIEW: Step.EXTENSION_REVIEW,
    ToDo.CLOSURE_REVIEW: Step.REVIEW,
    ToDo.AWAITING_REPLY: Step.REPLY,
    ToDo.AWAITING_FOLLOW_UP: Step.FOLLOW_UP,
}


@dataclass(frozen=True)
class DueClock:
    ticket_id: int
    clock_id: str
    next_at: datetime


class _Wound(NamedTuple):
    ticket_id: int
    version: int
    clocks: tuple[Clock, ...]
    packed: bytes


class ClockBook(Book):
    def __init__(self, database: Database, writer: Writer) -> None:
        super().__init__(database, writer)
        dialect = database.dialect
        self._move = Statement(
            update(ticket_rows)
            .where(_ROW.ticket_id == bindparam("ticket"), _ROW.clock_version <= bindparam("upto"))
            .values(
                clock_version=bindparam("upto"),
                due_at=bindparam("first_due"),
                warn_at=bindparam("first_warning"),
            ),
            dialect,
        )
        self._put = Statement(
            upsert(dialect, ticket_clocks, "open_clocks", "clocks"), dialect, ticket_clocks.c.keys()
        )
        self._remove = Statement(
            delete(clock_firings).where(_FIRING.ticket_id == bindparam("ticket")),
            dialect,
            together=True,
        )
        self._add = Statement(insert(clock_firings), dialect, clock_firings.c.keys())
        self._to_dos = Lookup(
            dialect,
            lambda places: select(
                _TO_DO.ticket_id, _TO_DO.to_do, _TO_DO.department, _TO_DO.due_at
            ).where(_TO_DO.ticket_id.in_(numbered(places))),
        )
        self._set_to_do = Statement(
            update(ticket_to_dos)
            .where(
                _TO_DO.ticket_id == bindparam("ticket"),
                _TO_DO.to_do == bindparam("kind"),
                _TO_DO.department == bindparam("whose"),
            )
            .values(due_at=bindparam("due", type_=BigInteger)),
            dialect,
            together=True,
        )

    async def save(self, ticket_id: int, version: int, clocks: Sequence[Clock]) -> bool:
        """Replace the ticket's clocks by those wound up to `version`.

        Returns False, and changes nothing, when a newer version is there already or the store has
        no such ticket. Saves that wait at the same time share one commit.
        """
        held = in_order(clocks)
        wound = _Wound(ticket_id, version, held, _packed(held))
        return await self._writer.submit(self._save, wound, Turn.CLOCKS)

    async def due(self, now: datetime, limit: int) -> list[DueClock]:
        """Running clocks that have something to fire by `now`, the longest due first."""
        statement = (
            select(_FIRING.ticket_id, _FIRING.clock_id, _FIRING.next_at)
            .where(_FIRING.next_at <= now)
            .order_by(_FIRING.next_at)
            .limit(limit)
        )
        rows = await self._read(lambda connection: connection.execute(statement).all())
        return [DueClock(row.ticket_id, row.clock_id, row.next_at) for row in rows]

    async def of(self, ticket_ids: Collection[int]) -> dict[int, tuple[Clock, ...]]:
        """The clocks of each ticket, in the order in which they started; stopped ones too."""
        statement = select(_HELD.ticket_id, _HELD.clocks).where(
            _HELD.ticket_id.in_(list(ticket_ids))
        )
        found: dict[int, tuple[Clock, ...]] = dict.fromkeys(ticket_ids, ())
        if found:
            rows = await self._read(lambda connection: connection.execute(statement).all())
            found.update({row.ticket_id: _unpacked(row.clocks) for row in rows})
        return found

    async def open_tickets(self, after: int, limit: int) -> list[tuple[int, int]]:
        """Tickets above the id `after` with a clock that is not stopped: (id, wound version).

        For recounting them all when a calendar year is imported.
        """
        statement = (
            select(_HELD.ticket_id, _ROW.clock_version)
            .join_from(ticket_clocks, ticket_rows, _ROW.ticket_id == _HELD.ticket_id)
            .where(OPEN, _HELD.ticket_id > after)
            .order_by(_HELD.ticket_id)
            .limit(limit)
        )
        rows = await self._read(lambda connection: connection.execute(statement).all())
        return [(row.ticket_id, row.clock_version) for row in rows]

    async def behind(self, before: datetime, limit: int) -> list[tuple[int, int]]:
        """Tickets changed before `before` whose clocks are not wound that far: (id, version)."""
        statement = (
            select(_ROW.ticket_id, _ROW.version)
            .where(CLOCKS_BEHIND, _ROW.updated_at < before)
            .order_by(_ROW.updated_at)
            .limit(limit)
        )
        rows = await self._read(lambda connection: connection.execute(statement).all())
        return [(row.ticket_id, row.version) for row in rows]

    def _save(self, unit: Unit, items: Sequence[_Wound]) -> list[bool]:
        done = [self._moved(unit.connection, item) for item in items]
        newest = {item.ticket_id: item for item, moved in zip(items, done, strict=True) if moved}
        connection = unit.connection
        self._put.run_many(
            connection,
            [_held_row(ticket_id, item.clocks, item.packed) for ticket_id, item in newest.items()],
        )
        self._remove.run_many(connection, [{"ticket": ticket_id} for ticket_id in newest])
        self._add.run_many(
            connection,
            [
                row
                for ticket_id, item in newest.items()
                for row in firing_rows(ticket_id, item.clocks)
            ],
        )
        self._set_to_do.run_many(
            connection, list(_due_again(self._to_dos.rows(connection, list(newest)), newest))
        )
        return done

    def _moved(self, connection: Connection, item: _Wound) -> bool:
        first_due, first_warning = first_times(item.clocks)
        touched = self._move.run(
            connection,
            ticket=item.ticket_id,
            upto=item.version,
            first_due=first_due,
            first_warning=first_warning,
        )
        return touched == 1


def in_order(clocks: Iterable[Clock]) -> tuple[Clock, ...]:
    """As they are kept: by the time at which they started."""
    return tuple(sorted(clocks, key=lambda clock: (clock.started_at, clock.clock_id)))


def held_row(ticket_id: int, held: Sequence[Clock]) -> dict[str, object]:
    return _held_row(ticket_id, held, _packed(held))


def _held_row(ticket_id: int, held: Iterable[Clock], packed: bytes) -> dict[str, object]:
    open_clocks = sum(clock.is_open for clock in held)
    return {"ticket_id": ticket_id, "open_clocks": open_clocks, "clocks": packed}


def firing_rows(ticket_id: int, held: Iterable[Clock]) -> list[dict[str, object]]:
    """A row for each running clock that has something left to fire."""
    return [
        {
            "ticket_id": ticket_id,
            "clock_id": clock.clock_id,
            "next_at": microseconds(clock.next_at),
        }
        for clock in _running(held)
        if clock.next_at is not None
    ]


def first_times(held: Iterable[Clock]) -> tuple[int, int]:
    """The first deadline that obliges somebody, and the first warning of such a clock."""
    running = _obliging(held)
    return (
        microseconds(min((one.due_at for one in running), default=NEVER)),
        microseconds(min((one.warn_at for one in running), default=NEVER)),
    )


def _running(held: Iterable[Clock]) -> list[Clock]:
    return [clock for clock in held if clock.state is ClockState.RUNNING]


def _obliging(held: Iterable[Clock]) -> list[Clock]:
    """Those by which a ticket can be late."""
    return [clock for clock in _running(held) if clock.obliges]


def _packed(held: Sequence[Clock]) -> bytes:
    return zlib.compress(_CLOCKS.dump_json(tuple(held), exclude_defaults=True))


def _unpacked(packed: bytes) -> tuple[Clock, ...]:
    return _CLOCKS.validate_json(zlib.decompress(packed))


def _due_again(rows: Iterable[Any], wound: dict[int, _Wound]) -> Iterable[dict[str, object]]:
    """The new deadline of each to-do that the tickets are on; rows: those to-dos."""
    for row in rows:
        clocks = wound[row.ticket_id].clocks
        due = microseconds(due_of(ToDo(row.to_do), row.department, clocks))
        if due != row.due_at:
            yield {
                "ticket": row.ticket_id,
                "kind": row.to_do,
                "whose": row.department,
                "due": due,
            }


def due_of(to_do: ToDo, department: str, held: Iterable[Clock]) -> datetime:
    """By when a to-do is to be done, of a ticket with these clocks."""
    running = [
        clock
        for clock in _obliging(held)
        if department == HUB or clock.department in {None, department}
    ]
    own = [clock for clock in running if clock.step is _STEP_OF.get(to_do)]
    return min((clock.due_at for clock in own or running), default=NEVER)
