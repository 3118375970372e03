"""Idempotency-Key -> command id: the desk does a command once however often it is asked for."""

import secrets
from datetime import UTC, datetime
from uuid import UUID

from aiohttp import web

from console.api.bodies import has_unprintable
from console.api.problems import BAD_REQUEST, CONFLICT, Problem
from schemas.commands import Command
from schemas.errors import CommandRefused
from schemas.ids import created_at, derived_command_id, is_derived, new_command_id
from schemas.parties import Actor
from ticket_store.desk import Outcome
from ticket_store.fingerprints import asks_for_other

_LONGEST_KEY = 200
_UUID_LENGTHS = (32, 36)
# a key says nothing of when it was made, so ids derived for new tickets share one instant
_NO_TIME = datetime(2025, 1, 1, tzinfo=UTC)


def key_of(request: web.Request) -> str | None:
    """Raises: Problem 400 for a key that is empty, too long or not plain text."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    key = key.strip()
    if not 0 < len(key) <= _LONGEST_KEY or has_unprintable(key) or not _is_text(key):
        raise Problem(BAD_REQUEST, "idempotency_key", f"1 to {_LONGEST_KEY} characters")
    return key


def command_id_of(
    request: web.Request, actor: Actor, now: datetime, *parts: str | int, ticket_id: int | None
) -> UUID:
    """A UUID is the command id itself; other text is one within token, ticket and `parts`.

    So is a UUID of the hub's own kind: who brought that of a card could keep it from being issued.
    """
    key = key_of(request)
    if key is None:
        return new_command_id(int(now.timestamp() * 1000), secrets.randbits(128))
    given = _uuid_in(key)
    if given is not None and not is_derived(given):
        return given
    at = _NO_TIME if ticket_id is None else created_at(ticket_id)
    return derived_command_id(at, "api", actor.actor_id, ticket_id or 0, *parts, key)


def check_repeat(outcome: Outcome, command: Command, *, new: bool = False) -> None:
    """Raises: Problem 409 when the id was another's, of another ticket, or of another request.

    new: the command makes its ticket, whose id is another one each time.
    """
    if not outcome.repeated:
        return
    first = outcome.events[0] if outcome.events else None
    own = first is None or first.actor.actor_id == command.actor.actor_id
    same = _registers(outcome) if new else outcome.ticket_id == command.ticket_id
    if not (own and same) or asks_for_other(outcome.fingerprint, command):
        raise Problem(CONFLICT, "idempotency_key_reused")


def check_refusal(refusal: CommandRefused, command: Command) -> None:
    """Raises: Problem 409 when the words are those that another request with the id got."""
    if asks_for_other(refusal.fingerprint, command):
        raise Problem(CONFLICT, "idempotency_key_reused")


def _registers(outcome: Outcome) -> bool:
    return bool(outcome.events) and outcome.events[0].sequence == 1


def _uuid_in(key: str) -> UUID | None:
    if len(key) not in _UUID_LENGTHS:
        return None
    try:
        return UUID(key)
    except ValueError:
        return None


def _is_text(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:  # bytes of a header that are no UTF-8
        return False
    return True
