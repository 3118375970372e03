"""统一派审: the list, the desk with candidates and department search, and the due-date preview."""

from datetime import datetime

from aiohttp import web

from console.actions import form_for
from console.deps import DEPS, Deps
from console.dispatch_picker import Choice, Picker, picker_for
from console.forms import number_in
from console.listings import count_of
from console.rendering import moment, page
from console.reviews import asked_for
from console.session import signed_in
from console.tabs import Tab, TabbedPage, due
from console.ticket_view import TicketView, load
from schemas.clock_needs import facts_of
from schemas.lifecycle import Action, possible_actions
from schemas.parties import Actor
from schemas.sla import Step, limit_for
from schemas.ticket import DispatchForm, ReviewKind
from schemas.working_time import Limit
from schemas.working_time import due as due_of
from ticket_store.scope import scope_of
from ticket_store.to_dos import ToDo

_LONGEST_LIMIT_DAYS = 90
_LONGEST_WORDS = 60
_PLACE_LOOKED_AT = 200


def _tabs(_actor: Actor) -> list[Tab]:
    return [
        Tab("accepted", "待派审", lambda _a: due(to_do=ToDo.ACCEPTED),
            "没有待派审的工单。受理后的工单会自动出现在这里。", act="派审", to="/dispatch/"),
        Tab("send-back", "退单审核", lambda _a: due(to_do=ToDo.SEND_BACK_REVIEW),
            "没有待审核的退单。", act="审核", note=asked_for(ReviewKind.SEND_BACK)),
    ]  # fmt: skip


PAGE = TabbedPage("/dispatch", "统一派审", _tabs)


async def desk(request: web.Request) -> web.Response:
    """The desk for one ticket. One that is dispatched already leads to its page."""
    view = await load(request)
    deps, signed = request.app[DEPS], signed_in(request)
    ticket = view.ticket
    if Action.DISPATCH not in possible_actions(ticket.state, signed.actor.roles):
        raise web.HTTPSeeOther(f"/tickets/{ticket.ticket_id}")
    place, total, after = await _place(deps, signed.actor, ticket.ticket_id)
    back = f"/dispatch/{after}" if after else "/dispatch"
    form = form_for(request, ticket, Action.DISPATCH, None, values={"back": back})
    return page(
        request, "dispatch/desk.html", view=view, form=form, refusal=None,
        picker=await picker_for(deps, ticket.ticket_id, None), place=place, total=total,
        after=after, due_at=due_preview(deps, view, None),
    )  # fmt: skip


async def _place(deps: Deps, actor: Actor, ticket_id: int) -> tuple[int | None, str, int | None]:
    """Which of how many in due order this one is, and the one after it."""
    query = due(to_do=ToDo.ACCEPTED)
    found = await deps.store.search.find(query, scope_of(actor), limit=_PLACE_LOOKED_AT)
    ids = [row.ticket_id for row in found.rows]
    total = str(await count_of(deps, actor, query))
    if ticket_id not in ids:
        return None, total, next(iter(ids), None)
    at = ids.index(ticket_id)
    others = ids[at + 1 :] or ids[:at]
    return at + 1, total, next(iter(others), None)


def due_preview(deps: Deps, view: TicketView, working_days: int | None) -> datetime | None:
    """When the department would have to be done if the ticket were dispatched now.

    The whole way runs since the matter was received; its own clock knows pauses and extensions.
    None when neither the table nor the dispatcher sets a limit.
    """
    now, calendar, facts = deps.now(), deps.calendar(), facts_of(view.ticket)
    ends = [left.clock.due_at for left in view.clocks if left.clock.step is Step.TOTAL]
    starts = {Step.HANDLE: now} | ({} if ends else {Step.TOTAL: view.ticket.received_at})
    for step, start in starts.items():
        if (chosen := limit_for(step, facts, deps.limits, start, calendar)) is not None:
            ends.append(chosen.due.due_at)
    if working_days is not None:
        ends.append(due_of(now, Limit.working_days(working_days), calendar).due_at)
    return min(ends, default=None)


async def preview(request: web.Request) -> web.Response:
    view = await load(request)
    asked = number_in(request.query.get("handle_working_days", ""))
    days = asked if asked and asked <= _LONGEST_LIMIT_DAYS else None
    ends = due_preview(request.app[DEPS], view, days)
    return web.Response(text=moment(ends) or "未设时限", content_type="text/html")


async def departments(request: web.Request) -> web.Response:
    """What the search box of a picker finds: by name, duty, keyword, pinyin initials."""
    words = request.query.get("q", "").strip()[:_LONGEST_WORDS]
    found = request.app[DEPS].catalogue.search(words, 8) if words else []
    return page(request, "dispatch/found.html", found=found, words=words)


async def add_choice(request: web.Request) -> web.Response:
    """One more candidate line, for a department that was found by search."""
    deps, code = request.app[DEPS], request.match_info["code"]
    if all(code != entry.code for entry in deps.catalogue.departments()):
        raise web.HTTPNotFound
    choice = Choice(code, deps.department_name(code), None, "查找所得")
    text = request.query.get("dispatch_form", "")
    form = DispatchForm(text) if text in set(DispatchForm) else DispatchForm.SINGLE
    alone = form is DispatchForm.SINGLE  # else it joins those that are chosen
    chosen = Picker([], form, code if alone else "", frozenset([] if alone else [code]), "")
    return page(request, "dispatch/choice.html", c=choice, n=f"-{code}", picker=chosen)


def routes() -> list[web.RouteDef]:
    one = r"/dispatch/{ticket_id:\d{1,18}}"
    return [
        web.get("/dispatch", PAGE.show),
        web.get(one, desk),
        web.get(one + "/due", preview),
        web.get("/departments", departments),
        web.get(r"/departments/{code:[A-Za-z0-9_-]{1,64}}/choice", add_choice),
    ]
