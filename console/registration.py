"""Registering by hand: blank, from a phone draft, and amending what was registered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiohttp import web

from console.actions import CONFLICT, WRONG, status_of, why_refused
from console.deps import DEPS
from console.forms import OUTDATED, FormWrong, check_own, number_in
from console.registration_form import Choices, amended_parts, registration_from, values_of
from console.rendering import fresh_command_id, go, page
from console.say_refusals import FORM_USED
from console.session import signed_in
from console.ticket_view import may_unmask, visible_ticket
from schemas.commands import AmendTicket, Command, RegisterTicket
from schemas.errors import AlreadyRegistered, CommandRefused, StoreBusy
from schemas.lifecycle import Action, possible_actions
from schemas.parties import Role
from schemas.ticket import HandlingMode, Registration, State, Ticket
from ticket_store.fingerprints import asks_for_other


@dataclass(frozen=True)
class RegistrationPage:
    """What intake/registration.html needs. action: where it is posted.

    shows_citizen: not to who must not see him, such as dispatchers; he then stays as he is.
    """

    action: str
    cancel: str
    command_id: str
    ticket_id: int | None = None
    draft: bool = False
    amends: bool = False
    shows_citizen: bool = True
    expected_version: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    choices: Choices = field(default_factory=Choices)


def _require_operator(request: web.Request) -> None:
    if not signed_in(request).actor.has(Role.OPERATOR):
        raise web.HTTPForbidden


async def blank(request: web.Request) -> web.Response:
    _require_operator(request)
    return _answer(request, _page(request, "/intake/new", "/intake"))


async def register(request: web.Request) -> web.Response:
    _require_operator(request)
    form = _page(request, "/intake/new", "/intake?tab=other")
    return await _register(request, form, None, None)


async def draft(request: web.Request) -> web.Response:
    form, _, _ = await _draft(request)
    return _answer(request, form)


async def register_draft(request: web.Request) -> web.Response:
    form, ticket, known = await _draft(request)
    return await _register(request, form, ticket, known)


async def _draft(request: web.Request) -> tuple[RegistrationPage, Ticket, Registration]:
    _require_operator(request)
    deps, _, ticket = await visible_ticket(request)
    known = await deps.store.tickets.registration(ticket.ticket_id)
    if ticket.state is not State.DRAFT or known is None:
        raise web.HTTPSeeOther(f"/tickets/{ticket.ticket_id}")
    form = _page(
        request, f"/intake/drafts/{ticket.ticket_id}", "/intake?tab=drafts",
        ticket_id=ticket.ticket_id, draft=True, values=values_of(known),
    )  # fmt: skip
    return form, ticket, known


async def _register(
    request: web.Request, form: RegistrationPage, ticket: Ticket | None, known: Registration | None
) -> web.Response:
    """One command however often it is posted: the store knows the id that the page was given."""
    deps, actor = request.app[DEPS], signed_in(request).actor
    posted = await request.post()
    try:
        registration = registration_from(posted, deps.now(), known)  # type: ignore[arg-type]  # texts
        command = RegisterTicket(
            command_id=_command_id(posted.get("command_id")),
            ticket_id=ticket.ticket_id if ticket else deps.store.ids.next(),
            actor=actor,
            at=deps.now(),
            registration=registration,
            accept=posted.get("accept") == "true",
        )
    except FormWrong as wrong:
        return await _again(request, form, wrong.errors)
    return await _execute(request, form, command, _after(command))


def _after(command: RegisterTicket) -> Action | None:
    """A direct answer is written at once; anything else is seen on the ticket's page."""
    answer = command.registration.handling_mode is HandlingMode.ANSWER
    return Action.ANSWER_DIRECTLY if answer and command.accept else None


async def amend(request: web.Request) -> web.Response:
    """Who sees the citizen in the form is in the audit first, as with unmasking."""
    form, ticket, known = await _amendable(request)
    if form.shows_citizen and known.citizen is not None:
        await request.app[DEPS].store.audit.append(
            signed_in(request).actor.actor_id, "unmask", f"ticket:{ticket.ticket_id}",
            {"fields": "citizen"},
        )  # fmt: skip
    return _answer(request, form)


