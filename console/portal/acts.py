"""What a citizen adds later: supplements, withdrawal, rating. Checked, kept, then answered."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import Field, ValidationError

from connectors.web_portal.messages import (
    RatingForm,
    RatingMessage,
    SupplementForm,
    SupplementMessage,
    WithdrawalForm,
    WithdrawalMessage,
)
from console.api.bodies import answer, read_json
from console.api.command_ids import key_of
from console.api.operations import Operation, Parameter
from console.api.problems import CONFLICT, Problem, fields_wrong
from console.portal.answers import Act, Received
from console.portal.deps import PORTAL, Known, Portal
from console.portal.keeping import Message, check_same, keep, number_of
from console.portal.matters import CODE, ONE, can
from console.say_fields import Wrong, wrong_fields
from schemas.ticket import State

Form = SupplementForm | WithdrawalForm | RatingForm
_CODE = Field(default="", description="unless it is in the query")


class SupplementBody(SupplementForm):
    """What POST .../supplements takes."""

    query_code: str = _CODE


class WithdrawalBody(WithdrawalForm):
    """What POST .../withdrawal takes."""

    query_code: str = _CODE


class RatingBody(RatingForm):
    """What POST .../rating takes."""

    query_code: str = _CODE


@dataclass(frozen=True)
class _Kind:
    act: Act
    form: type[Form]
    message: Callable[..., Message]


_KINDS = {
    "supplements": _Kind("supplement", SupplementForm, SupplementMessage),
    "withdrawal": _Kind("withdraw", WithdrawalForm, WithdrawalMessage),
    "rating": _Kind("rate", RatingForm, RatingMessage),
}


def _handler(kind: _Kind) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def act(request: web.Request) -> web.Response:
        portal = request.app[PORTAL]
        portal.admit(request)
        given = await read_json(request, may_be_empty=True)
        code = given.pop("query_code", None) or request.query.get("query_code")
        ticket_id = portal.authorised(request.match_info["ticket_no"], code)
        known = await portal.known(ticket_id, messages=True)
        form = _form(kind, given)
        await _check_attachments(portal, ticket_id, form)
        number = number_of(f"{kind.act}:{ticket_id}", key_of(request) or secrets.token_hex(16))
        if not _came_before(known, number, form):
            _check_state(known, kind.act)
            now = portal.deps.now()
            message = kind.message(ticket_id=ticket_id, received_at=now, form=form)
            await keep(portal, message, number)
        return answer(Received(), 202)

    return act


def _form(kind: _Kind, given: dict[str, Any]) -> Form:
    try:
        return kind.form.model_validate(given)
    except ValidationError as error:
        raise fields_wrong(*wrong_fields(error)) from error


async def _check_attachments(portal: Portal, ticket_id: int, form: Form) -> None:
    named: Sequence[str] = form.attachments if isinstance(form, SupplementForm) else ()
    for attachment_id in named:
        found = await portal.deps.store.attachments.find(attachment_id)
        if found is None or found.ticket_id != ticket_id:
            raise fields_wrong(Wrong("attachments", "没有这个附件，或它属于另一件诉求"))


def _came_before(known: Known, number: str, form: Form) -> bool:
    """A repeat is answered like the first, although the state has moved on because of it."""
    earlier = known.message(number)
    if earlier is None:
        return False
    check_same(earlier.content, form)
    return True


def _check_state(known: Known, act: Act) -> None:
    state: State | None = known.head.state if known.head else None
    if act not in can(state):
        facts = {"state": state.value} if state else {}
        raise Problem(CONFLICT, "state_refused", facts=facts)


_KEY = Parameter(
    "Idempotency-Key", "1 to 200 characters; the same key does nothing new", place="header"
)
_IN_QUERY = Parameter(CODE.name, f"{CODE.description}; unless it is in the body")
_DOCUMENTED = (
    ("supplements", SupplementBody, "supplement", "Add to a matter"),
    ("withdrawal", WithdrawalBody, "withdraw", "Withdraw a matter"),
    ("rating", RatingBody, "rate", "Rate how it was handled"),
)
OPERATIONS = tuple(
    Operation(
        "POST", f"{ONE}/{path}", _handler(_KINDS[path]), name, summary, "portal", (202, Received),
        body=body, body_required=path != "withdrawal", parameters=(_IN_QUERY, _KEY),
        problems=(404, 409, 429), bearer=False,
    )
    for path, body, name, summary in _DOCUMENTED
)  # fmt: skip
