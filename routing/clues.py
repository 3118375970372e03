"""What a decision on the department may look at: a registration, read once and made comparable."""

from dataclasses import dataclass
from datetime import date

from routing.areas import Areas, registration_code
from routing.text import READ_CHARACTERS, normalised, without_personal_data
from schemas.areas import Area
from schemas.matter import MatterKind, Urgency
from schemas.ticket import AssignmentState, Registration, Ticket

_LONGEST_PLACE = 300  # characters


@dataclass(frozen=True)
class Clues:
    """Texts are normalised, cut and without personal data.

    jurisdiction:  area by the code registered, the place, or the accused party's address.
    mentioned:     area that only the text names: evidence, not jurisdiction.
    inside:        whether the jurisdiction is in the city; None: unknown.
    accused_area:  where the accused party is registered; accused_inside: whether in the city;
                   both say nothing (None) without a valid unified social credit code.
    sent_back_by:  departments that this ticket came back from.
    """

    title: str
    text: str
    kind: MatterKind
    urgency: Urgency
    category: str | None = None
    jurisdiction: Area | None = None
    area_origin: str = ""  # Chinese: where the area is known from
    mentioned: Area | None = None
    inside: bool | None = None
    accused_area: Area | None = None
    accused_inside: bool | None = None
    sent_back_by: frozenset[str] = frozenset()

    @property
    def area(self) -> Area | None:
        return self.jurisdiction or self.mentioned

    @property
    def whole(self) -> str:
        return f"{self.title}\n{self.text}"


def read_clues(registration: Registration, ticket: Ticket | None, areas: Areas, on: date) -> Clues:
    """Clues of a registration; kind, urgency, category and area are the ticket's where it has them.

    Never raises: what cannot be read is no clue.
    """
    matter, accused = registration.matter, registration.accused
    title = readable(matter.title)
    text = readable(matter.text)
    area_code = (ticket and ticket.area_code) or matter.area_code
    address = accused.address if accused else None
    jurisdiction, origin = _jurisdiction(area_code, matter.place, address, areas, on)
    mentioned = None if jurisdiction else areas.locate(f"{title} {text}", on)
    register = registration_code(accused.uscc if accused else None)
    return Clues(
        title=title,
        text=text,
        kind=ticket.matter_kind if ticket else matter.kind,
        urgency=ticket.urgency if ticket else matter.urgency,
        category=(ticket and ticket.category_code) or matter.category_code,
        jurisdiction=jurisdiction,
        area_origin=origin or ("正文提及" if mentioned else ""),
        mentioned=mentioned,
        inside=True if jurisdiction else (areas.inside(area_code) if area_code else None),
        accused_area=areas.current(register, on) if register else None,
        accused_inside=areas.inside(register) if register else None,
        sent_back_by=_sent_back_by(ticket),
    )


def readable(raw: str) -> str:
    """The text as every clue is read from it: normalised, cut, without personal data."""
    return without_personal_data(normalised(raw, READ_CHARACTERS))


def _jurisdiction(
    area_code: str | None, place: str | None, address: str | None, areas: Areas, on: date
) -> tuple[Area | None, str]:
    if area_code and (area := areas.current(area_code, on)):
        return area, "登记属地"
    if area_code and areas.inside(area_code) is False:
        return None, ""  # an address must not contradict what was registered
    for words, origin in ((place, "事发地点"), (address, "被诉方地址")):
        if words and (area := areas.locate(normalised(words, _LONGEST_PLACE), on)):
            return area, origin
    return None, ""


def _sent_back_by(ticket: Ticket | None) -> frozenset[str]:
    if ticket is None:
        return frozenset()
    return frozenset(
        each.department for each in ticket.assignments if each.state is AssignmentState.SENT_BACK
    )
