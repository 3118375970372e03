"""Topics and tables: declared once, documented by generation."""

from pathlib import Path

from schemas.ticket import Source
from streams.tables import TABLES
from streams.topic_docs import page
from streams.topics import EVENTS, INBOUND, TOPICS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_docs_are_those_of_the_declarations() -> None:
    assert (DOCS / "topics.md").read_text() == page()
    for spec in (*TOPICS, *TABLES):
        assert f"`{spec.name}`" in page()


def test_names_are_versioned_and_there_is_one_of_each() -> None:
    names = [spec.name for spec in TOPICS]
    assert len(set(names)) == len(names)
    assert all(name.endswith(".v1") for name in names)
    assert set(INBOUND) == set(Source) - {Source.COUNTER}


def test_tables_have_as_many_partitions_as_the_stream_that_writes_them() -> None:
    assert [table.partitions for table in TABLES] == [EVENTS.partitions]
