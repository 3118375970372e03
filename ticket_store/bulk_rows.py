"""A whole ticket's rows at once, for history that is written in bulk. Pure.

The rows are built by those who build them for the desk and the projection: what the desk would have
written for the same commands, but nothing that is owed for them (outbox, deliveries), and without
the fingerprints of the commands.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Table

from schemas.clocks import Clock
from schemas.ticket import Registration
from ticket_store.batch import Decided, SourceNumber
from ticket_store.bigrams import folded, words_of_folded
from ticket_store.clock_models import clock_firings, ticket_clocks
from ticket_store.clocks import due_of, firing_rows, first_times, held_row, in_order
from ticket_store.desk_rows import Rows
from ticket_store.marking import call_rows, mark_rows
from ticket_store.marks import Mark, marks_of
from ticket_store.metadata import microseconds
from ticket_store.models import (
    events,
    inbox,
    registrations,
    source_numbers,
    supplements,
    tickets,
)
from ticket_store.personal_keys import PersonalKeys
from ticket_store.projection import (
    Change,
    cards_of,
    changes_of,
    key_rows,
    row_of,
    share_rows,
    text_of,
    to_do_rows,
)
from ticket_store.rows import head_row
from ticket_store.search_models import (
    follow_ups,
    ticket_departments,
    ticket_keys,
    ticket_marks,
    ticket_rows,
    ticket_texts,
    ticket_to_dos,
)
from ticket_store.to_dos import ToDo, to_dos_of

TABLES: tuple[Table, ...] = (
    tickets,
    events,
    registrations,
    supplements,
    source_numbers,
    inbox,
    ticket_rows,
    ticket_departments,
    ticket_to_dos,
    ticket_marks,
    follow_ups,
    ticket_texts,
    ticket_keys,
    ticket_clocks,
    clock_firings,
)
_VALUES: tuple[tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]], ...] = tuple(
    (table.name, itemgetter(*table.columns.keys())) for table in TABLES
)


class BulkTicket(NamedTuple):
    """Plain values, made to travel between processes.

    numbers: under which it is known, the one that makes it a repeat first.
    rows:    of each of TABLES, as tuples of all its columns.
    words:   for the word index.
    audit:   the fields of an AuditEntry a command.
    """

    ticket_id: int
    numbers: tuple[SourceNumber, ...]
    rows: tuple[list[tuple[Any, ...]], ...]
    words: str
    audit: list[tuple[Any, ...]]


def bulk_ticket(
    decided: Sequence[Decided],
    unproposed_since: int | None,
    keys: PersonalKeys,
    *,
    clocks: Iterable[Clock] = (),
    also_known_as: Sequence[SourceNumber] = (),
) -> BulkTicket:
    """The rows of one new ticket.

    decided:          all its commands, from the one that makes it on; none refused.
    unproposed_since: as `batch.Known` has it after them; microseconds.
    clocks:           wound to its last event; without any, its clocks are taken for wound, too.
    also_known_as:    more numbers that are its own, first in line.
    """
    rows = Rows()
    for one in decided:
        rows.add(one, None)  # nobody can bring such a command again and ask for something else
    (change,) = changes_of(decided).values()
    head, ticket_id = change.after, change.after.ticket_id
    numbers = [*also_known_as, *(one.source_number for one in decided if one.source_number)]
    text = _text(decided)
    body = next(one.registration for one in reversed(decided) if one.registration)
    marks = marks_of(head) | ({Mark.MEDIATED} if change.mediated else set())
    made: dict[str, Sequence[dict[str, Any]]] = {
        "tickets": [head_row(head, unproposed_since)],
        "events": rows.events,
        "registrations": rows.registrations,
        "supplements": rows.supplements,
        "source_numbers": [
            {"peer": peer, "source_ticket_no": number, "ticket_id": ticket_id}
            for peer, number in numbers
        ],
        "inbox": rows.inbox,
        "ticket_marks": mark_rows(head, marks),
        "follow_ups": call_rows([made for one in decided for made in one.events]),
        "ticket_texts": [{"ticket_id": ticket_id, "text": text}],
        "ticket_keys": list(key_rows(ticket_id, body, keys)),
    } | _reading(change, in_order(clocks))
    return BulkTicket(
        ticket_id,
        tuple(numbers),
        tuple(
            [values_of(row) for row in made[table]] if made[table] else []
            for table, values_of in _VALUES
        ),
        words_of_folded(text),
        [
            (one.actor_id, one.action, one.subject, one.facts, one.events, one.events_digest)
            for one in rows.audit
        ],
    )


def _reading(change: Change, clocks: Sequence[Clock]) -> dict[str, Sequence[dict[str, Any]]]:
    """What the projection and the clocks' book make of a new ticket."""
    head = change.after
    first_due, first_warning = first_times(clocks)
    row = row_of(head) | {
        "cards": cards_of(change.colours),
        "clock_version": head.version,
        "due_at": first_due,
        "warn_at": first_warning,
    }
    to_dos = [
        one | {"due_at": microseconds(due_of(ToDo(one["to_do"]), one["department"], clocks))}
        for one in to_do_rows(head.ticket_id, to_dos_of(head))
    ]
    return {
        "ticket_rows": [row],
        "ticket_departments": list(share_rows([Change(None, head)])),
        "ticket_to_dos": to_dos,
        "ticket_clocks": [held_row(head.ticket_id, clocks)] if clocks else [],
        "clock_firings": firing_rows(head.ticket_id, clocks),
    }


def _text(decided: Iterable[Decided]) -> str:
    """What is indexed: the newest body with the supplements after it."""
    text = ""
    for one in decided:
        if isinstance(one.registration, Registration):
            text = folded(text_of(one.registration))
        if one.supplement is not None:
            text = folded(f"{text}\n{one.supplement.text}")
    return text
