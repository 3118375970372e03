"""What every handler of /api/v1 begins with: who calls, about which ticket, may he see it."""

from dataclasses import dataclass

from aiohttp import web

from console.api.deps import ApiDeps
from console.api.problems import NOT_FOUND, Problem
from console.api.tokens import Tokens
from schemas.ids import ticket_id_of
from schemas.parties import Actor
from schemas.ticket import Ticket
from ticket_store.scope import scope_of, sees

_MOST_TICKET_ID = (1 << 53) - 1
_MOST_DIGITS = 16


@dataclass(frozen=True)
class Api:
    deps: ApiDeps
    tokens: Tokens


API: web.AppKey[Api] = web.AppKey("api", Api)


def unknown_ticket() -> Problem:
    return Problem(NOT_FOUND, "unknown_ticket")


def ticket_id_in(text: str) -> int | None:
    """A ticket by its id or its number as people write it; None when it is neither."""
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        number = int(text)
    else:
        try:
            number = ticket_id_of(text)
        except (ValueError, OverflowError):
            return None
    return number if 0 < number <= _MOST_TICKET_ID else None


def ticket_id_asked(request: web.Request) -> int:
    """Raises: Problem 404."""
    found = ticket_id_in(request.match_info["ticket_id"])
    if found is None:
        raise unknown_ticket()
    return found


async def visible_head(api: Api, actor: Actor, ticket_id: int) -> Ticket:
    """Raises: Problem 404, the same for a ticket out of scope as for none."""
    head = await api.deps.store.tickets.head(ticket_id)
    if head is None or not sees(scope_of(actor), head):
        raise unknown_ticket()
    return head
