"""The province's XML documents to intakes, and the hub's deliveries to its reports. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from lxml import etree
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from connectors.foreign_xml import (
    ForeignXmlRefused,
    embedded_xml,
    legal_characters,
    local_name,
    parse_text,
    parse_xml,
)
from connectors.provincial import codes, wording
from connectors.state_names import STATE_NAMES
from schemas.areas import NO_AREAS, AreaTable
from schemas.errors import PayloadNotUnderstood, places_of
from schemas.intake import Intake, IntakeKind
from schemas.matter import Matter, Urgency
from schemas.outbound import Outbound
from schemas.parties import AccusedParty, Citizen
from schemas.ticket import Registration, Source, State

_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_Model = TypeVar("_Model", bound=BaseModel)


class _Document(BaseModel):
    """Elements under their names; those that the interface does not name are left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Issued(_Document):
    ticket_no: str
    title: str
    content: str
    appeal_type: str
    urgency: str | None = None
    category: str | None = None
    area_code: str | None = None
    place: str | None = None
    matter_source: str | None = None
    citizen_name: str | None = None
    citizen_phone: str | None = None
    citizen_id_no: str | None = None
    confidential: str = "0"
    accused_name: str | None = None
    accused_uscc: str | None = None
    accused_address: str | None = None
    issue_time: str
    update_time: str
    state: str
    caused_by: str | None = None


class _Note(_Document):
    """A reminder, a withdrawal or a supplement: words about a ticket issued before."""

    ticket_no: str
    content: str = Field(max_length=4000)  # as the hub's commands take
    time: str
    kind: str | None = None


class Item(_Document):
    """One message of a page: the province's number of it, and its document, untouched."""

    message_no: str
    document: str


class Result(_Document):
    """The document that every operation returns."""

    code: str
    message: str = ""
    cursor: str = ""
    items: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Report:
    operation: str
    document: str


def intakes_from_body(body: bytes, peer: str, areas: AreaTable = NO_AREAS) -> tuple[Intake, ...]:
    """One document of the province as intakes. Raises: PayloadNotUnderstood."""
    try:
        return (_intake(parse_xml(body), peer, areas),)
    except (ForeignXmlRefused, KeyError, ValueError) as error:
        raise PayloadNotUnderstood(peer, _why(error)) from error


def report_of(outbound: Outbound) -> Report:
    """Which operation tells the province of this event, and the document it takes.

    Raises: PayloadNotUnderstood for an event that is not reported, or a ticket not of theirs.
    """
    kind = outbound.event.kind
    if kind not in codes.STAGES or outbound.source_ticket_no is None:
        raise PayloadNotUnderstood(
            outbound.destination, f"{kind} of {outbound.ticket_no} cannot be reported"
        )
    operation = (
        "reportAcceptance"
        if kind in codes.ACCEPTANCES
        else "reportDecline"
        if kind in codes.DECLINES
        else "reportHandling"
    )
    stage, stage_name = codes.STAGES[kind]
    fields = {
        "serialNo": outbound.key,
        "ticketNo": outbound.source_ticket_no,
        "hubTicketNo": outbound.ticket_no,
        "state": codes.STATE_CODES[outbound.state],
        "stateName": STATE_NAMES[outbound.state],
        "stage": stage,
        "stageName": stage_name,
        "departments": "、".join(outbound.department_names),
        "content": wording.content_of(outbound.event),
        "reportTime": outbound.at.astimezone(codes.ZONE).strftime(_TIMES[0]),
    }
    return Report(operation, _document("report", fields))


def result_of(text: str, peer: str) -> Result:
    """The result document of an operation. Raises: PayloadNotUnderstood."""
    try:
        return _result(parse_text(text))
    except (ForeignXmlRefused, ValueError) as error:
        raise PayloadNotUnderstood(peer, _why(error)) from error


def _intake(root: etree._Element, peer: str, areas: AreaTable) -> Intake:
    kind = local_name(root)
    if kind == "issuedTicket":
        return _issued(_read(root, _Issued), peer, areas)
    if kind in _NOTES:
        return _note(_read(root, _Note), _NOTES[kind], peer)
    raise ValueError(f"document {kind[:40]!r} is not of the interface")


