"""Intakes -> the store: registered once, later versions noted, acts carried out, rows settled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import faust

from schemas.commands import Command
from schemas.errors import (
    AlreadyRegistered,
    CommandRefused,
    PayloadNotUnderstood,
    TransitionRefused,
    UnknownTicket,
)
from schemas.intake import Intake, IntakeKind
from streams import acts
from streams.acts import Cause
from streams.batches import Taken, as_it_is, in_batches, key_by_key
from streams.dead_letters import DeadLetters
from streams.deps import StreamDeps
from streams.records import IntakeRecord
from streams.waiting import when_free
from ticket_store.inbound import MessageOutcome

_FRESH_IDS = 5
_STALE = "peer_update_stale"
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)  # clocks that differ, not fortune telling
# Of a message with several acts the one that a person should see first.
_GRAVEST_FIRST = (
    MessageOutcome.REFUSED,
    MessageOutcome.REGISTERED,
    MessageOutcome.APPLIED,
    MessageOutcome.STALE,
    MessageOutcome.DUPLICATE,
    MessageOutcome.UNCHANGED,
    MessageOutcome.ECHO,
)


@dataclass(frozen=True)
class Result:
    outcome: MessageOutcome
    ticket_id: int | None = None
    detail: str = ""


class Register:
    """Carries out the acts of messages. Safe to repeat: see streams/acts.py."""

    def __init__(self, deps: StreamDeps, dead_letters: DeadLetters) -> None:
        self._deps, self._dead = deps, dead_letters

    async def batch(self, batch: Sequence[Taken[None]]) -> None:
        """Tickets side by side, so that the store can group; the acts on one ticket in order."""
        await key_by_key(batch, self._one)

    async def _one(self, event: Any) -> None:
        message_id = None
        try:
            record = IntakeRecord.model_validate_json(event.value)
            message_id = record.message_id
            result = await when_free(lambda: self.carried_out(record))
            if result is not None:
                await when_free(lambda: self._settle(record, result))
        except Exception as error:  # noqa: BLE001 - one bad message must not stop the rest
            await self._dead.of_message(event, error, message_id)

    async def _settle(self, record: IntakeRecord, result: Result) -> None:
        await self._deps.store.inbound.settle(
            record.message_id, result.outcome, ticket_id=result.ticket_id, detail=result.detail
        )

    async def carried_out(self, record: IntakeRecord) -> Result | None:
        """What became of the message; None while it waits for its ticket to be registered.

        Raises: UnknownTicket when it has waited longer than the patience allows.
        """
        results: list[Result] = []
        for number, intake in enumerate(record.intakes):
            connector = self._deps.connectors[intake.peer]
            cause = Cause(record.message_id, record.kept_at, number, connector.source)
            try:
                results.append(await self._intake(intake, cause))
            except UnknownTicket:
                if self._deps.now() - record.kept_at > timedelta(
                    seconds=self._deps.timing.patience
                ):
                    raise
                return None  # the row stays without outcome, so a sweep offers it again
        return min(results, key=lambda result: _GRAVEST_FIRST.index(result.outcome))

    async def _intake(self, intake: Intake, cause: Cause) -> Result:
        if intake.kind is IntakeKind.ECHO:
            return Result(MessageOutcome.ECHO)
        _check_times(intake, cause)
        known = await self._known(intake)
        if intake.kind in (IntakeKind.NEW, IntakeKind.DRAFT):
            return await self._registered(intake, cause, known)
        if known is None:
            raise UnknownTicket(f"{intake.peer} has no ticket {intake.source_ticket_no}")
        command = acts.act(intake, cause, known, self._deps.now())
        return await self._applied(command, MessageOutcome.APPLIED)

    async def _known(self, intake: Intake) -> int | None:
        """Our id of the ticket, if it exists."""
        tickets = self._deps.store.tickets
        if intake.source_ticket_no is not None:
            found = await tickets.by_source_no(intake.peer, intake.source_ticket_no)
            if found is not None:
                return found
        if intake.ticket_id is not None and await tickets.head(intake.ticket_id) is not None:
            return intake.ticket_id
        return None

    async def _registered(self, intake: Intake, cause: Cause, known: int | None) -> Result:
        if known is not None:
            return await self._updated(intake, cause, known)
        try:
            return await self._first_time(intake, cause)
        except AlreadyRegistered as refusal:  # another message was quicker
            return await self._updated(intake, cause, int(refusal.facts["ticket_id"]))

    async def _first_time(self, intake: Intake, cause: Cause) -> Result:
        deps = self._deps
        for attempt in range(_FRESH_IDS):
            ticket_id = intake.ticket_id or deps.ids.next()
            command = acts.register(intake, cause, ticket_id, deps.now(), attempt)
            try:
                outcome = await deps.store.desk.execute(command)
            except TransitionRefused:  # the id is taken: the clock was set back over a restart
                if intake.ticket_id is not None:
                    raise
            else:
                return Result(MessageOutcome.REGISTERED, outcome.ticket_id)
        raise TransitionRefused(f"{_FRESH_IDS} fresh ticket ids were taken", code="ids_taken")

    async def _updated(self, intake: Intake, cause: Cause, known: int) -> Result:
        registration = await self._deps.store.tickets.registration(known)
        command = acts.update(intake, cause, known, self._deps.now(), registration)
        if command is not None and intake.kind is IntakeKind.NEW:
            result = await self._applied(command, MessageOutcome.APPLIED)
            if result.outcome is not MessageOutcome.STALE:
                return result
        return await self._seen_before(intake, cause, known)

    async def _seen_before(self, intake: Intake, cause: Cause, known: int) -> Result:
        """No newer than what is known. Perhaps it was this very message that registered it, before
        a crash: then its command is in the inbox, and the desk answers with the first outcome."""
        try:
            return await self._first_time(intake, cause)
        except (AlreadyRegistered, TransitionRefused):
            ticket = await self._deps.store.tickets.head(known)
        newest = ticket.peer_updated_at if ticket else None
        older = (
            newest is not None
            and intake.peer_updated_at is not None
            and intake.peer_updated_at < newest
        )
        return Result(MessageOutcome.STALE if older else MessageOutcome.DUPLICATE, known)

    async def _applied(self, command: Command, done: MessageOutcome) -> Result:
        try:
            outcome = await self._deps.store.desk.execute(command)
        except UnknownTicket:
            raise
        except CommandRefused as refusal:
            stale = refusal.code == _STALE
            return Result(
                MessageOutcome.STALE if stale else MessageOutcome.REFUSED,
                command.ticket_id,
                f"{refusal.code}: {refusal.detail}",
            )
        return Result(done if outcome.events else MessageOutcome.UNCHANGED, outcome.ticket_id)


def _check_times(intake: Intake, cause: Cause) -> None:
    """Raises: PayloadNotUnderstood for times that no working clock shows.

    From before the hub's age no deadline can be counted; an update from far ahead would make
    every later one of its ticket look old.
    """
    times = [one for one in (intake.peer_updated_at,) if one is not None]
    if any(one > cause.at + _AHEAD for one in times):
        raise PayloadNotUnderstood(intake.peer, "its time of update is more than a day ahead")
    if intake.registration is not None:
        times.append(intake.registration.received_at)
    if any(one < _EARLIEST for one in times):
        raise PayloadNotUnderstood(intake.peer, "a time of it is before the year 2000")


def attach(app: faust.App, topic: Any, dead_letters: DeadLetters, deps: StreamDeps) -> None:
    register = Register(deps, dead_letters)
    part = deps.progress.part("register")

    async def register_intakes(stream: Any) -> None:
        """Register tickets once and carry out what peers and citizens do to them."""
        await in_batches(stream, as_it_is, register.batch, part)

    app.agent(topic, name="register", concurrency=1)(register_intakes)
