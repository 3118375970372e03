"""docs/topics.md, made from the declarations; a test compares the two."""

from collections.abc import Iterable
from datetime import timedelta

from streams.tables import TABLES
from streams.topics import TOPICS

_INTRO = """# Topics and tables

Generated from `streams/topics.py` and `streams/tables.py` by `streams.topic_docs.page()`; do not
edit. Records may repeat and may be lost with a broker's disk: rows in the store are the truth, and
sweeps (`streams/sweeps.py`) offer again whatever has had no outcome for a while.

- Values are UTF-8 JSON. An unknown field is refused, so a new form gets a new version: `….v2`.
- A body is never in a topic; `message_id` names its row.
- An act on a ticket that nobody has registered yet waits without an outcome, and is offered again,
  for `Timing.patience` seconds (ten minutes); then it is a dead letter. An act that its ticket does
  not allow now, such as a rating before the follow-up, is refused at once.
- What cannot be processed becomes a dead letter with its reason, and its row says so too.
"""


def page() -> str:
    topics = _table(
        ("topic", "key", "value", "written by", "read by", "partitions", "kept"),
        (
            (
                f"`{spec.name}`", spec.key, spec.value, spec.written_by, spec.read_by,
                str(spec.partitions), _days(spec.retention),
            )
            for spec in TOPICS
        ),
    )  # fmt: skip
    tables = _table(
        ("table", "key", "value", "written by", "read by", "partitions", "changelog"),
        (
            (
                f"`{spec.name}`", spec.key, spec.value, spec.written_by, spec.read_by,
                str(spec.partitions), f"`sutong-{spec.name}-changelog`, compacted",
            )
            for spec in TABLES
        ),
    )  # fmt: skip
    return f"{_INTRO}\n## Topics\n\n{topics}\n## Tables\n\n{tables}"


def _days(length: timedelta) -> str:
    return f"{length.days} day{'s' if length.days > 1 else ''}"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
