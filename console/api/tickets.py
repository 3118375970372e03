"""/api/v1/tickets: register, list, read one, read its events."""

from typing import Any

from aiohttp import web
from pydantic import Field

from console.api.answers import (
    ClockFacts,
    Created,
    History,
    NumberedTicket,
    Page,
    Row,
    SeenCitizen,
    SeenRegistration,
    Whole,
)
from console.api.bodies import answer, raw_answer, read_json
from console.api.calls import API, ticket_id_asked, visible_head
from console.api.command_ids import check_refusal, check_repeat, command_id_of
from console.api.listing import PARAMETERS, query_of
from console.api.operations import Operation, Parameter
from console.api.problems import FORBIDDEN, Problem, fields_wrong
from console.api.registrations import registration_from
from console.offers import offers
from console.say_fields import Wrong
from console.ticket_view import may_unmask
from schemas.commands import RegisterTicket
from schemas.errors import CommandRefused
from schemas.ids import ticket_no
from schemas.matter import Frozen
from schemas.parties import Role, masked
from schemas.ticket import Registration
from ticket_store.row_queries import QueryRefused
from ticket_store.scope import scope_of
from ticket_store.ticket_query import CursorRefused

KEY = Parameter(
    "Idempotency-Key",
    "the command id: a UUID, or 1 to 200 characters; the same key again does nothing new",
    place="header",
)

UNMASK = Parameter(
    "unmask",
    "true: the citizen's data in full, for roles that call citizens; each time is audited",
)


class NewTicket(Frozen):
    """registration.source is counter and received_at is now unless given."""

    registration: Registration
    accept: bool = Field(default=False, description="register and accept in one act")


async def create(request: web.Request) -> web.Response:
    api = request.app[API]
    actor = await api.tokens.actor(request)
    if not actor.has(Role.OPERATOR):
        raise Problem(FORBIDDEN, "not_entitled")
    given, now = await read_json(request), api.deps.now()
    if odd := [Wrong(name, "没有这个字段") for name in given if name not in NewTicket.model_fields]:
        raise fields_wrong(*odd)
    accept = given.get("accept", False)
    if not isinstance(accept, bool):
        raise fields_wrong(Wrong("accept", "应为 true 或 false"))
    command = RegisterTicket(
        command_id=command_id_of(request, actor, now, "create", ticket_id=None),
        ticket_id=api.deps.store.ids.next(),
        actor=actor,
        at=now,
        registration=registration_from(given.get("registration"), now),
        accept=accept,
    )
    try:
        outcome = await api.deps.store.desk.execute(command)
    except CommandRefused as refusal:
        check_refusal(refusal, command)
        raise
    check_repeat(outcome, command, new=True)
    head = outcome.ticket
    if head is None:
        raise RuntimeError("a ticket that was registered has no head")
    created = Created(
        ticket_id=head.ticket_id,
        ticket_no=ticket_no(head.ticket_id),
        state=head.state,
        version=head.version,
    )
    return answer(created, 201)


async def find(request: web.Request) -> web.Response:
    api = request.app[API]
    actor = await api.tokens.actor(request)
    query, limit, cursor = query_of(request.query)
    try:
        found = await api.deps.store.search.find(query, scope_of(actor), limit, cursor)
    except CursorRefused as error:
        raise fields_wrong(Wrong("cursor", "不是这个列表的游标，请从第一页开始")) from error
    except QueryRefused as error:
        raise fields_wrong(Wrong("", "不能这样组合查询条件")) from error
    rows = tuple(map(Row.of, found.rows))
    return answer(Page.model_construct(tickets=rows, cursor=found.cursor))


async def show(request: web.Request) -> web.Response:
    api = request.app[API]
    actor = await api.tokens.actor(request)
    head = await visible_head(api, actor, ticket_id_asked(request))
    store = api.deps.store
    registration = await store.tickets.registration(head.ticket_id)
    unmask = _flag(request, "unmask")
    if unmask:
        if not may_unmask(actor, registration, head):
            raise Problem(FORBIDDEN, "not_entitled")
        await store.audit.append(actor.actor_id, "unmask", f"ticket:{head.ticket_id}", {})
    clocks = (await store.clocks.of([head.ticket_id])).get(head.ticket_id, ())
    offered = offers(head, actor, extensions_allowed=api.deps.extensions_allowed)
    whole = Whole.model_construct(
        ticket=NumberedTicket.of(head),
        registration=as_seen(registration, unmask=unmask),
        clocks=tuple(map(ClockFacts.of, clocks)),
        actions=tuple(dict.fromkeys(offer.action for offer in offered)),
    )
    return answer(whole)


def _flag(request: web.Request, name: str) -> bool:
    given = request.query.get(name, "false")
    if given not in ("true", "false"):
        raise fields_wrong(Wrong(name, "应为 true 或 false"))
    return given == "true"


def as_seen(registration: Registration | None, *, unmask: bool) -> SeenRegistration | None:
    """The registration, the citizen masked unless somebody asked for him and was written down."""
    if registration is None:
        return None
    citizen = registration.citizen
    if citizen is not None and not unmask:
        citizen = masked(citizen)
    seen = SeenCitizen.model_construct(**dict(citizen)) if citizen else None
    return SeenRegistration.model_construct(**{**dict(registration), "citizen": seen})


async def events(request: web.Request) -> web.Response:
    api = request.app[API]
    actor = await api.tokens.actor(request)
    head = await visible_head(api, actor, ticket_id_asked(request))
    history = await api.deps.store.tickets.history(head.ticket_id)
    lines: list[Any] = [recorded.model_dump_json().encode() for recorded in history]
    return raw_answer(b'{"events":[' + b",".join(lines) + b"]}")


_ONE = "/api/v1/tickets/{ticket_id}"
OPERATIONS = (
    Operation(
        "POST", "/api/v1/tickets", create, "createTicket", "Register a ticket, accept it if asked",
        "tickets", (201, Created), body=NewTicket, parameters=(KEY,), problems=(401, 403, 409),
    ),
    Operation(
        "GET", "/api/v1/tickets", find, "findTickets", "Tickets within the token's scope",
        "tickets", (200, Page), parameters=PARAMETERS, problems=(401, 403, 422),
    ),
    Operation(
        "GET", _ONE, show, "readTicket", "One ticket, by id or number", "tickets", (200, Whole),
        parameters=(UNMASK,), problems=(401, 403, 404, 422),
    ),
    Operation(
        "GET", f"{_ONE}/events", events, "readEvents", "All that has happened to a ticket",
        "tickets", (200, History), problems=(401, 403, 404),
    ),
)  # fmt: skip
