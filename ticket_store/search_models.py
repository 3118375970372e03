"""Tables of the reading side: one narrow row a ticket, and what lists are driven from.

All of it is derived from heads, registrations and clocks (`projection.py`, `clocks.py`) in the
transaction that changes them. The full-text tables are SQLite's own kind; see `word_index.py`.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    literal,
)

from ticket_store.metadata import BigKey, Instant, metadata

NEVER = datetime(9999, 12, 31, tzinfo=UTC)  # due_at where no clock runs: sorts last on any database

ticket_rows = Table(
    "ticket_rows",
    metadata,
    Column("ticket_id", BigKey, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("clock_version", Integer, nullable=False, default=0),  # wound so far
    Column("state", String(24), nullable=False),
    Column("matter_kind", String(16), nullable=False),
    Column("urgency", String(12), nullable=False),
    Column("source", String(16), nullable=False),
    Column("peer", String(64)),
    Column("source_ticket_no", String(80)),
    Column("category_code", String(64)),
    Column("area_code", String(6)),
    Column("title", String(200), nullable=False),
    Column("departments", Text, nullable=False),  # codes of the present round, space between
    Column("cards", String(12), nullable=False, default=""),  # colours, gravest first
    Column("received_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column(
        "due_at", Instant, nullable=False, default=NEVER
    ),  # first deadline that obliges somebody
    Column("warn_at", Instant, nullable=False, default=NEVER),  # first warning of such a clock
)

_row = ticket_rows.c
# written out as a number: SQLite uses a partial index only if the query says the very same
CLOCK_RUNS = _row.due_at < literal(NEVER, Instant, literal_execute=True)
CLOCKS_BEHIND = _row.clock_version < _row.version
Index("ix_ticket_rows_state", _row.state, _row.ticket_id)
Index("ix_ticket_rows_area_code", _row.area_code, _row.ticket_id)
Index(
    "ix_ticket_rows_due_at",
    _row.due_at,
    _row.ticket_id,
    sqlite_where=CLOCK_RUNS,
    postgresql_where=CLOCK_RUNS,
)
Index(  # holds only what the clocks have not caught up with: a handful of rows
    "ix_ticket_rows_clocks_behind",
    _row.updated_at,
    sqlite_where=CLOCKS_BEHIND,
    postgresql_where=CLOCKS_BEHIND,
)

ticket_departments = Table(  # who holds or ever held a share: a handler's whole world
    "ticket_departments",
    metadata,
    Column("department", String(64), primary_key=True),
    Column("ticket_id", BigKey, primary_key=True, autoincrement=False),
    Column("open", Boolean(create_constraint=False), nullable=False),
    sqlite_with_rowid=False,
)

ticket_to_dos = Table(  # what waits for somebody; a ticket at rest has no row
    "ticket_to_dos",
    metadata,
    Column("ticket_id", BigKey, primary_key=True, autoincrement=False),
    Column("to_do", String(24), primary_key=True),
    Column("department", String(64), primary_key=True),  # "" for the hub's own people
    Column("due_at", Instant, nullable=False, default=NEVER),
    sqlite_with_rowid=False,
)
_to_do = ticket_to_dos.c
Index("ix_ticket_to_dos_list", _to_do.to_do, _to_do.department, _to_do.due_at, _to_do.ticket_id)

ticket_marks = Table(  # read by its key, newest first; see marks.py
    "ticket_marks",
    metadata,
    Column("mark", String(24), primary_key=True),
    Column("ticket_id", BigKey, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

follow_ups = Table(  # a row a call that reached the citizen: rates are counted over a range of time
    "follow_ups",
    metadata,
    Column("at", Instant, primary_key=True, autoincrement=False),
    Column("event_id", BigKey, primary_key=True, autoincrement=False),
    Column("ticket_id", BigKey, nullable=False),
    Column("satisfied", Boolean(create_constraint=False), nullable=False),
    Column("resolved", Boolean(create_constraint=False), nullable=False),
    sqlite_with_rowid=False,
)

ticket_texts = Table(  # folded: hits are verified on it, newest first it is searched itself
    "ticket_texts",
    metadata,
    Column("ticket_id", BigKey, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
)

ticket_keys = Table(  # exact search by personal data, which is here as a keyed digest only
    "ticket_keys",
    metadata,
    Column("digest", LargeBinary(16), primary_key=True),
    Column("ticket_id", BigKey, primary_key=True, autoincrement=False),
    Column("confidential", Boolean(create_constraint=False), nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_ticket_keys_ticket_id", ticket_keys.c.ticket_id)

own_keys = Table(  # made by the store itself, once
    "own_keys",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("key", LargeBinary, nullable=False),
)
