"""Tables of the clocks' projection: what is due is found by an index, never by scanning.

How far a ticket's clocks are wound is `ticket_rows.clock_version`.
"""

from sqlalchemy import Boolean, Column, Index, LargeBinary, String, Table

from ticket_store.metadata import BigKey, Instant, metadata

ticket_clocks = Table(
    "ticket_clocks",
    metadata,
    Column("ticket_id", BigKey, primary_key=True, autoincrement=False),
    Column("open", Boolean(create_constraint=False), nullable=False),  # one is not stopped
    # JSON list of schemas.clocks.Clock, deflated: their arithmetic repeats itself
    Column("clocks", LargeBinary, nullable=False),
)
OPEN = ticket_clocks.c.open.is_(True)
Index(
    "ix_ticket_clocks_open",
    ticket_clocks.c.ticket_id,
    sqlite_where=OPEN,
    postgresql_where=OPEN,
)

clock_firings = Table(  # a row for each running clock that has something left to fire
    "clock_firings",
    metadata,
    Column("ticket_id", BigKey, primary_key=True, autoincrement=False),
    Column("clock_id", String(120), primary_key=True),
    Column("next_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_clock_firings_next_at", clock_firings.c.next_at)
