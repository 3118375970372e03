"""One handler for every action on a ticket: form -> command -> desk -> back to the page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiMapping

from console.deps import DEPS
from console.dispatch_picker import Picker, picker_for
from console.forms import FORMS, NEEDS_VERSION, Field, FormWrong, command_from, number_in
from console.offers import OWN_PAGE, Offer
from console.rendering import fresh_command_id, go, page
from console.say_refusals import FORM_USED, refusal
from console.ticket_view import load, offered, visible_ticket
from schemas.commands import Command
from schemas.errors import CommandRefused, NotEntitled, StoreBusy
from schemas.lifecycle import Action
from schemas.ticket import ReviewKind, Ticket
from ticket_store.fingerprints import asks_for_other

CONFLICT, WRONG, FORBIDDEN, BUSY = 409, 422, 403, 503
_EXPLAINED = {
    Action.ACKNOWLEDGE: "签收后开始计算办理时限；不属本部门职责的请申请退单。",
    Action.ARCHIVE: "归档后不能再办理。",
}


@dataclass(frozen=True)
class ActionForm:
    """What tickets/action_form.html needs. about: the request that is decided on."""

    ticket_id: int
    action: Action
    command_id: str
    back: str
    subject: int | None = None
    expected_version: int | None = None
    about: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[Field, ...]:
        return FORMS[self.action]

    @property
    def picks_departments(self) -> bool:
        return any(one.shape == "departments" for one in self.fields)

    @property
    def subject_name(self) -> str:
        return "reminder_no" if self.action is Action.ANSWER_REMINDER else "review_no"

    @property
    def explained(self) -> str:
        return _EXPLAINED.get(self.action, "")


def local_path(text: str, otherwise: str) -> str:
    """`text` if it is an address of our own, else `otherwise`: no form sends anybody elsewhere."""
    parts = urlsplit(text)
    own = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if own and not parts.scheme and not parts.netloc else otherwise


def form_for(
    request: web.Request,
    ticket: Ticket,
    action: Action,
    subject: int | None,
    *,
    values: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
) -> ActionForm:
    deps = request.app[DEPS]
    given = dict(values or {})
    back = local_path(str(given.get("back") or request.query.get("back", "")), "")
    return ActionForm(
        ticket_id=ticket.ticket_id,
        action=action,
        command_id=fresh_command_id(deps.now()),
        back=back,
        subject=subject,
        expected_version=ticket.version if action in NEEDS_VERSION else None,
        about=_about(ticket, action, subject),
        values=given,
        errors=errors or {},
    )


def _about(ticket: Ticket, action: Action, subject: int | None) -> str:
    if action is Action.ANSWER_REMINDER:
        return next((r.text for r in ticket.reminders if r.reminder_no == subject), "")
    review = ticket.review(subject) if subject else None
    if review is None:
        return ""
    days = (
        f"申请延长 {review.working_days} 个工作日。" if review.kind is ReviewKind.EXTENSION else ""
    )
    return days + review.reason


def action_of(request: web.Request) -> Action:
    try:
        action = Action(request.match_info["action"])
    except ValueError:
        raise web.HTTPNotFound from None
    if action not in FORMS:
        raise web.HTTPNotFound
    return action


def _subject(given: MultiMapping[str]) -> int | None:
    text = given.get("subject") or given.get("review_no") or given.get("reminder_no") or ""
    return number_in(text)


async def ticket(request: web.Request) -> web.Response:
    """The ticket's page, with the form of its primary action open."""
    view = await load(request)
    first = view.offers[0] if view.offers else None
    form = None
    if first is not None and first.tone == "primary" and not first.own_page:
        form = form_for(request, view.ticket, first.action, first.subject)
    picker = await _picker(request, form) if form else None
    return page(request, "tickets/ticket.html", view=view, form=form, refusal=None, picker=picker)