async def save_amendment(request: web.Request) -> web.Response:
    form, ticket, known = await _amendable(request)
    deps, posted = request.app[DEPS], await request.post()
    reason = str(posted.get("reason", "")).strip()
    try:
        changed = registration_from(posted, known.received_at, known)  # type: ignore[arg-type]  # texts
        if not form.shows_citizen:
            changed = changed.model_copy(update={"citizen": None})
        parts = _checked(reason, amended_parts(known, changed))
        version = number_in(posted.get("expected_version", ""))
        command = AmendTicket(
            command_id=_command_id(posted.get("command_id")),
            ticket_id=ticket.ticket_id,
            actor=signed_in(request).actor,
            at=deps.now(),
            expected_version=ticket.version if version is None else version,
            reason=reason,
            **parts,
        )
    except FormWrong as wrong:
        return await _again(request, form, wrong.errors)
    return await _execute(request, form, command, None)


async def _amendable(request: web.Request) -> tuple[RegistrationPage, Ticket, Registration]:
    deps, signed, ticket = await visible_ticket(request)
    if Action.AMEND not in possible_actions(ticket.state, signed.actor.roles):
        raise web.HTTPForbidden
    known = await deps.store.tickets.registration(ticket.ticket_id)
    if known is None:
        raise web.HTTPNotFound
    here, values = f"/tickets/{ticket.ticket_id}", values_of(known)
    shows = known.citizen is None or may_unmask(signed.actor, known, ticket)
    if not shows:
        values = {name: text for name, text in values.items() if not name.startswith("citizen_")}
    form = _page(
        request, f"{here}/amend", here, ticket_id=ticket.ticket_id, amends=True,
        shows_citizen=shows, expected_version=ticket.version, values=values,
    )  # fmt: skip
    return form, ticket, known


def _checked(reason: str, parts: dict[str, Any]) -> dict[str, Any]:
    if not reason:
        raise FormWrong({"reason": "请填写更正原因"})
    if not parts:
        raise FormWrong({"": "没有任何改动，无需更正"})
    return parts


def _command_id(text: object) -> UUID:
    try:
        given = UUID(str(text))
    except ValueError:
        raise FormWrong({"": OUTDATED}) from None
    check_own(given)
    return given


def _page(request: web.Request, action: str, cancel: str, **more: Any) -> RegistrationPage:
    now = request.app[DEPS].now()
    return RegistrationPage(action, cancel, fresh_command_id(now), **more)


async def _execute(
    request: web.Request, form: RegistrationPage, command: Command, then: Action | None
) -> web.Response:
    deps = request.app[DEPS]
    try:
        outcome = await deps.store.desk.execute(command)
        if asks_for_other(outcome.fingerprint, command):
            return await _again(request, form, {}, CONFLICT, FORM_USED)
    except AlreadyRegistered as error:
        happened, remedy = why_refused(error, command)
        if (known := error.facts.get("ticket_id")) is not None:
            remedy += f"已有工单：/tickets/{known}"
        return await _again(request, form, {}, CONFLICT, (happened, remedy))
    except (CommandRefused, StoreBusy) as error:
        return await _again(request, form, {}, status_of(error), why_refused(error, command))
    here = f"/tickets/{outcome.ticket_id}"
    path = f"{here}/actions/{then}" if then else here
    return go(request, f"{path}?done={command.action}")


async def _again(
    request: web.Request,
    form: RegistrationPage,
    errors: Mapping[str, str],
    status: int = WRONG,
    said: tuple[str, str] | None = None,
) -> web.Response:
    posted = await request.post()
    values = {name: value for name, value in posted.items() if isinstance(value, str)}
    fresh = RegistrationPage(
        form.action, form.cancel, form.command_id, form.ticket_id, form.draft, form.amends,
        form.shows_citizen, form.expected_version, values, errors,
    )  # fmt: skip
    return _answer(request, fresh, status, said)


def _answer(
    request: web.Request,
    form: RegistrationPage,
    status: int = 200,
    said: tuple[str, str] | None = None,
) -> web.Response:
    fragment = "HX-Request" in request.headers
    template = "intake/registration.html" if fragment else "intake/register.html"
    return page(request, template, status=status, form=form, refusal=said)


def routes() -> list[web.RouteDef]:
    drafts, amended = r"/intake/drafts/{ticket_id:\d{1,18}}", r"/tickets/{ticket_id:\d{1,18}}/amend"
    return [
        web.get("/intake/new", blank),
        web.post("/intake/new", register),
        web.get(drafts, draft),
        web.post(drafts, register_draft),
        web.get(amended, amend),
        web.post(amended, save_amendment),
    ]
