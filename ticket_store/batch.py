"""Decides the commands of one group in order, each on the heads that the ones before it left.

Pure: what the store knows is handed in and evolves in memory; nothing is read or written here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC

from schemas import commands as cmd
from schemas import events as ev
from schemas.decide import apply, decide, event_time
from schemas.errors import AlreadyRegistered, CommandRefused, RuleBroken
from schemas.events import Recorded
from schemas.rules import Rules
from schemas.ticket import HandlingMode, Registration, State, Ticket
from ticket_store.metadata import microseconds
from ticket_store.rows import SupplementBody

SourceNumber = tuple[str, str]  # peer (or source), source_ticket_no


@dataclass(frozen=True)
class Decided:
    """One command and what it came to. A refusal has no events; so may a command that is done.

    heads: the ticket after each event, beside `events`.
    registration: the new body, if there is one; the first event brings it.
    """

    command: cmd.Command
    before: Ticket | None
    after: Ticket | None
    events: tuple[Recorded, ...] = ()
    heads: tuple[Ticket, ...] = ()
    refusal: CommandRefused | None = None
    registration: Registration | None = None
    supplement: SupplementBody | None = None
    source_number: SourceNumber | None = None  # not known before


@dataclass
class Known:
    """What the store knew of the tickets of a group, and what the group makes of it."""

    heads: dict[int, Ticket] = field(default_factory=dict)
    unproposed: dict[int, int | None] = field(default_factory=dict)  # microseconds
    numbers: dict[SourceNumber, int] = field(default_factory=dict)
    registrations: dict[int, Registration] = field(default_factory=dict)


def source_number(registration: Registration) -> SourceNumber | None:
    """Under what a peer's number is unique; typed in by hand, the source stands for the peer."""
    if registration.source_ticket_no is None:
        return None
    return registration.peer or registration.source.value, registration.source_ticket_no


def decide_next(command: cmd.Command, known: Known, rules: Rules) -> Decided:
    """Decide one command and move `known` on.

    Raises: whatever is no refusal (a fault of ours), with `known` untouched.
    """
    before = known.heads.get(command.ticket_id)
    try:
        events = decide(before, command, rules)
        number = _check_number(command, known)
        _check_merge(command, known)
    except CommandRefused as refusal:
        return Decided(command, before, before, refusal=refusal)
    if not events:
        return Decided(command, before, before)

    at = event_time(before, command).astimezone(UTC)
    ticket, heads, recorded = before, [], []
    for event in events:
        ticket = apply(ticket, (event,), command.ticket_id, at)
        heads.append(ticket)
        recorded.append(
            Recorded(
                ticket_id=command.ticket_id,
                sequence=ticket.version,
                at=at,
                actor=command.actor,
                command_id=command.command_id,
                event=event,
            )
        )
    registration, supplement = _bodies(command, events, known)
    decided = Decided(
        command=command,
        before=before,
        after=ticket,
        events=tuple(recorded),
        heads=tuple(heads),
        registration=registration,
        supplement=supplement,
        source_number=number,
    )
    _move_on(known, decided)
    return decided


def _check_number(command: cmd.Command, known: Known) -> SourceNumber | None:
    """The peer's number that this command makes known, if it is new."""
    if not isinstance(command, cmd.SaveDraft | cmd.RegisterTicket):
        return None
    number = source_number(command.registration)
    if number is None:
        return None
    holder = known.numbers.get(number)
    if holder is None:
        return number
    if holder != command.ticket_id:
        raise AlreadyRegistered(
            f"{number[1]} of {number[0]} is ticket {holder}", ticket_id=str(holder)
        )
    return None


def _check_merge(command: cmd.Command, known: Known) -> None:
    if isinstance(command, cmd.MergeTicket) and command.into not in known.heads:
        raise RuleBroken(
            f"no ticket {command.into} to merge into", code="merge_unknown", into=str(command.into)
        )


def _bodies(
    command: cmd.Command, events: tuple[ev.Event, ...], known: Known
) -> tuple[Registration | None, SupplementBody | None]:
    match command:
        case cmd.SaveDraft() | cmd.RegisterTicket():
            return command.registration, None
        case cmd.NotePeerUpdate():
            return command.registration, None
        case cmd.AmendTicket():
            return amended(known.registrations[command.ticket_id], command), None
        case cmd.SupplementMatter():
            body = SupplementBody(text=command.text, attachments=command.attachments)
            return None, body
        case _:
            return None, None


def amended(registration: Registration, command: cmd.AmendTicket) -> Registration:
    """The registration with what the command names; what it leaves out stays."""
    given = {
        "matter": command.matter, "citizen": command.citizen, "accused": command.accused,
    }  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None}
    return registration.model_copy(update=changes)


def _move_on(known: Known, decided: Decided) -> None:
    ticket_id, after = decided.command.ticket_id, decided.after
    if after is None:
        return
    known.unproposed[ticket_id] = _unproposed_since(known.unproposed, decided, after)
    known.heads[ticket_id] = after
    if decided.registration is not None:
        known.registrations[ticket_id] = decided.registration
    if decided.source_number is not None:
        known.numbers[decided.source_number] = ticket_id


def _unproposed_since(
    known: Mapping[int, int | None], decided: Decided, after: Ticket
) -> int | None:
    """Since when the ticket waits for a proposal: accepted, to be dispatched, none made yet."""
    if after.state is not State.ACCEPTED or after.handling_mode is not HandlingMode.DISPATCH:
        return None
    if any(isinstance(one.event, ev.ProposalMade) for one in decided.events):
        return None
    if decided.before is not None and decided.before.state is State.ACCEPTED:
        return known.get(after.ticket_id)
    return microseconds(after.updated_at)
