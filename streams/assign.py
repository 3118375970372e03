"""Accepted tickets -> routing proposal -> dispatch by machine, or a person chooses."""

import asyncio
from collections.abc import Sequence
from typing import Any

import faust
import structlog

from schemas import commands as cmd
from schemas import events as ev
from schemas.errors import CommandRefused
from schemas.ids import derived_command_id
from schemas.parties import Actor, Role
from schemas.proposal import Proposal
from schemas.ticket import HandlingMode, State, Ticket
from streams.batches import Taken, as_it_is, in_batches, key_by_key
from streams.dead_letters import DeadLetters
from streams.deps import StreamDeps
from streams.waiting import when_free

log = structlog.get_logger(__name__)

ROUTING = Actor(actor_id="machine:routing", roles=frozenset({Role.MACHINE}))
_ACCEPTING = (ev.TicketAccepted, ev.DeclineRefused)
_BACK_AT_THE_DESK = (ev.SendBackGranted, ev.ReworkOrdered)


def wants_proposal(event: ev.Event) -> bool:
    """Whether the event brings a ticket to the dispatch desk."""
    return event.state is State.ACCEPTED and isinstance(event, (*_ACCEPTING, *_BACK_AT_THE_DESK))


def may_dispatch(event: ev.Event, ticket: Ticket) -> bool:
    """The machine dispatches what was just accepted, once; what came back is for a person."""
    return (
        isinstance(event, _ACCEPTING)
        and ticket.handling_mode is HandlingMode.DISPATCH
        and ticket.round == 0
    )


def commands_for(
    recorded: ev.Recorded, proposal: Proposal, ticket: Ticket
) -> tuple[cmd.Command, ...]:
    """Propose, and dispatch to the first candidate if the proposal and the ticket allow it."""
    common = {"ticket_id": recorded.ticket_id, "actor": ROUTING, "at": recorded.at}

    def command_id(act: str) -> Any:
        return derived_command_id(recorded.at, act, recorded.ticket_id, recorded.sequence)

    propose = cmd.Propose.model_validate(
        {**common, "command_id": command_id("propose"), "proposal": proposal}
    )
    if not (proposal.dispatch and proposal.candidates and may_dispatch(recorded.event, ticket)):
        return (propose,)
    dispatch = cmd.DispatchTicket.model_validate(
        {
            **common,
            "command_id": command_id("dispatch"),
            "departments": (proposal.candidates[0].department,),
        }
    )
    return (propose, dispatch)


class Assign:
    def __init__(self, deps: StreamDeps, dead_letters: DeadLetters) -> None:
        self._deps, self._dead = deps, dead_letters

    async def batch(self, batch: Sequence[Taken[None]]) -> None:
        await key_by_key(batch, self._one)

    async def _one(self, event: Any) -> None:
        ticket_id = None
        try:
            recorded = ev.Recorded.model_validate_json(event.value)
            ticket_id = recorded.ticket_id
            if wants_proposal(recorded.event):
                await when_free(lambda: self.propose(recorded))
        except Exception as error:  # noqa: BLE001 - one bad ticket must not stop the rest
            await self._dead.of_ticket(event, error, ticket_id)

    async def propose(self, recorded: ev.Recorded) -> None:
        """Propose for the ticket if it still waits; that it moved on meanwhile is normal."""
        store = self._deps.store
        ticket = await store.tickets.head(recorded.ticket_id)
        if ticket is None or ticket.state is not State.ACCEPTED:
            return
        registration = await store.tickets.registration(recorded.ticket_id)
        if registration is None:
            return
        proposal = await asyncio.to_thread(self._deps.proposer.propose, registration, ticket)
        for command in commands_for(recorded, proposal, ticket):
            try:
                await store.desk.execute(command)
            except CommandRefused as refusal:
                log.info("not proposed", ticket_id=recorded.ticket_id, code=refusal.code)
                return


def attach(app: faust.App, topic: Any, dead_letters: DeadLetters, deps: StreamDeps) -> None:
    assign = Assign(deps, dead_letters)
    part = deps.progress.part("assign")

    async def assign_tickets(stream: Any) -> None:
        """Propose departments for accepted tickets; dispatch what routing is sure of."""
        await in_batches(stream, as_it_is, assign.batch, part)

    app.agent(topic, name="assign", concurrency=1)(assign_tickets)