async def show(request: web.Request) -> web.Response:
    """The form of an action: a fragment for htmx, else the ticket's page with the form open."""
    action = action_of(request)
    deps, signed, ticket = await visible_ticket(request)
    subject = _subject(request.query)
    found = [one for one in offered(deps, ticket, signed.actor) if one.action is action]
    if not found:
        raise web.HTTPForbidden
    if subject is None:
        subject = found[0].subject
    if action in OWN_PAGE and "HX-Request" not in request.headers:
        return go(request, found[0].href)
    return await answer(request, form_for(request, ticket, action, subject))


async def offers(request: web.Request) -> web.Response:
    """The buttons of the ticket's page, which reads them again when something has happened."""
    deps, signed, ticket = await visible_ticket(request)
    found = offered(deps, ticket, signed.actor)
    return page(request, "tickets/offers.html", offers=found, form=None)


async def perform(request: web.Request) -> web.Response:
    """Do it. 303 (or HX-Redirect) when done; 422, 409, 403, 503 with the form and what to do."""
    action = action_of(request)
    deps, signed, ticket = await visible_ticket(request)
    posted = await request.post()
    text_of = {name: value for name, value in posted.items() if isinstance(value, str)}
    subject = _subject(posted)  # type: ignore[arg-type]  # a file is no number either
    given = {"ticket_id": ticket.ticket_id, "actor": signed.actor, "at": deps.now()}
    try:
        command = command_from(action, posted, given)  # type: ignore[arg-type]  # texts, see forms
    except FormWrong as wrong:
        form = form_for(request, ticket, action, subject, values=text_of, errors=wrong.errors)
        return await answer(request, form, WRONG, now_offered=offered(deps, ticket, signed.actor))
    try:
        outcome = await deps.store.desk.execute(command)
        refused = (CONFLICT, FORM_USED) if asks_for_other(outcome.fingerprint, command) else None
    except (CommandRefused, StoreBusy) as error:
        refused = status_of(error), why_refused(error, command)
    if refused is not None:
        ticket = await deps.store.tickets.head(ticket.ticket_id) or ticket
        form = form_for(request, ticket, action, subject, values=text_of)
        now_offered = offered(deps, ticket, signed.actor)
        return await answer(request, form, *refused, now_offered=now_offered)
    back = local_path(text_of.get("back", ""), f"/tickets/{ticket.ticket_id}")
    return go(request, f"{back}{'&' if '?' in back else '?'}done={action}")


def status_of(error: CommandRefused | StoreBusy) -> int:
    if isinstance(error, StoreBusy):
        return BUSY
    return FORBIDDEN if isinstance(error, NotEntitled) else CONFLICT


def why_refused(error: CommandRefused | StoreBusy, command: Command) -> tuple[str, str]:
    """The words of a refusal, unless they were said to another form that went under the same id."""
    if isinstance(error, CommandRefused) and asks_for_other(error.fingerprint, command):
        return FORM_USED
    return refusal(error)


async def answer(
    request: web.Request,
    form: ActionForm,
    status: int = 200,
    said: tuple[str, str] | None = None,
    now_offered: list[Offer] | None = None,
) -> web.Response:
    """now_offered: goes to the buttons beside the form, which may be those of an earlier state."""
    picker = await _picker(request, form)
    context: dict[str, Any] = {"form": form, "refusal": said, "picker": picker}
    if "HX-Request" in request.headers:
        if now_offered is not None:
            context["offers"] = now_offered
        return page(request, "tickets/action_form.html", status=status, **context)
    view = await load(request)
    return page(request, "tickets/ticket.html", status=status, view=view, **context)


async def _picker(request: web.Request, form: ActionForm) -> Picker | None:
    if not form.picks_departments:
        return None
    posted = await request.post() if request.method == "POST" else None
    return await picker_for(request.app[DEPS], form.ticket_id, posted)  # type: ignore[arg-type]  # as above


def routes() -> list[web.RouteDef]:
    one = r"/tickets/{ticket_id:\d{1,18}}"
    path = one + "/actions/{action}"
    return [
        web.get(one, ticket),
        web.get(one + "/offers", offers),
        web.get(path, show),
        web.post(path, perform),
    ]
