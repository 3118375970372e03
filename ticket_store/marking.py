"""Keeps marks and follow-up calls in step with the desk; a part of the projection."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, bindparam, delete, insert

from schemas.events import FollowUpRecorded, Recorded, ReworkOrdered
from schemas.ids import event_id
from schemas.ticket import Ticket
from ticket_store.marks import Mark, marks_of
from ticket_store.metadata import microseconds
from ticket_store.search_models import follow_ups, ticket_marks
from ticket_store.statements import Statement
from ticket_store.upsert import insert_missing


class Marking:
    def __init__(self, dialect: Dialect) -> None:
        mark = ticket_marks.c
        self._add = Statement(insert_missing(dialect, ticket_marks), dialect, ticket_marks.c.keys())
        self._remove = Statement(
            delete(ticket_marks).where(
                mark.mark == bindparam("mark"), mark.ticket_id == bindparam("ticket_id")
            ),
            dialect,
            together=True,
        )
        self._call = Statement(insert(follow_ups), dialect, follow_ups.c.keys())

    def marks(
        self, connection: Connection, changes: Sequence[tuple[Ticket | None, Ticket, bool]]
    ) -> None:
        """changes: the head before and after, and whether a mediation was recorded meanwhile."""
        gone: list[dict[str, Any]] = []
        new: list[dict[str, Any]] = []
        for before, after, mediated in changes:
            was = marks_of(before) if before else frozenset()
            now = marks_of(after)
            earned = (now - was) | ({Mark.MEDIATED} if mediated else set())
            gone += mark_rows(after, was - now)
            new += mark_rows(after, earned)
        self._remove.run_many(connection, gone)
        self._add.run_many(connection, new)

    def calls(self, connection: Connection, made: Sequence[Recorded]) -> None:
        """Note the calls that reached the citizen, those that led to rework, too."""
        self._call.run_many(connection, call_rows(made))


def call_rows(made: Iterable[Recorded]) -> list[dict[str, Any]]:
    """A row a call that reached the citizen."""
    return [
        {
            "at": microseconds(one.at),
            "event_id": event_id(one.ticket_id, one.sequence),
            "ticket_id": one.ticket_id,
            "satisfied": one.event.satisfied,
            "resolved": one.event.resolved,
        }
        for one in made
        if isinstance(one.event, FollowUpRecorded | ReworkOrdered)
    ]


def mark_rows(ticket: Ticket, marks: Iterable[Mark]) -> list[dict[str, Any]]:
    return [{"mark": mark.value, "ticket_id": ticket.ticket_id} for mark in sorted(marks)]
