"""The core: tickets and their events, inbox, outbox, deliveries, inbound messages, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# written out here, not imported from the models: a migration stays as it was when they change
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Micros = sa.BigInteger()


def upgrade() -> None:
    _tickets()
    _what_is_owed()
    _inbound()
    _audit()


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("ticket_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("updated_at", _Micros, nullable=False),
        sa.Column("unproposed_since", _Micros),
        sa.Column("detail", sa.Text, nullable=False),
    )
    _partial_index("ix_tickets_unproposed", "tickets", ["unproposed_since"],
                   "unproposed_since IS NOT NULL")  # fmt: skip
    op.create_table(
        "events",
        sa.Column("event_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("at", _Micros, nullable=False),
        sa.Column("command_id", sa.LargeBinary(16), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    for name in ("registrations", "supplements"):
        op.create_table(
            name,
            sa.Column("event_id", _Id, primary_key=True, autoincrement=False),
            sa.Column("body", sa.Text, nullable=False),
        )
    op.create_table(
        "inbox",
        sa.Column("command_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("ticket_id", _Id, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("made", sa.Integer, nullable=False),
        sa.Column("refusal", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "source_numbers",
        sa.Column("peer", sa.String(64), primary_key=True),
        sa.Column("source_ticket_no", sa.String(80), primary_key=True),
        sa.Column("ticket_id", _Id, nullable=False),
        sqlite_with_rowid=False,
    )


def _what_is_owed() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", _Id, primary_key=True),
        sa.Column("event_id", _Id, nullable=False),
    )
    op.create_index("uq_outbox_event_id", "outbox", ["event_id"], unique=True)
    op.create_table(
        "deliveries",
        sa.Column("event_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("destination", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("in_doubt", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("replays", sa.Integer, nullable=False),
        sa.Column("next_try_at", _Micros),
        sa.Column("holder", sa.String(64)),
        sa.Column("first_tried_at", _Micros),
        sa.Column("settled_at", _Micros),
        sa.Column("peer_code", sa.String(64)),
        sa.Column("peer_answer", sa.Text),
        sa.Column("detail", sa.Text),
        sqlite_with_rowid=False,
    )
    _partial_index("ix_deliveries_due", "deliveries", ["destination", "next_try_at"],
                   "next_try_at IS NOT NULL")  # fmt: skip
    _partial_index("ix_deliveries_undelivered", "deliveries", ["state", "destination"],
                   "state != 'delivered'")  # fmt: skip
    op.create_table(
        "delivery_holds",
        sa.Column("destination", sa.String(64), primary_key=True),
        sa.Column("since", _Micros, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )


def _inbound() -> None:
    op.create_table(
        "inbound",
        sa.Column("message_id", _Id, primary_key=True),
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("peer_message_no", sa.Text, nullable=False),
        sa.Column("source", sa.String(24), nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("received_at", _Micros, nullable=False),
        sa.Column("ticket_id", _Id),
        sa.Column("offered_at", _Micros, nullable=False),
        sa.Column("offers", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(12)),
        sa.Column("detail", sa.Text),
        sa.Column("settled_at", _Micros),
        sa.Column("replays", sa.Integer, nullable=False),
    )
    op.create_index("uq_inbound_message", "inbound", ["peer", "peer_message_no"], unique=True)
    _partial_index("ix_inbound_outcome", "inbound", ["outcome", "message_id"],
                   "outcome IS NOT NULL")  # fmt: skip
    op.create_index("ix_inbound_peer", "inbound", ["peer", "message_id"])
    op.create_index("ix_inbound_ticket", "inbound", ["ticket_id"])
    _partial_index("ix_inbound_unsettled", "inbound", ["offered_at", "message_id"],
                   "outcome IS NULL")  # fmt: skip
    op.create_table(
        "cursors",
        sa.Column("peer", sa.String(64), primary_key=True),
        sa.Column("cursor", sa.Text, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("row_no", _Id, primary_key=True, autoincrement=False),
        sa.Column("at", _Micros, nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("action", sa.String(48), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("events_digest", sa.LargeBinary(32)),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("head_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rows", _Id, nullable=False),
        sa.Column("events", _Id, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
    )
    op.bulk_insert(head, [{"head_id": 1, "rows": 0, "events": 0, "digest": b"\0" * 32}])


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
