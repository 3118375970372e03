"""The word index: which tickets have all words of a query. Each database has its own kind."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Dialect, select

from ticket_store import words_postgresql, words_sqlite
from ticket_store.bigrams import Query
from ticket_store.search_models import ticket_texts
from ticket_store.statements import Lookup, numbered


def texts_by_id(dialect: Dialect) -> Lookup:
    """What is indexed of tickets: rows of ticket_id and text."""
    text = ticket_texts.c
    return Lookup(
        dialect,
        lambda places: select(text.ticket_id, text.text).where(
            text.ticket_id.in_(numbered(places))
        ),
    )


def put_words(connection: Connection, texts: Mapping[int, str], earlier: Mapping[int, str]) -> None:
    """Index texts in the transaction that stores them; `earlier` is what was indexed of the same.

    Both as `bigrams.folded` gives them.
    """
    if connection.dialect.name == "sqlite":
        words_sqlite.remove_words(connection, earlier.items())
        words_sqlite.add_words(connection, texts.items())
    else:
        words_postgresql.add_words(connection, texts.items())


def put_new_words(connection: Connection, words: Sequence[tuple[int, str]]) -> None:
    """Index tickets that were not there before; their words as `bigrams.words_of` gives them."""
    if connection.dialect.name == "sqlite":
        words_sqlite.add_rows(connection, words)
    else:
        words_postgresql.add_rows(connection, words)


def find_words(connection: Connection, query: Query, low: int, high: int, limit: int) -> list[int]:
    """Ticket ids with all terms of `query`, low <= id < high, newest first, at most `limit`."""
    if connection.dialect.name == "sqlite":
        return words_sqlite.find_words(connection, query, low, high, limit)
    return list(words_postgresql.find_words(connection, query, low, high, limit))
