"""Makes a large store of a small one: every ticket copied with other numbers, by SQL.

What is copied is real (heads, events, bodies, text, words), so rows are as wide as they are in
service. The copies lie between the tickets that were there, a few seconds apart. Audit rows are
copied too, for their weight: the chain of such a store does not verify.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, insert, text

from schemas.ids import COUNT_BITS, NODE_BITS, SEQUENCE_BITS, created_at
from ticket_store import words_sqlite
from ticket_store.engine import Database
from ticket_store.models import inbox
from ticket_store.partitions import ensure_months

_TOGETHER = 100  # tickets that one transaction copies
_MILLISECOND = 1 << (NODE_BITS + COUNT_BITS)


@dataclass(frozen=True)
class _Copied:
    """A table: the column that says which ticket a row is of, and what the copy has instead.

    others: column -> expression over the old row, with {by} for the shift of ticket ids.
    """

    name: str
    key: str
    shift: int = 0
    others: tuple[tuple[str, str], ...] = ()


_HEAD = "replace(detail, CAST(ticket_id AS text), CAST(ticket_id + {by} AS text))"
_TABLES = (
    _Copied("tickets", "ticket_id", others=(("detail", _HEAD),)),
    _Copied("ticket_rows", "ticket_id"),
    _Copied("ticket_departments", "ticket_id"),
    _Copied("ticket_marks", "ticket_id"),
    _Copied("ticket_texts", "ticket_id"),
    _Copied("ticket_keys", "ticket_id"),
    _Copied("ticket_clocks", "ticket_id"),
    _Copied("events", "event_id", SEQUENCE_BITS),
    _Copied("registrations", "event_id", SEQUENCE_BITS),
    _Copied("supplements", "event_id", SEQUENCE_BITS),
    _Copied("deliveries", "event_id", SEQUENCE_BITS),
)


async def multiply(database: Database, copies: int, step: timedelta) -> int:
    """Copy every ticket `copies` times, each `step` after the one before; returns how many.

    The copies of a ticket must end before the next ticket begins: what is copied is never a copy.
    """
    ids = await database.read(
        lambda one: list(one.execute(text("SELECT ticket_id FROM tickets ORDER BY 1")).scalars())
    )
    if not ids:
        return 0
    await ensure_months(database, created_at(ids[0]), created_at(ids[-1]) + copies * step)
    by = int(step.total_seconds() * 1000) * _MILLISECOND
    await database.write(lambda one: _number(one, copies))
    for start in range(0, len(ids), _TOGETHER):
        some = ids[start : start + _TOGETHER]
        await database.write(lambda one, ids=some: _copy_all(one, ids[0], ids[-1], by))  # type: ignore[misc]  # a lambda's default
    await database.write(lambda one: one.execute(text("DROP TABLE multiplied")))
    await database.write(lambda one: one.execute(text("ANALYZE")))
    return len(ids) * copies


def _number(connection: Connection, copies: int) -> None:
    connection.execute(text("CREATE TABLE multiplied (n BIGINT PRIMARY KEY)"))
    numbers = [{"n": number} for number in range(1, copies + 1)]
    connection.execute(text("INSERT INTO multiplied VALUES (:n)"), numbers)
    connection.execute(text("ANALYZE multiplied"))


def _copy_all(connection: Connection, low: int, high: int, by: int) -> None:
    words = _words(connection, low, high, by)
    for table in _TABLES:
        _copy(connection, table, low, high, by)
    if words:
        words_sqlite.add_words(connection, words)
    else:
        _copy(connection, _Copied("ticket_words", "ticket_id"), low, high, by)
    _copy_inbox(connection, low, high, by)
    _copy_audit(connection, low, high, by)


def _copy(connection: Connection, table: _Copied, low: int, high: int, by: int) -> None:
    there = connection.execute(text(f"SELECT * FROM {table.name} LIMIT 0")).keys()  # noqa: S608  a name of ours
    instead = dict(table.others) | {table.key: f"{table.key} + n * {by << table.shift}"}
    values = [instead.get(name, f"{table.name}.{name}").format(by=f"n * {by}") for name in there]
    first, end = low << table.shift, (high + 1) << table.shift
    connection.execute(
        text(
            f"INSERT INTO {table.name} ({', '.join(there)}) SELECT {', '.join(values)}"  # noqa: S608  names and numbers of ours
            f" FROM {table.name} CROSS JOIN multiplied"
            f" WHERE {table.key} >= {first} AND {table.key} < {end}"
            f" ORDER BY {table.key} + n * {by << table.shift}"
        )
    )


def _words(connection: Connection, low: int, high: int, by: int) -> list[tuple[int, str]]:
    """What SQLite's word index must be given; PostgreSQL's rows are copied."""
    if connection.dialect.name == "postgresql":
        return []
    rows = connection.execute(
        text(
            f"SELECT ticket_id + n * {by}, text FROM ticket_texts CROSS JOIN multiplied"  # noqa: S608  numbers of ours
            f" WHERE ticket_id BETWEEN {low} AND {high} ORDER BY 1"
        )
    ).all()
    return [(row[0], row[1]) for row in rows]


def _copy_inbox(connection: Connection, low: int, high: int, by: int) -> None:
    """Command ids are time-ordered as the real ones are: the time of the copy in front."""
    rows = connection.execute(
        text(
            "SELECT command_id, ticket_id, version, made, refusal, fingerprint, n FROM inbox"  # noqa: S608  numbers of ours
            " CROSS JOIN multiplied"
            " WHERE ticket_id IN"
            f" (SELECT ticket_id FROM tickets WHERE ticket_id BETWEEN {low} AND {high})"
        )
    ).all()
    connection.execute(
        insert(inbox),
        [
            {
                "command_id": _later(row[0], row[6] * by // _MILLISECOND),
                "ticket_id": row[1] + row[6] * by, "version": row[2], "made": row[3],
                "refusal": row[4], "fingerprint": row[5],
            }
            for row in rows
        ],
    )  # fmt: skip


def _later(command_id: bytes, milliseconds: int) -> bytes:
    """The time in front moved on; the count behind it keeps copies of one moment apart."""
    return (int.from_bytes(command_id[:6], "big") + milliseconds).to_bytes(6, "big") + command_id[
        6:
    ]


def _copy_audit(connection: Connection, low: int, high: int, by: int) -> None:
    last = connection.execute(text('SELECT "rows" FROM audit_head')).scalar_one()
    copied = connection.execute(
        text(
            "INSERT INTO audit (row_no, at, actor_id, action, subject, facts, events_digest,"  # noqa: S608  numbers of ours
            f" digest) SELECT {last} + row_number() OVER (ORDER BY n, row_no), at, actor_id,"
            " action,"
            f" CAST(CAST(subject AS bigint) + n * {by} AS text), facts, events_digest, digest"
            " FROM audit CROSS JOIN multiplied WHERE events_digest IS NOT NULL AND subject IN"
            " (SELECT CAST(ticket_id AS text) FROM tickets"
            f" WHERE ticket_id BETWEEN {low} AND {high})"
        )
    ).rowcount
    connection.execute(
        text('UPDATE audit_head SET "rows" = "rows" + :more, events = events + :more'),
        {"more": copied},
    )
