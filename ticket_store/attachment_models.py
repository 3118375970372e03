"""The table of attachments; the bytes are files, named by their digest."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from ticket_store.metadata import BigKey, Instant, metadata

attachments = Table(
    "attachments",
    metadata,
    Column("attachment_id", String(32), primary_key=True),
    Column("ticket_id", BigKey, nullable=False),
    Column("name", String(120), nullable=False),
    Column("content_type", String(100), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("added_by", String(80), nullable=False),
    Column("added_at", Instant, nullable=False),
)
Index("ix_attachments_ticket_id", attachments.c.ticket_id, attachments.c.added_at)
