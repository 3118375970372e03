"""The import of history: rows of an older system become tickets (docs/import.md)."""
