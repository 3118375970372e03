"""The word index on PostgreSQL: a tsvector a ticket under GIN, words as `bigrams` makes them.

The words are lexemes already; no dictionary or parser of the server has a say in them.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, Connection, Integer, Text, bindparam, text

from ticket_store.bigrams import Query, words_of

_ADD = text(
    "INSERT INTO ticket_words (ticket_id, words)"
    " VALUES (:ticket_id, array_to_tsvector(string_to_array(:words, ' ')))"
    " ON CONFLICT (ticket_id) DO UPDATE SET words = excluded.words"
).bindparams(bindparam("ticket_id", type_=BigInteger), bindparam("words", type_=Text))
_ADD_MANY = (
    "INSERT INTO ticket_words (ticket_id, words)"
    " SELECT key, array_to_tsvector(string_to_array(list, ' '))"
    " FROM unnest($1::bigint[], $2::text[]) AS new (key, list)"
)
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


def add_words(connection: Connection, texts: Iterable[tuple[int, str]]) -> None:
    """Index texts; the words of an earlier text of the same ticket are replaced."""
    rows = [{"ticket_id": key, "words": words_of(content)} for key, content in texts]
    if rows:
        connection.execute(_ADD, rows)


def add_rows(connection: Connection, words: Sequence[tuple[int, str]]) -> None:
    """Index new tickets by words that `bigrams.words_of` gave, in one statement."""
    if words:
        keys, lists = zip(*words, strict=True)
        connection.exec_driver_sql(_ADD_MANY, (list(keys), list(lists)))


def find_words(
    connection: Connection, query: Query, low: int, high: int, limit: int
) -> Sequence[int]:
    """Ticket ids with all terms of `query`, low <= id < high, newest first, at most `limit`."""
    if not query.terms or low >= high:
        return []
    terms = " & ".join(f"'{term.word}'{':*' if term.prefix else ''}" for term in query.terms)
    values = {"terms": terms, "low": low, "high": high, "most": limit}
    return connection.execute(_FIND, values).scalars().all()
