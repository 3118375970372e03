"""Lines of a file -> tickets as rows of every table; what worker processes do. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from hub.old_tickets.row import OldTicket, RowRefused
from hub.old_tickets.way import commands_of
from schemas.clock_running import ClockPolicy
from schemas.clocks import Clock
from schemas.errors import CommandRefused, places_of
from schemas.ids import past_id
from schemas.rules import Rules
from schemas.ticket import ENDED
from schemas.winding import rebuild
from ticket_store.batch import Decided, Known, decide_next
from ticket_store.bulk_rows import BulkTicket, bulk_ticket
from ticket_store.personal_keys import PersonalKeys

_FORMAT = "mend the row as docs/import.md says"


class Line(NamedTuple):
    """A line of a file. attempt: how often its ticket's id was taken by another."""

    file: str
    number: int
    content: bytes
    attempt: int = 0


class Refused(NamedTuple):
    """Why a line is no ticket, and what to do; without personal data."""

    line: Line
    detail: str
    remedy: str


class Prepared(NamedTuple):
    line: Line
    ticket: BulkTicket


@dataclass(frozen=True)
class Terms:
    """What the preparing depends on; made to travel.

    system:      name of the older system; tickets are known by it and their number.
    departments: codes to which a ticket that is still open may belong.
    peers:       settings entries.
    policy:      for the clocks of open tickets.
    now:         when the import began.
    """

    system: str
    personal_key: bytes
    departments: frozenset[str]
    peers: frozenset[str]
    policy: ClockPolicy
    now: datetime


class Preparer:
    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._keys = PersonalKeys(terms.personal_key)
        self._today = Rules(knows_department=terms.departments.__contains__)
        self._past = Rules()  # who handled it then may be gone

    def prepare(self, lines: Sequence[Line]) -> list[Prepared | Refused]:
        return [self._prepared(line) for line in lines]

    def _prepared(self, line: Line) -> Prepared | Refused:
        try:
            row = OldTicket.model_validate_json(line.content)
            return Prepared(line, self._ticket(row, line.attempt))
        except ValidationError as error:
            return Refused(line, places_of(error), _FORMAT)
        except RowRefused as error:
            return Refused(line, f"{error.detail} [{error.code}]", error.remedy)
        except CommandRefused as error:
            return Refused(
                line, f"{error.detail} [{error.code}]", _REMEDIES.get(error.code, _FORMAT)
            )

    def _ticket(self, row: OldTicket, attempt: int) -> BulkTicket:
        terms = self._terms
        if row.peer is not None and row.peer not in terms.peers:
            raise RowRefused(
                "peer is no entry of the settings", "name one, or leave peer out", "peer_unknown"
            )
        own = (terms.system, row.number)
        ticket_id = past_id(row.received_at, "\x1f".join(own), attempt)
        rules = self._past if row.state in ENDED else self._today
        known = Known()
        decided = [
            decide_next(command, known, rules)
            for command in commands_of(row, terms.system, ticket_id, terms.now)
        ]
        for one in decided:
            if one.refusal is not None:
                raise one.refusal
        head = known.heads[ticket_id]
        if head.state is not row.state:
            raise AssertionError(f"the way to {row.state} led to {head.state}")
        return bulk_ticket(
            decided,
            known.unproposed[ticket_id],
            self._keys,
            clocks=() if head.state in ENDED else self._clocks(decided),
            also_known_as=[own] if row.peer else (),
        )

    def _clocks(self, decided: Sequence[Decided]) -> tuple[Clock, ...]:
        history = [recorded for one in decided for recorded in one.events]
        sheet = rebuild(history, self._terms.policy)
        return sheet.clocks if sheet else ()


_REMEDIES = {
    "department_unknown": "an open ticket needs a department of today: name its code",
    "transition_refused": "leave out what came after the end, or correct the state",
}
