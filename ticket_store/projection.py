"""Keeps the reading side in step with the desk, inside the transaction that changes a ticket.

Plugged in by `desk.follow(projection.follow)`. All of it can be made anew from heads and bodies.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, bindparam, delete, insert, select

from schemas.events import CardIssued, MediationRecorded
from schemas.ticket import Registration, Ticket
from ticket_store.batch import Decided
from ticket_store.bigrams import folded
from ticket_store.marking import Marking
from ticket_store.metadata import microseconds
from ticket_store.personal_keys import PersonalKeys
from ticket_store.search_models import (
    NEVER,
    ticket_departments,
    ticket_keys,
    ticket_rows,
    ticket_texts,
    ticket_to_dos,
)
from ticket_store.statements import Statement
from ticket_store.to_dos import ToDo, shares_of, to_dos_of
from ticket_store.upsert import insert_missing, upsert
from ticket_store.word_index import put_words, texts_by_id
from ticket_store.writer import Unit

_NOT_OF_THE_HEAD = {"ticket_id", "clock_version", "cards", "due_at", "warn_at"}
_COLOURS = ("red", "yellow")  # gravest first
_NEVER = microseconds(NEVER)


@dataclass(frozen=True)
class Change:
    """What the commands of a group made of a ticket.

    before:   the head when the transaction began, None for a new ticket.
    colours:  of the cards that were issued in between.
    mediated: whether a mediation was recorded in between.
    """

    before: Ticket | None
    after: Ticket
    colours: frozenset[str] = frozenset()
    mediated: bool = False


def changes_of(decided: Iterable[Decided]) -> dict[int, Change]:
    """What a group of commands made of each ticket; refusals make nothing."""
    changes: dict[int, Change] = {}
    for one in decided:
        if one.after is None or not one.events:
            continue
        ticket_id = one.after.ticket_id
        first = changes.get(ticket_id, Change(one.before, one.after))
        carded = {r.event.colour.value for r in one.events if isinstance(r.event, CardIssued)}
        mediated = any(isinstance(r.event, MediationRecorded) for r in one.events)
        changes[ticket_id] = Change(
            first.before, one.after, first.colours | carded, first.mediated or mediated
        )
    return changes


class Projection:
    """Writes ticket_rows, ticket_departments, ticket_to_dos, ticket_texts, ticket_keys, words.

    Marks and follow-up calls are written by its Marking.
    """

    def __init__(self, dialect: Dialect, keys: PersonalKeys) -> None:
        self._keys, self._marking = keys, Marking(dialect)
        head = [name for name in ticket_rows.c.keys() if name not in _NOT_OF_THE_HEAD]  # noqa: SIM118 - a collection of columns, iterated by column
        to_do = ticket_to_dos.c
        self._put_rows = Statement(
            upsert(dialect, ticket_rows, *head), dialect, ticket_rows.c.keys()
        )
        self._put_shares = Statement(
            upsert(dialect, ticket_departments, "open"), dialect, ticket_departments.c.keys()
        )
        self._add_to_dos = Statement(
            insert_missing(dialect, ticket_to_dos), dialect, ticket_to_dos.c.keys()
        )
        self._remove_to_dos = Statement(
            delete(ticket_to_dos).where(
                to_do.ticket_id == bindparam("ticket_id"),
                to_do.to_do == bindparam("to_do"),
                to_do.department == bindparam("department"),
            ),
            dialect,
            together=True,
        )
        self._put_texts = Statement(
            upsert(dialect, ticket_texts, "text"), dialect, ticket_texts.c.keys()
        )
        self._texts = texts_by_id(dialect)
        self._remove_keys = Statement(
            delete(ticket_keys).where(ticket_keys.c.ticket_id == bindparam("ticket_id")),
            dialect,
            together=True,
        )
        self._add_keys = Statement(insert(ticket_keys), dialect, ticket_keys.c.keys())

    def follow(self, unit: Unit, decided: Sequence[Decided]) -> None:
        """A follower of the desk: everything that a group of commands changed, in order."""
        changes = changes_of(decided)
        self.heads(unit.connection, list(changes.values()))
        self.registrations(
            unit.connection,
            {one.command.ticket_id: one.registration for one in decided if one.registration},
        )
        self.supplements(
            unit.connection,
            [(one.command.ticket_id, one.supplement.text) for one in decided if one.supplement],
        )
        self._marking.calls(unit.connection, [made for one in decided for made in one.events])

    def heads(self, connection: Connection, changes: Sequence[Change]) -> None:
        """Bring rows, shares and to-dos up to date; one change a ticket."""
        self._put_rows.run_many(connection, [row_of(change.after) for change in changes])
        self._put_shares.run_many(connection, list(share_rows(changes)))
        gone: list[dict[str, Any]] = []
        new: list[dict[str, Any]] = []
        for change in changes:
            was = to_dos_of(change.before) if change.before else frozenset()
            now = to_dos_of(change.after)
            gone += to_do_rows(change.after.ticket_id, was - now)
            new += to_do_rows(change.after.ticket_id, now - was)
        self._remove_to_dos.run_many(connection, gone)
        self._add_to_dos.run_many(connection, new)
        _add_cards(connection, changes)
        self._marking.marks(connection, [(one.before, one.after, one.mediated) for one in changes])

    def registrations(self, connection: Connection, bodies: Mapping[int, Registration]) -> None:
        """Index new bodies; where the ticket had one, the earlier is no longer found."""
        if not bodies:
            return
        self._index(connection, {key: text_of(body) for key, body in bodies.items()})
        self._remove_keys.run_many(connection, [{"ticket_id": one} for one in bodies])
        self._add_keys.run_many(
            connection,
            [
                row
                for ticket_id, body in bodies.items()
                for row in key_rows(ticket_id, body, self._keys)
            ],
        )

    def supplements(self, connection: Connection, texts: Sequence[tuple[int, str]]) -> None:
        """Make the words of a supplement found with those of the matter."""
        if not texts:
            return
        whole = self._texts_of(connection, {ticket_id for ticket_id, _ in texts})
        for ticket_id, text in texts:
            whole[ticket_id] = f"{whole.get(ticket_id, '')}\n{text}"
        self._index(connection, whole)

    def _index(self, connection: Connection, texts: Mapping[int, str]) -> None:
        new = {ticket_id: folded(text) for ticket_id, text in texts.items()}
        old = self._texts_of(connection, new)
        changed = {key: text for key, text in new.items() if old.get(key) != text}
        put_words(connection, changed, {key: old[key] for key in changed if key in old})
        self._put_texts.run_many(
            connection, [{"ticket_id": key, "text": text} for key, text in changed.items()]
        )

    def _texts_of(self, connection: Connection, ticket_ids: Iterable[int]) -> dict[int, str]:
        rows = self._texts.rows(connection, sorted(ticket_ids))
        return {row.ticket_id: row.text for row in rows}


def text_of(registration: Registration) -> str:
    """What full text finds a ticket by. Name, phone and identity number are not in it."""
    matter, accused = registration.matter, registration.accused
    parts = [
        matter.title,
        matter.text,
        matter.place,
        registration.source_ticket_no,
        registration.call_no,
        accused and accused.name,
        accused and accused.uscc,
        accused and accused.address,
    ]
    return "\n".join(part for part in parts if part)


def to_do_rows(ticket_id: int, pairs: Iterable[tuple[ToDo, str]]) -> Iterable[dict[str, Any]]:
    return [
        {
            "ticket_id": ticket_id,
            "to_do": to_do.value,
            "department": department,
            "due_at": _NEVER,  # until its clock is wound
        }
        for to_do, department in sorted(pairs)
    ]


def key_rows(ticket_id: int, body: Registration, keys: PersonalKeys) -> Iterable[dict[str, Any]]:
    """By what the citizen is found."""
    if body.citizen is None:
        return []
    return [
        {"digest": digest, "ticket_id": ticket_id, "confidential": body.citizen.confidential}
        for digest in sorted(keys.of_citizen(body.citizen))
    ]


def row_of(ticket: Ticket) -> dict[str, Any]:
    return {
        "ticket_id": ticket.ticket_id,
        "version": ticket.version,
        "clock_version": 0,
        "state": ticket.state.value,
        "matter_kind": ticket.matter_kind.value,
        "urgency": ticket.urgency.value,
        "source": ticket.source.value,
        "peer": ticket.peer,
        "source_ticket_no": ticket.source_ticket_no,
        "category_code": ticket.category_code,
        "area_code": ticket.area_code,
        "title": ticket.title,
        "departments": " ".join(ticket.departments),
        "cards": "",
        "received_at": microseconds(ticket.received_at),
        "updated_at": microseconds(ticket.updated_at),
        "due_at": _NEVER,
        "warn_at": _NEVER,
    }


def share_rows(changes: Iterable[Change]) -> Iterable[dict[str, Any]]:
    for change in changes:
        had = shares_of(change.before) if change.before else {}
        for department, held in shares_of(change.after).items():
            if had.get(department) is not held:
                yield {
                    "ticket_id": change.after.ticket_id,
                    "department": department,
                    "open": held,
                }


def _add_cards(connection: Connection, changes: Iterable[Change]) -> None:
    carded = {change.after.ticket_id: change.colours for change in changes if change.colours}
    if not carded:
        return
    row = ticket_rows.c
    held = connection.execute(
        select(row.ticket_id, row.cards).where(row.ticket_id.in_(list(carded)))
    ).all()
    for ticket_id, cards in held:
        all_of_it = carded[ticket_id] | set(cards.split())
        connection.execute(
            ticket_rows.update().where(row.ticket_id == ticket_id).values(cards=cards_of(all_of_it))
        )


def cards_of(colours: Collection[str]) -> str:
    """Gravest first."""
    return " ".join(colour for colour in _COLOURS if colour in colours)
