"""POST /api/v1/tickets/{id}/actions/{action}: the people's commands for programs."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from console.api.answers import Acted
from console.api.bodies import answer, read_json
from console.api.calls import API, Api, ticket_id_asked, ticket_id_in, unknown_ticket, visible_head
from console.api.command_ids import check_refusal, check_repeat, command_id_of
from console.api.operations import Operation
from console.api.problems import NOT_FOUND, Problem, fields_wrong
from console.api.registrations import registration_from, wrong_party
from console.api.tickets import KEY
from console.say_fields import Wrong, wrong_fields
from schemas.commands import COMMANDS, AmendTicket, Command
from schemas.errors import CommandRefused
from schemas.ids import ticket_no
from schemas.lifecycle import TICKET, Action
from schemas.parties import Actor
from ticket_store.people_values import WORKERS
from ticket_store.scope import SEES_ALL

# what the caller does not decide, or has no way to bring
RESERVED = frozenset(
    {"command_id", "ticket_id", "actor", "at", "cause", "peer_updated_at", "attachments"}
)
_MOST_NUMBER = (1 << 53) - 1
# what somebody who works on tickets may do to one that exists
PEOPLES: Mapping[str, Action] = MappingProxyType(
    {
        row.action.value: row.action
        for (state, _), row in TICKET.items()
        if state is not None and row.roles & WORKERS
    }
)
FIELDS: Mapping[Action, frozenset[str]] = MappingProxyType(
    {action: frozenset(COMMANDS[action].model_fields) - RESERVED for action in PEOPLES.values()}
)


async def act(request: web.Request) -> web.Response:
    api = request.app[API]
    actor = await api.tokens.actor(request)
    ticket_id = ticket_id_asked(request)
    action = PEOPLES.get(request.match_info["action"])
    if action is None:
        raise Problem(NOT_FOUND, "unknown_action")
    given, now = await read_json(request, may_be_empty=True), api.deps.now()
    command = await _command(api, action, given, _Given(request, actor, now, ticket_id))
    try:
        outcome = await api.deps.store.desk.execute(command)
    except CommandRefused as refusal:
        if not actor.has(*SEES_ALL):
            await visible_head(api, actor, ticket_id)  # out of scope is as good as not there
        check_refusal(refusal, command)
        raise
    check_repeat(outcome, command)
    if outcome.ticket is None:
        raise unknown_ticket()
    return answer(
        Acted(
            ticket_id=ticket_id,
            ticket_no=ticket_no(ticket_id),
            state=outcome.ticket.state,
            version=outcome.ticket.version,
            command_id=outcome.command_id,
            events=tuple(recorded.event.kind for recorded in outcome.events),
            repeated=outcome.repeated,
        )
    )


class _Given:
    """What a command has besides the caller's fields."""

    def __init__(self, request: web.Request, actor: Actor, now: datetime, ticket_id: int) -> None:
        self.request, self.actor, self.now, self.ticket_id = request, actor, now, ticket_id

    def values(self, action: Action) -> dict[str, Any]:
        return {
            "command_id": command_id_of(
                self.request, self.actor, self.now, action, ticket_id=self.ticket_id
            ),
            "ticket_id": self.ticket_id,
            "actor": self.actor,
            "at": self.now,
        }


async def _command(api: Api, action: Action, given: dict[str, Any], rest: _Given) -> Command:
    """Raises: Problem 422."""
    known = FIELDS[action]
    if odd := [Wrong(name, "没有这个字段") for name in given if name not in known]:
        raise fields_wrong(*odd)
    if action is Action.REGISTER:
        draft = await api.deps.store.tickets.registration(rest.ticket_id)
        given["registration"] = registration_from(given.get("registration"), rest.now, draft)
    elif action is Action.MERGE and isinstance(into := given.get("into"), str):
        given["into"] = ticket_id_in(into) or into
    try:
        command = COMMANDS[action].model_validate({**given, **rest.values(action)})
    except ValidationError as error:
        raise fields_wrong(*wrong_fields(error)) from error
    if wrong := _unfit(command, known):
        raise fields_wrong(*wrong)
    return command


def _unfit(command: Command, names: frozenset[str]) -> list[Wrong]:
    wrong = [
        Wrong(name, "数字超出范围")
        for name in sorted(names)
        if isinstance(value := getattr(command, name), int) and not 0 <= value <= _MOST_NUMBER
    ]
    if isinstance(command, AmendTicket) and command.accused is not None:
        wrong += wrong_party(command.accused, "accused")
    return wrong


OPERATIONS = (
    Operation(
        "POST", "/api/v1/tickets/{ticket_id}/actions/{action}", act, "act",
        "Ask for something to be done to a ticket", "tickets", (200, Acted),
        body=tuple(COMMANDS[action] for action in PEOPLES.values()), body_required=False,
        parameters=(KEY,), problems=(401, 403, 404, 409),
        notes="The body holds the fields of the action named in the path.",
    ),
)  # fmt: skip