def _result(root: etree._Element) -> Result:
    if local_name(root) != "result":
        raise ValueError(f"document {local_name(root)[:40]!r} instead of a result")
    holders = root.findall("{*}items")
    fields: dict[str, object] = {
        local_name(child): (child.text or "").strip() for child in root if child not in holders
    }
    fields["items"] = [
        {"messageNo": item.get("messageNo"), "document": embedded_xml(item)}
        for holder in holders
        for item in holder
    ]
    return Result.model_validate(fields)


def _issued(ticket: _Issued, peer: str, areas: AreaTable) -> Intake:
    state, updated_at = codes.STATES[ticket.state], _time(ticket.update_time)
    if ticket.caused_by is not None:
        return Intake(
            kind=IntakeKind.ECHO,
            peer=peer,
            source_ticket_no=ticket.ticket_no,
            peer_updated_at=updated_at,
            peer_state=state.value,
            text=ticket.caused_by,
        )
    if state is State.WITHDRAWN:
        return Intake(
            kind=IntakeKind.WITHDRAW,
            peer=peer,
            source_ticket_no=ticket.ticket_no,
            peer_updated_at=updated_at,
            peer_state=state.value,
            text=STATE_NAMES[state],
        )
    return Intake(
        kind=IntakeKind.NEW,
        peer=peer,
        source_ticket_no=ticket.ticket_no,
        peer_updated_at=updated_at,
        peer_state=state.value,
        registration=_registration(ticket, peer, areas),
    )


def _registration(ticket: _Issued, peer: str, areas: AreaTable) -> Registration:
    citizen = accused = None
    received_at = _time(ticket.issue_time)
    if ticket.citizen_name is not None:
        citizen = Citizen(
            name=ticket.citizen_name,
            phone=ticket.citizen_phone,
            id_no=ticket.citizen_id_no,
            confidential=codes.FLAGS[ticket.confidential],
        )
    if ticket.accused_name is not None:
        accused = AccusedParty(
            name=ticket.accused_name, uscc=ticket.accused_uscc, address=ticket.accused_address
        )
    return Registration(
        matter=Matter(
            title=ticket.title,
            text=ticket.content,
            kind=codes.MATTER_KINDS[ticket.appeal_type],
            urgency=Urgency.NORMAL if ticket.urgency is None else codes.URGENCIES[ticket.urgency],
            category_code=ticket.category,
            area_code=ticket.area_code and areas.in_force(ticket.area_code, received_at.date()),
            place=ticket.place,
        ),
        citizen=citizen,
        accused=accused,
        source=Source.PROVINCIAL,
        peer=peer,
        source_ticket_no=ticket.ticket_no,
        superior_assigned=True,
        matter_source=ticket.matter_source,
        received_at=received_at,
    )


_NOTES: Mapping[str, IntakeKind] = {
    "reminder": IntakeKind.REMIND,
    "withdrawal": IntakeKind.WITHDRAW,
    "supplement": IntakeKind.SUPPLEMENT,
}


def _note(note: _Note, kind: IntakeKind, peer: str) -> Intake:
    return Intake(
        kind=kind,
        peer=peer,
        source_ticket_no=note.ticket_no,
        peer_updated_at=_time(note.time),
        text=note.content,
        reminder=codes.REMINDERS[note.kind or ""] if kind is IntakeKind.REMIND else None,
    )


def _read(root: etree._Element, model: type[_Model]) -> _Model:
    """The leaves under `root`; an empty one counts as missing, a repeated one is refused."""
    fields: dict[str, str] = {}
    for child in root:
        name, text = local_name(child), (child.text or "").strip()
        if len(child) or name in fields:
            raise ValueError(f"element {name} is nested or repeated")
        fields[name] = text
    return model.model_validate({name: text for name, text in fields.items() if text})


def _time(text: str) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=codes.ZONE)
        except ValueError:
            continue
    raise ValueError(f"time {text[:40]!r} is not of the interface")


def _document(name: str, fields: Mapping[str, str]) -> str:
    root = etree.Element(name)
    for field, value in fields.items():
        etree.SubElement(root, field).text = legal_characters(value)
    return etree.tostring(root, encoding="unicode")


def _why(error: Exception) -> str:
    """What is wrong without quoting the citizen: pydantic's own message shows the values."""
    if isinstance(error, ValidationError):
        return places_of(error)
    return f"{type(error).__name__}: {error}"
