"""Portal messages to intakes, and events to what a citizen may read. Pure."""

import json

from pydantic import ValidationError

from connectors.web_portal import codes
from connectors.web_portal.messages import (
    PORTAL_MESSAGE,
    MatterForm,
    MatterMessage,
    PortalMessage,
    RatingMessage,
    SupplementMessage,
)
from schemas import events as ev
from schemas.areas import NO_AREAS, AreaTable
from schemas.errors import PayloadNotUnderstood, places_of
from schemas.intake import Intake, IntakeKind
from schemas.matter import Matter
from schemas.outbound import Outbound
from schemas.parties import AccusedParty, Citizen
from schemas.ticket import Registration, Source
from schemas.working_calendar import HUB_ZONE

MATTER_SOURCE = "互联网门户"


def intakes_from_body(body: bytes, peer: str, areas: AreaTable = NO_AREAS) -> list[Intake]:
    """Read one message of the portal API back. Raises: PayloadNotUnderstood."""
    try:
        return [_intake(PORTAL_MESSAGE.validate_json(body), peer, areas)]
    except ValidationError as error:
        raise PayloadNotUnderstood(peer, places_of(error)) from error


def callback_from(outbound: Outbound) -> bytes:
    """The body of the callback to the portal.

    Raises: PayloadNotUnderstood when the event is none that a citizen is told.
    """
    event = outbound.event
    if event.kind not in codes.PUSHED:
        raise PayloadNotUnderstood(outbound.destination, f"{event.kind} is not for this peer")
    line, text = public_line(event)
    callback = {
        "ticket_no": outbound.ticket_no,
        "sequence": outbound.sequence,
        "event": event.kind,
        "state": codes.STATE_CODES[outbound.state],
        "state_text": codes.PUBLIC_STATES[outbound.state],
        "line": line,
        "text": text,
        "at": outbound.at.isoformat(),
    }
    return json.dumps(callback, ensure_ascii=False).encode()


def public_line(event: ev.Event) -> tuple[str, str]:
    """Title and text of an event in the public timeline; ("", "") when it stays inside.

    A department's own words are not shown before they were reviewed; the hub's reply is.
    """
    return codes.PUBLIC_EVENTS.get(event.kind, ""), _public_text(event)


def _public_text(event: ev.Event) -> str:
    match event:
        case ev.DirectlyAnswered(text=text) | ev.CitizenReplied(text=text):
            return text
        case ev.TicketDeclined(reason=text) | ev.TicketSuspended(reason=text):
            return text
        case ev.TicketClosed(reply=text):
            return text
        case ev.ExtensionGranted(working_days=days):
            return f"延长{days}个工作日"
    return ""


def _intake(message: PortalMessage, peer: str, areas: AreaTable) -> Intake:
    if isinstance(message, MatterMessage):
        return Intake(
            kind=IntakeKind.NEW,
            peer=peer,
            ticket_id=message.ticket_id,
            attachments=message.form.attachments,
            registration=_registration(message, peer, areas),
        )
    if isinstance(message, SupplementMessage):
        return Intake(
            kind=IntakeKind.SUPPLEMENT,
            peer=peer,
            ticket_id=message.ticket_id,
            text=message.form.text,
            attachments=message.form.attachments,
        )
    if isinstance(message, RatingMessage):
        return Intake(
            kind=IntakeKind.RATE,
            peer=peer,
            ticket_id=message.ticket_id,
            rating=message.form.rating,
            text=message.form.text,
        )
    return Intake(
        kind=IntakeKind.WITHDRAW,
        peer=peer,
        ticket_id=message.ticket_id,
        text=message.form.reason,
    )


def _registration(message: MatterMessage, peer: str, areas: AreaTable) -> Registration:
    form = message.form
    return Registration(
        matter=Matter(
            title=form.title,
            text=form.text,
            kind=form.kind,
            area_code=_area(message, areas),
            place=form.place or None,
        ),
        citizen=Citizen(
            name=form.citizen.name,
            phone=form.citizen.phone,
            confidential=form.citizen.confidential,
        ),
        accused=_accused(form),
        source=Source.WEB_PORTAL,
        peer=peer,
        matter_source=MATTER_SOURCE,
        received_at=message.received_at,
    )


def _area(message: MatterMessage, areas: AreaTable) -> str | None:
    code = message.form.area_code
    on = message.received_at.astimezone(HUB_ZONE).date()
    return areas.in_force(code, on) if code else None


def _accused(form: MatterForm) -> AccusedParty | None:
    if form.accused is None:
        return None
    return AccusedParty(
        name=form.accused.name,
        uscc=form.accused.uscc,
        address=form.accused.address or None,
    )
