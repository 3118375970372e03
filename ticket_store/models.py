"""The core tables: what one command's transaction writes, and what came in from peers."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from ticket_store.metadata import BigKey, Instant, metadata

# One row a ticket: what decisions need. `detail` is the whole head as JSON.
tickets = Table(
    "tickets",
    metadata,
    Column("ticket_id", BigKey, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("state", String(24), nullable=False),
    Column("updated_at", Instant, nullable=False),
    # set while the ticket is accepted and no proposal has been made: found by a small index
    Column("unproposed_since", Instant),
    Column("detail", Text, nullable=False),
)
_waits_for_proposal = tickets.c.unproposed_since.is_not(None)
Index(
    "ix_tickets_unproposed",
    tickets.c.unproposed_since,
    sqlite_where=_waits_for_proposal,
    postgresql_where=_waits_for_proposal,
)

# Append-only. event_id = ticket_id << 10 | sequence, so a ticket's history is one key range.
events = Table(
    "events",
    metadata,
    Column("event_id", BigKey, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("command_id", LargeBinary(16), nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),  # the event without what is its default
)

# Personal data lives here only, under the id of the event that brought it.
registrations = Table(
    "registrations",
    metadata,
    Column("event_id", BigKey, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)
supplements = Table(
    "supplements",
    metadata,
    Column("event_id", BigKey, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

# Which command ids have had their effect, and which. `version` is the ticket's after it; the
# command made the last `made` events up to there. A refusal is kept in its own words.
inbox = Table(
    "inbox",
    metadata,
    Column("command_id", LargeBinary(16), primary_key=True),
    Column("ticket_id", BigKey, nullable=False),
    Column("version", Integer, nullable=False),
    Column("made", Integer, nullable=False),
    Column("refusal", Text),
    Column("fingerprint", LargeBinary(16)),  # of what was asked; of early commands not known
    sqlite_with_rowid=False,
)

# A peer's ticket number is typed once: `peer` is the settings entry, else the name of the source.
source_numbers = Table(
    "source_numbers",
    metadata,
    Column("peer", String(64), primary_key=True),
    Column("source_ticket_no", String(80), primary_key=True),
    Column("ticket_id", BigKey, nullable=False),
    sqlite_with_rowid=False,
)

# Events that the relay has not put on the topic yet, in commit order.
outbox = Table(
    "outbox",
    metadata,
    Column("position", BigKey, primary_key=True),
    Column("event_id", BigKey, nullable=False),
)
Index("uq_outbox_event_id", outbox.c.event_id, unique=True)

# What is owed to peers. A row has a time to be tried at only while it is its turn: the oldest
# unsettled one of its ticket and destination. While it is being tried, that time is the end of
# the lease, and the state says that nobody knows yet.
deliveries = Table(
    "deliveries",
    metadata,
    Column("event_id", BigKey, primary_key=True, autoincrement=False),
    Column("destination", String(64), primary_key=True),
    Column("state", String(12), nullable=False),
    Column("in_doubt", Boolean(create_constraint=False), nullable=False),  # ask before a resend
    Column("attempts", Integer, nullable=False),
    Column("replays", Integer, nullable=False),
    Column("next_try_at", Instant),
    Column("holder", String(64)),
    Column("first_tried_at", Instant),
    Column("settled_at", Instant),
    Column("peer_code", String(64)),
    Column("peer_answer", Text),
    Column("detail", Text),
    sqlite_with_rowid=False,
)
_has_turn = deliveries.c.next_try_at.is_not(None)
Index(
    "ix_deliveries_due",
    deliveries.c.destination,
    deliveries.c.next_try_at,
    sqlite_where=_has_turn,
    postgresql_where=_has_turn,
)
_undelivered = deliveries.c.state != "delivered"
Index(
    "ix_deliveries_undelivered",
    deliveries.c.state,
    deliveries.c.destination,
    sqlite_where=_undelivered,
    postgresql_where=_undelivered,
)

# Destinations whose credentials were refused: nothing is sent until a person has mended them.
holds = Table(
    "delivery_holds",
    metadata,
    Column("destination", String(64), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("detail", Text, nullable=False),
)

# What peers sent, untouched, and what became of it.
inbound = Table(
    "inbound",
    metadata,
    Column("message_id", BigKey, primary_key=True),
    Column("peer", String(64), nullable=False),
    Column("peer_message_no", Text, nullable=False),
    Column("source", String(24), nullable=False),
    Column("content_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("ticket_id", BigKey),
    Column("offered_at", Instant, nullable=False),  # to the topic, last time; 1970: never
    Column("offers", Integer, nullable=False),
    Column("outcome", String(12)),
    Column("detail", Text),
    Column("settled_at", Instant),
    Column("replays", Integer, nullable=False),
)
Index("uq_inbound_message", inbound.c.peer, inbound.c.peer_message_no, unique=True)
_unsettled = inbound.c.outcome.is_(None)
Index(
    "ix_inbound_unsettled",
    inbound.c.offered_at,
    inbound.c.message_id,
    sqlite_where=_unsettled,
    postgresql_where=_unsettled,
)
_settled = inbound.c.outcome.is_not(None)  # else SQLite takes this index for the sweep, and sorts
Index(
    "ix_inbound_outcome",
    inbound.c.outcome,
    inbound.c.message_id,
    sqlite_where=_settled,
    postgresql_where=_settled,
)
Index("ix_inbound_peer", inbound.c.peer, inbound.c.message_id)
Index("ix_inbound_ticket", inbound.c.ticket_id)

# How far each polled peer has been read.
cursors = Table(
    "cursors",
    metadata,
    Column("peer", String(64), primary_key=True),
    Column("cursor", Text, nullable=False),
)

# The hash chain: each digest covers the row and the digest before it.
audit = Table(
    "audit",
    metadata,
    Column("row_no", BigKey, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor_id", String(80), nullable=False),
    Column("action", String(48), nullable=False),
    Column("subject", String(120), nullable=False),
    Column("facts", Text, nullable=False),
    Column("events_digest", LargeBinary(32)),  # of the event rows that the command made
    Column("digest", LargeBinary(32), nullable=False),
)
Index("ix_audit_actor_id", audit.c.actor_id, audit.c.row_no)
Index("ix_audit_subject", audit.c.subject, audit.c.row_no)

audit_head = Table(
    "audit_head",
    metadata,
    Column("head_id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("rows", BigKey, nullable=False),
    Column("events", BigKey, nullable=False),  # that the chain has covered
    Column("digest", LargeBinary(32), nullable=False),
)
