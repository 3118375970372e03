"""The table of calendar years; an import adds a version, earlier ones stay to be shown."""

from sqlalchemy import Column, Integer, String, Table, Text

from ticket_store.metadata import Instant, metadata

calendar_years = Table(
    "calendar_years",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),  # schemas.calendar_year.CalendarYear as JSON
    Column("imported_by", String(80), nullable=False),
    Column("imported_at", Instant, nullable=False),
)
