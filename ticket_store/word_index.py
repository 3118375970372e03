"""The full-text index on SQLite: one slim FTS5 table a month, rows found newest first.

Contentless, without positions and sizes: it says which tickets hold a word, nothing else. A month's
table is made with its first ticket; small tables keep the cost of merging flat as the store grows.
The database is asked for the months it has, so a month rolled back is simply not there.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from schemas.ids import created_at, first_id_at
from ticket_store.bigrams import Query, words_of

_PREFIX = "ticket_words_"
_MONTHS = (
    "SELECT name FROM sqlite_master WHERE type = 'table'"
    " AND name GLOB 'ticket_words_[0-9][0-9][0-9][0-9]' ORDER BY name DESC"
)


def add_words(connection: Connection, texts: Iterable[tuple[int, str]]) -> None:
    """Index texts that are not indexed yet; call it in the transaction that stores them."""
    for month, rows in _by_month(texts).items():
        table = f"{_PREFIX}{month}"
        connection.exec_driver_sql(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {table} USING fts5(words, content='', detail=none,"
            " columnsize=0, tokenize='unicode61 remove_diacritics 0')"
        )
        connection.exec_driver_sql(
            f"INSERT INTO {table} (rowid, words) VALUES (?, ?)",  # noqa: S608 - the name is ours
            rows,
        )


def remove_words(connection: Connection, texts: Iterable[tuple[int, str]]) -> None:
    """Take texts out again; they must be the very ones that were added."""
    for month, rows in _by_month(texts).items():
        table = f"{_PREFIX}{month}"
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({table}, rowid, words) VALUES ('delete', ?, ?)",  # noqa: S608 - the name is ours
            rows,
        )


def find_words(connection: Connection, query: Query, low: int, high: int, limit: int) -> list[int]:
    """Ticket ids with all terms of `query`, low <= id < high, newest first, at most `limit`."""
    if not query.terms or low >= high:
        return []
    expression = " AND ".join(
        f'"{term.word}"*' if term.prefix else f'"{term.word}"' for term in query.terms
    )
    found: list[int] = []
    for table in connection.exec_driver_sql(_MONTHS).scalars():
        month_low, month_high = _bounds(table.removeprefix(_PREFIX))
        if month_high <= low or month_low >= high:
            continue
        found += connection.exec_driver_sql(
            f"SELECT rowid FROM {table} WHERE {table} MATCH ? AND rowid >= ? AND rowid < ?"  # noqa: S608 - the name is ours
            " ORDER BY rowid DESC LIMIT ?",
            (expression, low, high, limit - len(found)),
        ).scalars()
        if len(found) >= limit:
            break
    return found


def _by_month(texts: Iterable[tuple[int, str]]) -> dict[str, list[tuple[int, str]]]:
    months: dict[str, list[tuple[int, str]]] = {}
    for ticket_id, text in texts:
        months.setdefault(f"{created_at(ticket_id):%y%m}", []).append((ticket_id, words_of(text)))
    return months


def _bounds(month: str) -> Sequence[int]:
    """The first id of a month (yymm, UTC) and of the month after."""
    year, number = 2000 + int(month[:2]), int(month[2:])
    after = (year + 1, 1) if number == 12 else (year, number + 1)  # noqa: PLR2004 - December
    return [first_id_at(datetime(*first, 1, tzinfo=UTC)) for first in ((year, number), after)]
