"""综合查询 and the ticket's page: search, facts, trace, unmasking."""

from datetime import datetime, time, timedelta
from typing import Any

from aiohttp import web
from multidict import MultiMapping
from pydantic import ValidationError

from console import attachments, say, security
from console.deps import DEPS
from console.listings import listing
from console.rendering import page
from console.session import signed_in
from console.ticket_view import load, may_unmask, visible_ticket
from schemas.ids import ticket_id_of
from schemas.visible_text import visible_line
from schemas.working_calendar import HUB_ZONE
from ticket_store.attachments import AttachmentDamaged
from ticket_store.marks import Mark
from ticket_store.scope import scope_of, sees
from ticket_store.ticket_query import TicketQuery

_LISTS = {
    "state": "states", "kind": "matter_kinds", "source": "sources", "urgency": "urgencies",
    "area": "area_codes",
}  # fmt: skip
_DAMAGED = (
    "附件文件已损坏或丢失，无法打开。",
    "工单的其他内容不受影响。请联系系统管理员从备份恢复，并告知工单号和附件名。",
)
_LONGEST_TEXT = 200
_YEARS = (2000, 2999)  # beyond them arithmetic may leave the calendar


def query_of(given: MultiMapping[str]) -> TicketQuery:
    """The filters of the address; what makes no sense is left out, so that old links still work."""
    asked: dict[str, Any] = {"text": _text(given)}
    for name, target in _LISTS.items():
        values = [value for value in given.getall(name, []) if value]
        if values:
            asked[target] = frozenset(values)
    if department := given.get("department"):
        asked["department"] = department
    if day := _day(given.get("from", "")):
        asked["created_from"] = day
    if day := _day(given.get("until", "")):
        asked["created_before"] = day + timedelta(days=1)
    if given.get("mark") in set(Mark):
        asked["mark"] = given["mark"]
    if given.get("due") in ("overdue", "near"):
        asked[given["due"]] = True
    try:
        return TicketQuery.model_validate(asked)
    except ValidationError:
        return TicketQuery(text=asked["text"])


def _text(given: MultiMapping[str]) -> str:
    """What was typed or pasted; a number copied from another screen may bring marks along."""
    text: str = visible_line(given.get("text", "")).strip()
    return text[:_LONGEST_TEXT]


def _day(text: str) -> datetime | None:
    try:
        day = datetime.combine(datetime.fromisoformat(text).date(), time(), tzinfo=HUB_ZONE)
    except ValueError:
        return None
    return day if _YEARS[0] <= day.year <= _YEARS[1] else None


async def search(request: web.Request) -> web.Response:
    """The list; a whole ticket number leads to its ticket at once."""
    deps, given = request.app[DEPS], request.query
    try:
        ticket_id = ticket_id_of(_text(given))
    except ValueError:
        ticket_id = None
    if ticket_id is not None:
        head = await deps.store.tickets.head(ticket_id)
        if head is not None and sees(scope_of(signed_in(request).actor), head):
            raise web.HTTPSeeOther(f"/tickets/{ticket_id}")
    found = await listing(request, query_of(given))
    return page(
        request, "tickets/search.html", listing=found, given=given,
        words={
            "state": say.STATES, "kind": say.KINDS, "source": say.SOURCES,
            "urgency": say.URGENCIES, "mark": say.MARKS,
        },
        departments=deps.catalogue.departments(),
    )  # fmt: skip


async def progress(request: web.Request) -> web.Response:
    return page(request, "tickets/progress.html", view=await load(request))


async def trace(request: web.Request) -> web.Response:
    return page(request, "tickets/trace.html", view=await load(request))


async def aside(request: web.Request) -> web.Response:
    return page(request, "tickets/aside.html", view=await load(request))


async def unmask(request: web.Request) -> web.Response:
    """Name and phone, to those who call; the look is in the audit before it is shown."""
    deps, signed, ticket = await visible_ticket(request)
    registration = await deps.store.tickets.registration(ticket.ticket_id)
    if not may_unmask(signed.actor, registration, ticket):
        raise web.HTTPForbidden
    await deps.store.audit.append(
        signed_in(request).actor.actor_id, "unmask", f"ticket:{ticket.ticket_id}",
        {"fields": "citizen.name citizen.phone"},
    )  # fmt: skip
    citizen = registration.citizen if registration else None
    return page(request, "tickets/unmasked.html", citizen=citizen)


async def take_attachment(request: web.Request) -> web.Response:
    deps, signed, ticket = await visible_ticket(request)
    wanted = request.match_info["attachment_id"]
    attachment = await attachments.find(deps.store, ticket.ticket_id, wanted)
    if attachment is None:
        raise web.HTTPNotFound
    try:
        return await attachments.take(deps.store, signed.actor, attachment)
    except AttachmentDamaged:
        return security.said(request, 500, _DAMAGED)


def routes() -> list[web.RouteDef]:
    one = r"/tickets/{ticket_id:\d{1,18}}"
    return [
        web.get("/tickets", search),
        web.get(one + "/progress", progress),
        web.get(one + "/trace", trace),
        web.get(one + "/aside", aside),
        web.post(one + "/unmask", unmask),
        web.get(one + r"/attachments/{attachment_id:[0-9a-f]{1,32}}", take_attachment),
    ]
