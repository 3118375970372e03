"""Tables of the people who use the hub, their sessions, and the tokens of programs."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from ticket_store.metadata import BigKey, Instant, metadata

users = Table(
    "users",
    metadata,
    Column("user_name", String(40), primary_key=True),  # never given to another person
    Column("display_name", String(60), nullable=False),
    Column("roles", String(200), nullable=False),  # space between
    Column("department", String(64)),
    Column("password_hash", Text, nullable=False),  # argon2id, with its parameters
    Column("password_set_at", Instant, nullable=False),
    Column("must_change", Boolean(create_constraint=False), nullable=False),
    Column("active", Boolean(create_constraint=False), nullable=False),
    Column("failures", Integer, nullable=False),  # wrong passwords since the last right one
    Column("locked_until", Instant),
    Column("created_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),  # SHA-256 of what the cookie holds
    Column("user_name", String(40), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_sessions_user_name", sessions.c.user_name)
Index("ix_sessions_seen_at", sessions.c.seen_at)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_id", BigKey, primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False),
    Column("name", String(80), nullable=False),
    Column("roles", String(200), nullable=False),
    Column("department", String(64)),
    Column("created_by", String(80), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)
Index("uq_api_tokens_token_hash", api_tokens.c.token_hash, unique=True)
