"""The system of record: one transaction a command, SQLAlchemy async."""
