"""Tables of the clocks' projection: what is due is found by an index, never by scanning.

How far a ticket's clocks are wound is `ticket_rows.clock_version`.
"""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, literal

from ticket_store.metadata import BigKey, Instant, metadata

ticket_clocks = Table(
    "ticket_clocks",
    metadata,
    Column("ticket_id", BigKey, primary_key=True, autoincrement=False),
    Column("open_clocks", Integer, nullable=False),  # those not stopped
    # JSON list of schemas.clocks.Clock, deflated: their arithmetic repeats itself
    Column("clocks", LargeBinary, nullable=False),
)
# written out as a number, as in search_models
OPEN = ticket_clocks.c.open_clocks > literal(0, Integer, literal_execute=True)
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
