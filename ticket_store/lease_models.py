"""Who holds what only one process may do at a time."""

from sqlalchemy import BigInteger, Column, String, Table

from ticket_store.metadata import metadata

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("beat", BigInteger, nullable=False),
)
