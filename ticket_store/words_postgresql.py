"""The word index on PostgreSQL: a tsvector a ticket under GIN, words as `bigrams` makes them.

The words are lexemes already; no dictionary or parser of the server has a say in them. The table
has a partition a month (`partitions.py`): an index of one month stays small, and a search begins
with the newest month and asks for more only while its page is not full.
"""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import ARRAY, BigInteger, Connection, Integer, Text, bindparam, text

from ticket_store.bigrams import Query, words_of
from ticket_store.months import Month

_ADD = text(
    "INSERT INTO ticket_words (ticket_id, words)"
    " SELECT id, array_to_tsvector(string_to_array(line, ' '))"
    " FROM unnest(:ids, :lines) AS given (id, line)"
    " ON CONFLICT (ticket_id) DO UPDATE SET words = excluded.words"
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)), bindparam("lines", type_=ARRAY(Text)))
# OFFSET 0 fences: else the planner may walk the key and test every ticket for the words
_FIND = text(
    "SELECT ticket_id FROM (SELECT ticket_id FROM ticket_words"
    " WHERE words @@ CAST(CAST(:terms AS text) AS tsquery)"
    " AND ticket_id >= :low AND ticket_id < :high OFFSET 0) AS hits"
    " ORDER BY ticket_id DESC LIMIT :most"
).bindparams(
    bindparam("terms", type_=Text),
    bindparam("low", type_=BigInteger),
    bindparam("high", type_=BigInteger),
    bindparam("most", type_=Integer),
)

# of the rows, whose table is one: the same question to the partitions would open them all
_EDGES = text("SELECT min(ticket_id), max(ticket_id) FROM ticket_rows")
_SHORT = Month(2025, 2).first_id  # ids of a month, of which there are 31 days
_GROWTH = 4


def add_words(connection: Connection, texts: Iterable[tuple[int, str]]) -> None:
    """Index texts; the words of an earlier text of the same ticket are replaced."""
    add_rows(connection, [(ticket_id, words_of(content)) for ticket_id, content in texts])


def add_rows(connection: Connection, words: Sequence[tuple[int, str]]) -> None:
    """Index words that `bigrams.words_of` gave, each ticket once, in one statement."""
    if words:
        keys, lines = zip(*words, strict=True)
        connection.execute(_ADD, {"ids": list(keys), "lines": list(lines)})


def find_words(
    connection: Connection, query: Query, low: int, high: int, limit: int
) -> Sequence[int]:
    """Ticket ids with all terms of `query`, low <= id < high, newest first, at most `limit`."""
    if not query.terms or low >= high:
        return []
    terms = " & ".join(f"'{term.word}'{':*' if term.prefix else ''}" for term in query.terms)
    found: list[int] = []
    for first, end in _spans(connection, low, high):
        values = {"terms": terms, "low": first, "high": end, "most": limit - len(found)}
        found += connection.execute(_FIND, values).scalars()
        if len(found) >= limit:
            break
    return found


def _spans(connection: Connection, low: int, high: int) -> Iterator[tuple[int, int]]:
    """low <= id < high in whole months from the newest ticket on: one, then four times as many."""
    if high - low <= _SHORT:
        yield low, high
        return
    oldest, newest = connection.execute(_EDGES).one()
    if newest is None:
        return
    high, low = min(high, newest + 1), max(low, oldest)
    together = 1
    while low < high:
        first = max(low, Month.of_ticket(high - 1).plus(1 - together).first_id)
        yield first, high
        high, together = first, together * _GROWTH
