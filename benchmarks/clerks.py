"""`sutong run` or `worker` with clerks inside who do the people's part at once.

`python -m benchmarks.clerks run|worker`

For benchmarks that ask how fast messages, events and deliveries go through, not how fast people
are: each ticket is taken through its states by commands at the desk, as the console gives them.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

from benchmarks.command_ids import fresh_command_id
from hub.assembly import Hub, build
from hub.logs import set_up
from hub.memory import settle
from hub.settings import load
from hub.web import running_health, running_web
from hub.worker import running_worker
from schemas import commands as cmd
from schemas.errors import CommandRefused
from schemas.matter import MatterKind
from schemas.parties import Actor, Role
from schemas.ticket import State, Ticket
from streams.waiting import when_free
from ticket_store.desk import Outcome

_CENTRE = Actor(
    actor_id="benchmark:centre",
    roles=frozenset({Role.OPERATOR, Role.DISPATCHER, Role.REVIEWER, Role.LEADER}),
)


class Clerks:
    """Takes up each ticket when a command of it has been committed in this process."""

    def __init__(self, hub: Hub, at_once: int = 64) -> None:
        self._hub, self._room = hub, asyncio.Semaphore(at_once)
        self._departments = [one.code for one in hub.catalogue.departments()]
        self._tasks: set[asyncio.Task[None]] = set()
        self._steps: Mapping[State, Callable[[Ticket], cmd.Command]] = {
            State.RECEIVED: lambda t: self._by_centre(cmd.AcceptTicket, t),
            State.ACCEPTED: lambda t: self._by_centre(
                cmd.DispatchTicket, t, departments=(self._department(t),)
            ),
            State.DISPATCHED: lambda t: self._by_department(cmd.AcknowledgeTicket, t),
            State.ACKNOWLEDGED: lambda t: self._by_department(
                cmd.CompleteTicket, t, result="已办结。"
            ),
            State.COMPLETED: lambda t: self._by_centre(cmd.PassClosure, t),
            State.AWAITING_REPLY: lambda t: self._by_centre(
                cmd.ReplyCitizen, t, text="已办理并答复。"
            ),
            State.AWAITING_FOLLOW_UP: lambda t: self._by_centre(
                cmd.RecordFollowUp, t, satisfied=True, resolved=True
            ),
        }
        hub.store.desk.on_commit(self._notice)

    def _notice(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.ticket is not None and not _waits_for_proposal(outcome):
                task = asyncio.create_task(self._take_up(outcome.ticket))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _take_up(self, ticket: Ticket) -> None:
        if ticket.state is State.DRAFT:
            command = await self._registration_of(ticket)
        elif (step := self._steps.get(ticket.state)) is not None:
            command = step(ticket)
        else:
            return
        async with self._room:
            # refused: the ticket has gone on since, and that commit was told to a clerk too
            with suppress(CommandRefused):
                await when_free(lambda: self._hub.store.desk.execute(command))

    async def _registration_of(self, ticket: Ticket) -> cmd.Command:
        registration = await self._hub.store.tickets.registration(ticket.ticket_id)
        if registration is None:
            raise LookupError(f"no registration of {ticket.ticket_id}")
        matter = registration.matter.model_copy(update={"kind": MatterKind.COMPLAINT})
        completed = registration.model_copy(update={"matter": matter})
        return self._by_centre(cmd.RegisterTicket, ticket, registration=completed, accept=True)

    def _department(self, ticket: Ticket) -> str:
        return self._departments[ticket.ticket_id % len(self._departments)]

    def _by_centre(self, kind: type[cmd.Command], ticket: Ticket, **fields: Any) -> cmd.Command:
        return self._command(kind, ticket, _CENTRE, fields)

    def _by_department(self, kind: type[cmd.Command], ticket: Ticket, **fields: Any) -> cmd.Command:
        handler = Actor(
            actor_id="benchmark:handler",
            roles=frozenset({Role.HANDLER}),
            department=ticket.open_assignments[0].department,
        )
        return self._command(kind, ticket, handler, fields)

    def _command(
        self, kind: type[cmd.Command], ticket: Ticket, actor: Actor, fields: Mapping[str, Any]
    ) -> cmd.Command:
        return kind(
            command_id=fresh_command_id(),
            ticket_id=ticket.ticket_id,
            actor=actor,
            at=self._hub.now(),
            **fields,
        )


def _waits_for_proposal(outcome: Outcome) -> bool:
    """The dispatch desk looks at a ticket when the machine has made its proposal."""
    accepted = outcome.ticket is not None and outcome.ticket.state is State.ACCEPTED
    return accepted and all(one.event.kind != "proposal_made" for one in outcome.events)


async def _run(kind: str) -> None:
    settings, stop = load(), asyncio.Event()
    set_up(settings.log_level, settings.log_format)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as parts:
        hub = await build(settings, migrating=kind == "run")
        parts.push_async_callback(hub.close)
        Clerks(hub)
        worker = await parts.enter_async_context(running_worker(hub))
        if kind == "run":
            await parts.enter_async_context(running_web(hub, worker))
        else:
            await parts.enter_async_context(running_health(hub, worker, settings.health_port))
        settle()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1] if len(sys.argv) > 1 else "run"))
