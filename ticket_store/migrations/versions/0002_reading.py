"""The reading side: rows and shares, to-dos, text, clocks, people, calendar years, attachments."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# written out here, not imported from the models: a migration stays as it was when they change
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Micros = sa.BigInteger()
_Flag = sa.Boolean(create_constraint=False)
_NEVER = 253402214400000000


def upgrade() -> None:
    _rows()
    _texts()
    _clocks()
    _people()
    _calendars_and_attachments()


def _rows() -> None:
    op.create_table(
        "ticket_rows",
        sa.Column("ticket_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("clock_version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("matter_kind", sa.String(16), nullable=False),
        sa.Column("urgency", sa.String(12), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("peer", sa.String(64)),
        sa.Column("source_ticket_no", sa.String(80)),
        sa.Column("category_code", sa.String(64)),
        sa.Column("area_code", sa.String(6)),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("departments", sa.Text, nullable=False),
        sa.Column("cards", sa.String(12), nullable=False),
        sa.Column("received_at", _Micros, nullable=False),
        sa.Column("updated_at", _Micros, nullable=False),
        sa.Column("due_at", _Micros, nullable=False),
        sa.Column("warn_at", _Micros, nullable=False),
    )
    op.create_index("ix_ticket_rows_state", "ticket_rows", ["state", "ticket_id"])
    op.create_index("ix_ticket_rows_area_code", "ticket_rows", ["area_code", "ticket_id"])
    _partial_index("ix_ticket_rows_due_at", "ticket_rows", ["due_at", "ticket_id"],
                   f"due_at < {_NEVER}")  # fmt: skip
    _partial_index("ix_ticket_rows_clocks_behind", "ticket_rows", ["updated_at"],
                   "clock_version < version")  # fmt: skip
    op.create_table(
        "ticket_departments",
        sa.Column("department", sa.String(64), primary_key=True),
        sa.Column("ticket_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("open", _Flag, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ticket_to_dos",
        sa.Column("ticket_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("to_do", sa.String(24), primary_key=True),
        sa.Column("department", sa.String(64), primary_key=True),
        sa.Column("due_at", _Micros, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_ticket_to_dos_list", "ticket_to_dos", ["to_do", "department", "due_at", "ticket_id"]
    )


def _texts() -> None:
    op.create_table(
        "ticket_texts",
        sa.Column("ticket_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "ticket_keys",
        sa.Column("digest", sa.LargeBinary(16), primary_key=True),
        sa.Column("ticket_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("confidential", _Flag, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ticket_keys_ticket_id", "ticket_keys", ["ticket_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE ticket_words (ticket_id BIGINT PRIMARY KEY, words TSVECTOR)")
        op.execute(
            "CREATE INDEX ix_ticket_words_words ON ticket_words USING gin (words)"
            " WITH (gin_pending_list_limit = 512)"
        )
    op.create_table(
        "own_keys",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("key", sa.LargeBinary, nullable=False),
    )


def _clocks() -> None:
    op.create_table(
        "ticket_clocks",
        sa.Column("ticket_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("open_clocks", sa.Integer, nullable=False),
        sa.Column("clocks", sa.LargeBinary, nullable=False),
    )
    _partial_index("ix_ticket_clocks_open", "ticket_clocks", ["ticket_id"], "open_clocks > 0")
    op.create_table(
        "clock_firings",
        sa.Column("ticket_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("clock_id", sa.String(120), primary_key=True),
        sa.Column("next_at", _Micros, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_clock_firings_next_at", "clock_firings", ["next_at"])


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("user_name", sa.String(40), primary_key=True),
        sa.Column("display_name", sa.String(60), nullable=False),
        sa.Column("roles", sa.String(200), nullable=False),
        sa.Column("department", sa.String(64)),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("password_set_at", _Micros, nullable=False),
        sa.Column("must_change", _Flag, nullable=False),
        sa.Column("active", _Flag, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", _Micros),
        sa.Column("created_at", _Micros, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("user_name", sa.String(40), nullable=False),
        sa.Column("created_at", _Micros, nullable=False),
        sa.Column("seen_at", _Micros, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sessions_user_name", "sessions", ["user_name"])
    op.create_index("ix_sessions_seen_at", "sessions", ["seen_at"])
    op.create_table(
        "api_tokens",
        sa.Column("token_id", _Id, primary_key=True),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("roles", sa.String(200), nullable=False),
        sa.Column("department", sa.String(64)),
        sa.Column("created_by", sa.String(80), nullable=False),
        sa.Column("created_at", _Micros, nullable=False),
        sa.Column("expires_at", _Micros, nullable=False),
        sa.Column("revoked_at", _Micros),
    )
    op.create_index("uq_api_tokens_token_hash", "api_tokens", ["token_hash"], unique=True)


def _calendars_and_attachments() -> None:
    op.create_table(
        "calendar_years",
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("imported_by", sa.String(80), nullable=False),
        sa.Column("imported_at", _Micros, nullable=False),
    )
    op.create_table(
        "attachments",
        sa.Column("attachment_id", sa.String(32), primary_key=True),
        sa.Column("ticket_id", _Id, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("content_type", sa.String(100), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("added_by", sa.String(80), nullable=False),
        sa.Column("added_at", _Micros, nullable=False),
    )
    op.create_index("ix_attachments_ticket_id", "attachments", ["ticket_id", "added_at"])


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
