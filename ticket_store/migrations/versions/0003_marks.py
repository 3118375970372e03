"""Marks and follow-up calls of tickets; the audit by actor and by subject; deadlines that oblige.

What existing tickets are marked with is read off their heads and events.
"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# written out here, not imported from the models: a migration stays as it was when they change
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Micros = sa.BigInteger()
_Flag = sa.Boolean(create_constraint=False)
_NEVER = 253402214400000000
_PAGE = 1_000  # heads that are in memory together
_ENDED = {"declined", "withdrawn", "merged", "discarded", "closed", "archived"}
_FROM_ABOVE = {"national", "superior"}
_POOR_STARS = 2
_MARKS = sa.table("ticket_marks", sa.column("mark"), sa.column("ticket_id"))
_FOLLOW_UPS = sa.table(
    "follow_ups", *map(sa.column, ("at", "event_id", "ticket_id", "satisfied", "resolved"))
)


def upgrade() -> None:
    op.create_table(
        "ticket_marks",
        sa.Column("mark", sa.String(24), primary_key=True),
        sa.Column("ticket_id", _Id, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "follow_ups",
        sa.Column("at", _Micros, primary_key=True, autoincrement=False),
        sa.Column("event_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("ticket_id", _Id, nullable=False),
        sa.Column("satisfied", _Flag, nullable=False),
        sa.Column("resolved", _Flag, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_actor_id", "audit", ["actor_id", "row_no"])
    op.create_index("ix_audit_subject", "audit", ["subject", "row_no"])
    fill(op.get_bind())


def fill(connection: sa.Connection) -> None:
    """Read off the core what the tables would hold, had they always been there."""
    _fill_marks(connection)
    _fill_follow_ups(connection)
    # deadlines that oblige nobody were among these: the sweep winds such tickets anew
    connection.execute(
        sa.text("UPDATE ticket_rows SET clock_version = 0 WHERE due_at < :never"),
        {"never": _NEVER},
    )


def _fill_marks(connection: sa.Connection) -> None:
    for page in _pages(connection, "SELECT ticket_id, detail FROM tickets", "ticket_id"):
        rows = [
            {"mark": mark, "ticket_id": ticket_id}
            for ticket_id, detail in page
            for mark in sorted(_marks_of(json.loads(detail)))
        ]
        if rows:
            connection.execute(sa.insert(_MARKS), rows)
    connection.execute(
        sa.text(
            "INSERT INTO ticket_marks (mark, ticket_id)"
            " SELECT DISTINCT 'mediated', event_id >> 10 FROM events"
            " WHERE kind = 'mediation_recorded'"
        )
    )


def _marks_of(head: dict[str, Any]) -> set[str]:
    found = set()
    kinds = {one["kind"] for one in head.get("reminders", ()) if not one.get("answered_at")}
    if kinds and head["state"] not in _ENDED:
        found.add("reminded")
        if kinds & _FROM_ABOVE:
            found.add("reminded_from_above")
    satisfied, resolved, rating = map(head.get, ("satisfied", "resolved", "rating"))
    if satisfied is not None or rating is not None:
        found.add("evaluated")
    if satisfied is False:
        found.add("dissatisfied")
    if resolved is False:
        found.add("unresolved")
    if rating is not None and rating <= _POOR_STARS:
        found.add("poorly_rated")
    return found


def _fill_follow_ups(connection: sa.Connection) -> None:
    calls = "SELECT event_id, at, kind, body FROM events"
    for page in _pages(connection, calls, "event_id"):
        rows = []
        for event_id, at, kind, body in page:
            if kind not in {"follow_up_recorded", "rework_ordered"}:
                continue
            said = json.loads(body)
            rows.append(
                {
                    "at": at, "event_id": event_id, "ticket_id": event_id >> 10,
                    "satisfied": said["satisfied"], "resolved": said["resolved"],
                }
            )  # fmt: skip
        if rows:
            connection.execute(sa.insert(_FOLLOW_UPS), rows)


def _pages(connection: sa.Connection, select: str, key: str) -> Iterator[Any]:
    """The rows of `select`, by its first column, a page at a time."""
    after = -1
    statement = sa.text(f"{select} WHERE {key} > :after ORDER BY {key} LIMIT {_PAGE}")
    while page := connection.execute(statement, {"after": after}).all():
        yield page
        after = page[-1][0]
