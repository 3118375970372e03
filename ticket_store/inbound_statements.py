"""The statements of the inbound book, compiled once."""

from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from ticket_store.inbound_rows import NEVER_OFFERED
from ticket_store.metadata import BigKey
from ticket_store.models import cursors, inbound
from ticket_store.statements import Statement

_GIVEN = (
    "peer", "peer_message_no", "source", "content_type", "content", "received_at", "ticket_id",
    "offered_at", "offers", "replays",
)  # fmt: skip


class InboundStatements:
    def __init__(self, dialect: Dialect) -> None:
        # ON CONFLICT reads the same on both; only the class that builds it differs
        dialect_insert = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
        row = inbound.c
        by_key = row.message_id == bindparam("key", type_=BigKey)
        self.add = Statement(
            dialect_insert(inbound).on_conflict_do_nothing(
                index_elements=["peer", "peer_message_no"]
            ),
            dialect,
            _GIVEN,
        )
        self.find = Statement(
            select(row.message_id, row.ticket_id).where(
                row.peer == bindparam("peer_name"), row.peer_message_no == bindparam("number")
            ),
            dialect,
        )
        self.of_ticket = Statement(
            select(row.peer_message_no).where(row.ticket_id == bindparam("ticket", type_=BigKey)),
            dialect,
        )
        self.read = Statement(select(inbound).where(by_key), dialect)
        self.to_offer = Statement(
            select(inbound)
            .where(row.outcome.is_(None), row.offered_at < bindparam("before"))
            .order_by(row.offered_at, row.message_id)
            .limit(bindparam("most")),
            dialect,
        )
        self.offered = Statement(
            update(inbound)
            .where(by_key)
            .values(offered_at=bindparam("offered_now"), offers=row.offers + 1),
            dialect,
        )
        self.settle = Statement(
            update(inbound)
            .where(by_key, row.outcome.is_(None))
            .values(
                outcome=bindparam("new_outcome"),
                detail=bindparam("new_detail"),
                settled_at=bindparam("new_settled_at"),
                ticket_id=func.coalesce(
                    bindparam("new_ticket_id", type_=BigInteger), row.ticket_id
                ),
            ),
            dialect,
        )
        self.replay = Statement(
            update(inbound)
            .where(
                by_key,
                row.outcome.is_not(None),
                # without its bytes, which are in an archive, there is nothing to read again
                or_(func.length(row.content) > 0, row.outcome == literal_column("'dead'")),
            )
            .values(
                outcome=None, settled_at=None, offered_at=NEVER_OFFERED, offers=0,
                replays=row.replays + 1,
            ),
            dialect,
        )  # fmt: skip
        self.cursor = Statement(
            select(cursors.c.cursor).where(cursors.c.peer == bindparam("peer_name")), dialect
        )
        self._move_cursor = Statement(
            update(cursors)
            .where(cursors.c.peer == bindparam("peer_name"))
            .values(cursor=bindparam("position")),
            dialect,
        )
        self._new_cursor = Statement(insert(cursors), dialect, ["peer", "cursor"])

    def save_cursor(self, connection: Connection, peer: str, cursor: str) -> None:
        if not self._move_cursor.run(connection, peer_name=peer, position=cursor):
            self._new_cursor.run(connection, peer=peer, cursor=cursor)
