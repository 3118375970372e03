"""12345 orders to intakes, and events to 12345 updates. Pure; an unknown code is never guessed."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from pydantic import ValidationError

from connectors.hotline12345 import codes
from connectors.hotline12345.wire import AccusedPart, CitizenPart, Order
from schemas import events as ev
from schemas.areas import NO_AREAS, AreaTable
from schemas.errors import PayloadNotUnderstood, places_of
from schemas.intake import Intake, IntakeKind
from schemas.matter import Matter
from schemas.outbound import Outbound
from schemas.parties import AccusedParty, Citizen
from schemas.ticket import Registration, ReminderKind, Source

MATTER_SOURCE = "12345热线"
_ADDS: Mapping[str, IntakeKind] = MappingProxyType(
    {
        "supplemented": IntakeKind.SUPPLEMENT,
        "reminded": IntakeKind.REMIND,
        "withdrawn": IntakeKind.WITHDRAW,
    }
)


@dataclass(frozen=True)
class Dialect:
    """What differs from town to town.

    peer:        name of the settings entry.
    app_key:     ours at the platform; a change made with it is our own.
    categories:  their category -> ours; one that is not listed keeps their code.
    """

    peer: str
    app_key: str
    areas: AreaTable = NO_AREAS
    categories: Mapping[str, str] = field(default_factory=dict)


def intakes_from_body(body: bytes, dialect: Dialect) -> list[Intake]:
    """Read one version of an order.

    Each version carries the whole order, so each registers it or updates it; what a supplement, a
    reminder or a withdrawal adds comes as a second intake. A message that was lost is thus made
    good by the next one.
    Raises: PayloadNotUnderstood.
    """
    try:
        order = Order.model_validate_json(body)
        updated_at = _instant(order.updateTime)
        if _is_echo(order, dialect):
            return [_intake(IntakeKind.ECHO, order, dialect, updated_at)]
        whole = _intake(IntakeKind.NEW, order, dialect, updated_at).model_copy(
            update={"registration": _registration(order, dialect)}
        )
        return [whole, *_addition(order, dialect, updated_at)]
    except ValidationError as error:
        raise PayloadNotUnderstood(dialect.peer, places_of(error)) from error
    except (KeyError, ValueError) as error:
        raise PayloadNotUnderstood(dialect.peer, f"{type(error).__name__}: {error}") from error


def update_from(outbound: Outbound) -> bytes:
    """The body of POST /api/orders/{orderNo}/status.

    Raises: PayloadNotUnderstood when the event is none that the platform takes.
    """
    event = outbound.event
    if event.kind not in codes.ACTIONS or outbound.source_ticket_no is None:
        raise PayloadNotUnderstood(outbound.destination, f"{event.kind} is not for this peer")
    update = {
        "orderNo": outbound.source_ticket_no,
        "hubTicketNo": outbound.ticket_no,
        "sequence": outbound.sequence,
        "action": codes.ACTIONS[event.kind],
        "event": event.kind,
        "state": codes.STATE_CODES[outbound.state],
        "time": outbound.at.astimezone(codes.ZONE).strftime(codes.PEER_TIME),
        "departments": list(outbound.department_names),
        "text": text_of(event),
    }
    if isinstance(event, ev.TicketRated):
        update["rating"] = event.rating
    if isinstance(event, ev.FollowUpRecorded | ev.ReworkOrdered):
        update |= {"satisfied": event.satisfied, "resolved": event.resolved}
    if isinstance(event, ev.ExtensionGranted):
        update["workingDays"] = event.working_days
    return json.dumps(update, ensure_ascii=False).encode()


def text_of(event: ev.Event) -> str:
    """The words that the platform is given with an event; "" when it has none for it."""
    match event:
        case ev.TicketClosed(reply=reply, reason=reason):
            return reply or reason
        case ev.DepartmentCompleted(result=text) | ev.TicketAccepted(note=text):
            return text
        case (
            ev.DirectlyAnswered(text=text)
            | ev.FeedbackGiven(text=text)
            | ev.MediationRecorded(text=text)
            | ev.CitizenReplied(text=text)
            | ev.ReminderAnswered(text=text)
            | ev.TicketRated(text=text)
        ):
            return text
        case (
            ev.TicketDeclined(reason=text)
            | ev.ReturnedToIntake(reason=text)
            | ev.ClosureReturned(reason=text)
            | ev.ReworkOrdered(reason=text)
            | ev.TicketSuspended(reason=text)
            | ev.TicketWithdrawn(reason=text)
            | ev.TicketMerged(reason=text)
        ):
            return text
    return ""


def _addition(order: Order, dialect: Dialect, updated_at: datetime) -> Sequence[Intake]:
    event = order.event
    if event.type not in codes.EVENTS:
        raise ValueError(f"unknown event {event.type}")
    kind = _ADDS.get(event.type)
    if kind is None:
        return ()
    if not event.text:
        raise ValueError(f"a version that is {event.type} says nothing in event.text")
    addition = _intake(kind, order, dialect, updated_at)
    more: dict[str, object] = {"text": event.text}
    if kind is IntakeKind.SUPPLEMENT:
        more["attachments"] = tuple(event.attachments)
    if kind is IntakeKind.REMIND:
        more["reminder"] = ReminderKind.SUPERIOR
    return (addition.model_copy(update=more),)


def _intake(kind: IntakeKind, order: Order, dialect: Dialect, updated_at: datetime) -> Intake:
    return Intake(
        kind=kind,
        peer=dialect.peer,
        source_ticket_no=order.orderNo,
        peer_updated_at=updated_at,
        peer_state=codes.STATES[order.state].value,
    )


def _registration(order: Order, dialect: Dialect) -> Registration:
    created_at = _instant(order.createTime)
    return Registration(
        matter=Matter(
            title=order.title,
            text=order.content,
            kind=codes.MATTER_KINDS[order.appealType],
            urgency=codes.URGENCIES[order.urgency],
            category_code=dialect.categories.get(order.category, order.category)
            if order.category
            else None,
            area_code=dialect.areas.in_force(order.areaCode, created_at.date())
            if order.areaCode
            else None,
            place=order.place or None,
        ),
        citizen=_citizen(order.citizen),
        accused=_accused(order.accused),
        source=Source.HOTLINE12345,
        peer=dialect.peer,
        source_ticket_no=order.orderNo,
        matter_source=MATTER_SOURCE,
        received_at=created_at,
    )


def _citizen(part: CitizenPart | None) -> Citizen | None:
    if part is None:
        return None
    return Citizen(
        name=part.name,
        phone=part.phone or None,
        id_no=part.idNo or None,
        confidential=part.confidential,
    )


def _accused(part: AccusedPart | None) -> AccusedParty | None:
    if part is None:
        return None
    return AccusedParty(name=part.name, uscc=part.uscc or None, address=part.address or None)


def _is_echo(order: Order, dialect: Dialect) -> bool:
    """Whether this version was made by our own push back: our application key, or a key of ours."""
    last = order.lastUpdate
    ours = re.compile(rf"\d+\.{re.escape(dialect.peer)}")
    return last.by == dialect.app_key or ours.fullmatch(last.key or "") is not None


def _instant(text: str) -> datetime:
    return datetime.strptime(text, codes.PEER_TIME).replace(tzinfo=codes.ZONE)
