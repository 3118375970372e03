"""The word index on SQLite: one slim FTS5 table a month, rows found newest first.

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
_NEWEST = (
    "SELECT * FROM (SELECT rowid FROM {table} WHERE {table} MATCH ? AND rowid >= ? AND rowid < ?"
    " ORDER BY rowid DESC LIMIT ?)"
)
_MOST_TOGETHER = 64  # tables in one statement: a statement costs more than a table without hits


def add_words(connection: Connection, texts: Iterable[tuple[int, str]]) -> None:
    """Index texts that are not indexed yet; call it in the transaction that stores them."""
    add_rows(connection, [(ticket_id, words_of(text)) for ticket_id, text in texts])


def add_rows(connection: Connection, words: Iterable[tuple[int, str]]) -> None:
    """The same of words that `bigrams.words_of` gave."""
    for month, rows in _by_month(words).items():
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
    words = [(ticket_id, words_of(text)) for ticket_id, text in texts]
    for month, rows in _by_month(words).items():
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
    tables = [
        table
        for table in connection.exec_driver_sql(_MONTHS).scalars()
        if low < _bounds(table)[1] and high > _bounds(table)[0]
    ]
    found: list[int] = []
    together = 1  # most words have their newest page in the newest months
    while tables and len(found) < limit:
        asked, tables = tables[:together], tables[together:]
        together = min(together * 4, _MOST_TOGETHER)
        values = (expression, low, high, limit - len(found))
        text = " UNION ALL ".join(_NEWEST.format(table=table) for table in asked)
        found += sorted(connection.exec_driver_sql(text, values * len(asked)).scalars())[::-1]
    return found[:limit]


def _by_month(rows: Iterable[tuple[int, str]]) -> dict[str, list[tuple[int, str]]]:
    months: dict[str, list[tuple[int, str]]] = {}
    for row in rows:
        months.setdefault(f"{created_at(row[0]):%y%m}", []).append(row)
    return months


def _bounds(table: str) -> Sequence[int]:
    """The first id of a table's month (yymm, UTC) and of the month after."""
    month = table.removeprefix(_PREFIX)
    year, number = 2000 + int(month[:2]), int(month[2:])
    after = (year + 1, 1) if number == 12 else (year, number + 1)  # noqa: PLR2004 - December
    return [first_id_at(datetime(*first, 1, tzinfo=UTC)) for first in ((year, number), after)]
