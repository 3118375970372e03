"""The log file's tables and how to connect to it."""

import sqlite3
from pathlib import Path

VERSION = 1

_TABLES = """
CREATE TABLE topic (
    name TEXT PRIMARY KEY,
    compacting INTEGER NOT NULL,
    deleting INTEGER NOT NULL,
    retention_ms INTEGER,
    retention_bytes INTEGER
) WITHOUT ROWID;
CREATE TABLE part (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL REFERENCES topic (name),
    number INTEGER NOT NULL,
    UNIQUE (topic, number)
);
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    key BLOB,
    value BLOB,
    headers TEXT
);
CREATE TABLE usage (
    part INTEGER PRIMARY KEY,
    records INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE TABLE committed (
    consumer TEXT NOT NULL,
    part INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (consumer, part)
) WITHOUT ROWID;
"""


class LogNotUnderstood(RuntimeError):
    """The file is not a log of ours, or one of a newer version. Point the URL elsewhere."""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a connection that may travel between threads; transactions are spelled out.

    Raises:  sqlite3.OperationalError if there is no such file to read.
    """
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10.0
    )
    connection.execute("PRAGMA temp_store = FILE")  # compaction sorts keys; keep them off the heap
    return connection


def prepare(connection: sqlite3.Connection, synchronous: str) -> None:
    """Set the durability and create the tables in a new file; raise LogNotUnderstood otherwise."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version not in {0, VERSION} or (version == 0 and tables):
        raise LogNotUnderstood(f"not an embedded log of version {VERSION} (found {version})")
    if not tables:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # works before the first table only
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: fewer, longer pauses
    connection.execute("PRAGMA journal_size_limit = 67108864")
    if not tables:
        connection.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {VERSION};COMMIT;")
