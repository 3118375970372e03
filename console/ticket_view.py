"""Everything that a ticket's page shows, read once and ready for the template."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from console import say, say_events
from console.attachments import Shown, shown
from console.deps import DEPS, Deps
from console.names import names_in, names_of
from console.offers import Offer, offers
from console.session import Signed, signed_in
from console.time_left import TimeLeft, time_left
from schemas.events import CardIssued, Recorded
from schemas.parties import Actor, Role
from schemas.ticket import ENDED, AssignmentState, Registration, State, Ticket
from ticket_store.archive import archived_before
from ticket_store.delivery_rows import DeliveryStatus
from ticket_store.months import Month
from ticket_store.scope import SEES_ALL, scope_of, sees
from ticket_store.tickets import Supplement

_NAMELESS = (Role.CITIZEN, Role.PEER, Role.MACHINE, Role.SYSTEM)
_LEFT = (AssignmentState.SENT_BACK, AssignmentState.RELEASED)


@dataclass(frozen=True)
class TraceLine:
    kind: str
    at: datetime
    who: str
    title: str
    details: str


@dataclass(frozen=True)
class TicketView:
    """steps: name and done/now/"" for the row of numbered steps.

    archived: what arrived at peers is told by an archive only.
    """

    ticket: Ticket
    registration: Registration | None
    history: list[Recorded]
    supplements: list[Supplement]
    attachments: list[Shown]
    clocks: list[TimeLeft]
    deliveries: list[DeliveryStatus]
    offers: list[Offer]
    trace: list[TraceLine]
    may_unmask: bool
    sees_all: bool
    archived: bool

    @property
    def cards(self) -> list[Recorded]:
        return [one for one in self.history if isinstance(one.event, CardIssued)]

    @property
    def ended(self) -> bool:
        return self.ticket.state in ENDED

    @property
    def steps(self) -> list[tuple[str, str]]:
        state = self.ticket.resume_to or self.ticket.state
        names = [name for name, _ in say.STEPS]
        at = next((n for n, (_, states) in enumerate(say.STEPS) if state in states), None)
        if at is None:  # declined, withdrawn, merged, discarded: the way ended before its end
            return [(names[0], "done"), (say.text(state), "now")]
        if state in ENDED:
            return [(name, "done") for name in names]
        kinds = ["done" if n < at else "now" if n == at else "" for n in range(len(names))]
        if self.ticket.state is State.SUSPENDED:
            names[at] += "（已挂起）"
        return list(zip(names, kinds, strict=True))


async def visible_ticket(request: web.Request) -> tuple[Deps, Signed, Ticket]:
    """The ticket of the address, if the signed-in person may see it.

    Raises: HTTPNotFound, the same for one that does not exist.
    """
    deps, signed = request.app[DEPS], signed_in(request)
    head = await deps.store.tickets.head(int(request.match_info["ticket_id"]))
    if head is None or not sees(scope_of(signed.actor), head):
        raise web.HTTPNotFound
    return deps, signed, head


async def load(request: web.Request) -> TicketView:
    deps, signed, ticket = await visible_ticket(request)
    store, ticket_id = deps.store, ticket.ticket_id
    registration = await store.tickets.registration(ticket_id)
    history = await store.tickets.history(ticket_id)
    names = await names_of(deps, {recorded.actor.actor_id for recorded in history})
    clocks = (await store.clocks.of([ticket_id])).get(ticket_id, ())
    now, calendar = deps.now(), deps.calendar()
    sees_all = bool(signed.actor.roles & SEES_ALL)
    return TicketView(
        ticket=ticket,
        registration=registration,
        history=history,
        supplements=await store.tickets.supplements(ticket_id),
        attachments=await shown(deps, ticket_id),
        clocks=[
            time_left(clock, now, calendar)
            for clock in sorted(clocks, key=lambda one: one.due_at)
            if clock.is_open
        ],
        deliveries=await store.deliveries.of_ticket(ticket_id) if sees_all else [],
        offers=offered(deps, ticket, signed.actor),
        trace=[_line(deps, recorded, names) for recorded in reversed(history)],
        may_unmask=may_unmask(signed.actor, registration, ticket),
        sees_all=sees_all,
        archived=sees_all and await _archived(deps, ticket),
    )


async def _archived(deps: Deps, ticket: Ticket) -> bool:
    if ticket.state not in ENDED:
        return False
    before = await archived_before(deps.store, Month.of_ticket(ticket.ticket_id))
    return before is not None and ticket.updated_at < before


def may_unmask(actor: Actor, registration: Registration | None, ticket: Ticket) -> bool:
    """Who calls the citizen; a department only while the matter is its own, and not when he asked
    to be kept secret."""
    if registration is None or registration.citizen is None:
        return False
    if actor.has(Role.OPERATOR, Role.REVIEWER, Role.LEADER):
        return True
    if not actor.has(Role.HANDLER) or actor.department is None or registration.citizen.confidential:
        return False
    share = ticket.assignment_of(actor.department)
    return share is not None and share.state not in _LEFT


def offered(deps: Deps, ticket: Ticket, actor: Actor) -> list[Offer]:
    return offers(ticket, actor, extensions_allowed=deps.extensions_allowed)


def _line(deps: Deps, recorded: Recorded, names: Mapping[str, str]) -> TraceLine:
    """A department that the title names already is not said again of who acted for it."""
    title, details = say_events.line(recorded.event, names_in(deps))
    somebody = who(recorded.actor, names)
    place = deps.department_name(recorded.actor.department)
    if place and place not in title + somebody:
        somebody += f"（{place}）"
    return TraceLine(recorded.event.kind, recorded.at, somebody, title, details)


def who(actor: Actor, names: Mapping[str, str]) -> str:
    """A person's, program's or platform's own name; for the rest what they are."""
    if (name := names.get(actor.actor_id)) is not None:
        return name
    kinds = (say.text(role) for role in _NAMELESS if actor.has(role))
    return next(kinds, actor.actor_id)
