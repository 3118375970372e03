"""The desk executes commands: inbox, decision, events, head, deliveries, outbox, audit at once.

A command's effect is one transaction, shared with the other commands of its group. A repeated
command id gets its first outcome, a refusal in the same words.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import Connection

from schemas.commands import AmendTicket, Command, MergeTicket, RegisterTicket, SaveDraft
from schemas.errors import CommandRefused
from schemas.events import Recorded
from schemas.ids import event_id
from schemas.rules import Rules
from schemas.ticket import Ticket
from ticket_store.batch import Decided, Known, decide_next, source_number
from ticket_store.desk_rows import Rows
from ticket_store.desk_statements import DeskStatements
from ticket_store.engine import Database
from ticket_store.fingerprints import fingerprint
from ticket_store.history import head_at, read_range
from ticket_store.metadata import microseconds
from ticket_store.rows import head_row, read_refusal
from ticket_store.writer import Turn, Unit, Writer

log = structlog.get_logger(__name__)
Owes = Callable[[Ticket, Recorded], Sequence[str]]
Follower = Callable[[Unit, Sequence[Decided]], None]
Listener = Callable[[Sequence["Outcome"]], None]


@dataclass(frozen=True)
class Outcome:
    """What a command came to. ticket: the head after it; events: those that it made.

    owed: destinations that have a delivery because of it; not told again when it is repeated.
    fingerprint: what the first command with the id asked for; None when it is not known any more.
    """

    command_id: UUID
    ticket_id: int
    ticket: Ticket | None
    events: tuple[Recorded, ...]
    repeated: bool = False
    owed: frozenset[str] = frozenset()
    fingerprint: bytes | None = None


class Desk:
    """Where a ticket changes, and nowhere else."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        *,
        rules: Rules,
        owes: Owes,
        now: Callable[[], datetime],
    ) -> None:
        """owes: the destinations that an event is owed to, given the head after it."""
        self._writer, self._rules, self._owes, self._now = writer, rules, owes, now
        self._sql = DeskStatements(database.dialect)
        self._followers: list[Follower] = []
        self._listeners: list[Listener] = []

    def follow(self, follower: Follower) -> None:
        """Have `follower` write what it derives from changes, in the same transaction."""
        self._followers.append(follower)

    def on_commit(self, listener: Listener) -> None:
        """Call `listener` with each new outcome that has events, once it is durable.

        Only a hint within this process (wake the relay, refresh a page): after a crash, or for
        what another process committed, nobody is called.
        """
        self._listeners.append(listener)

    async def execute(self, command: Command) -> Outcome:
        """Do `command` once. A repeat is known by its id alone; see `fingerprint` for the rest.

        Raises: CommandRefused (its kinds), the same for every repeat; StoreBusy, when nothing is
        known to have happened: repeat with the same id.
        """
        result = await self._writer.submit(self.execute_group, command, Turn.DESK)
        if isinstance(result, CommandRefused):
            raise result.again()
        if result.events and not result.repeated:
            self._tell(result)
        return result

    def _tell(self, outcome: Outcome) -> None:
        for listener in self._listeners:
            try:
                listener((outcome,))
            except Exception:  # what is done is done, whether or not somebody can be told
                log.exception("listener failed", ticket_id=outcome.ticket_id)

    def execute_group(
        self, unit: Unit, commands: Sequence[Command]
    ) -> list[Outcome | CommandRefused]:
        """Decide and write a group's commands; not durable before the unit is committed."""
        results = self._repeated(unit.connection, commands)
        fresh = [command for command in commands if command.command_id not in results]
        known = self._known(unit.connection, fresh)
        decided: dict[UUID, Decided] = {}
        for command in fresh:
            if command.command_id not in decided:  # twice in one group is a repeat, too
                decided[command.command_id] = decide_next(command, known, self._rules)
        asked = {key: fingerprint(one.command) for key, one in decided.items()}
        owed = self._write(unit, list(decided.values()), known, asked)
        answers: list[Outcome | CommandRefused] = []
        for command in commands:
            key = command.command_id
            if key in results:
                answers.append(results[key])
                continue
            answers.append(answer := _outcome(decided[key], owed[key], asked[key]))
            if isinstance(answer, CommandRefused):
                results[key] = answer.again(asked[key])
            else:
                results[key] = replace(answer, repeated=True, owed=frozenset())
        return answers

    def _repeated(
        self, connection: Connection, commands: Sequence[Command]
    ) -> dict[UUID, Outcome | CommandRefused]:
        """The first outcomes of those commands that were executed before."""
        found: dict[UUID, Outcome | CommandRefused] = {}
        keys = {command.command_id.bytes for command in commands}
        for row in self._sql.inbox.rows(connection, sorted(keys)):
            command_id = UUID(bytes=bytes(row.command_id))
            asked = None if row.fingerprint is None else bytes(row.fingerprint)
            if row.refusal is not None:
                found[command_id] = read_refusal(row.refusal).again(asked)
                continue
            history = read_range(connection, self._sql.history, row.ticket_id, row.version)
            found[command_id] = Outcome(
                command_id,
                row.ticket_id,
                head_at(history),
                tuple(history[len(history) - row.made :]),
                repeated=True,
                fingerprint=asked,
            )
        return found

    def _known(self, connection: Connection, commands: Sequence[Command]) -> Known:
        """What the store knows of the tickets that `commands` name, read within the transaction."""
        known = Known()
        tickets = {command.ticket_id for command in commands}
        tickets |= {command.into for command in commands if isinstance(command, MergeTicket)}
        for row in self._sql.heads.rows(connection, sorted(tickets)):
            known.heads[row.ticket_id] = Ticket.model_validate_json(row.detail)
            known.unproposed[row.ticket_id] = row.unproposed_since
        numbers = {
            number
            for command in commands
            if isinstance(command, SaveDraft | RegisterTicket)
            and (number := source_number(command.registration)) is not None
        }
        for row in self._sql.numbers.rows(connection, sorted(numbers)):
            known.numbers[row.peer, row.source_ticket_no] = row.ticket_id
        for ticket_id in {one.ticket_id for one in commands if isinstance(one, AmendTicket)}:
            body = self._sql.latest_registration(connection, ticket_id)
            if body is not None:
                known.registrations[ticket_id] = body
        return known

    def _write(
        self,
        unit: Unit,
        decided: Sequence[Decided],
        known: Known,
        asked: Mapping[UUID, bytes],
    ) -> dict[UUID, frozenset[str]]:
        """Write all rows, a statement a table; returns who is owed something by which command.

        asked: the commands' fingerprints.
        """
        rows = Rows()
        for one in decided:
            rows.add(one, asked[one.command.command_id])
        now = microseconds(self._now())
        changed = [one for one in decided if one.events]
        owed = {one.command.command_id: list(self._owed(one)) for one in decided}
        created = {one.command.ticket_id for one in changed if one.before is None}
        touched = {one.command.ticket_id for one in changed}
        heads = {
            ticket_id: head_row(known.heads[ticket_id], known.unproposed[ticket_id])
            for ticket_id in sorted(touched)
        }
        sql, connection = self._sql, unit.connection
        sql.add_heads.run_many(connection, [heads[one] for one in sorted(created)])
        sql.change_heads.run_many(
            connection,
            [
                {f"new_{name}": value for name, value in row.items()}
                for ticket_id, row in heads.items()
                if ticket_id not in created
            ],
        )
        sql.add_events.run_many(connection, rows.events)
        sql.add_registrations.run_many(connection, rows.registrations)
        sql.add_supplements.run_many(connection, rows.supplements)
        # two processes that write the same keys wait for each other in one order, never in a ring
        numbers = sorted(rows.numbers, key=lambda row: (row["peer"], row["source_ticket_no"]))
        sql.add_numbers.run_many(connection, numbers)
        sql.add_inbox.run_many(connection, sorted(rows.inbox, key=lambda row: row["command_id"]))
        sql.add_outbox.run_many(connection, rows.outbox)
        sql.add_deliveries(connection, [row for rows_of in owed.values() for row in rows_of], now)
        for follower in self._followers:
            if changed:
                follower(unit, changed)
        unit.audit += rows.audit
        return {key: frozenset(peer for _, peer in rows_of) for key, rows_of in owed.items()}

    def _owed(self, one: Decided) -> Iterable[tuple[int, str]]:
        for recorded, head in zip(one.events, one.heads, strict=True):
            for destination in dict.fromkeys(self._owes(head, recorded)):
                yield event_id(recorded.ticket_id, recorded.sequence), destination


def _outcome(one: Decided, owed: frozenset[str], asked: bytes) -> Outcome | CommandRefused:
    if one.refusal is not None:
        return one.refusal
    command = one.command
    return Outcome(
        command.command_id,
        command.ticket_id,
        one.after,
        one.events,
        owed=owed,
        fingerprint=asked,
    )
