"""What the API answers, as models: for the document and for the handlers."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from schemas.clocks import Clock, ClockState, Level
from schemas.events import Recorded
from schemas.ids import ticket_no
from schemas.lifecycle import Action
from schemas.matter import Frozen, MatterKind, Urgency
from schemas.sla import Step
from schemas.ticket import Registration, Source, State, Ticket
from ticket_store.ticket_query import TicketRow


class Created(Frozen):
    """A ticket that was registered; the same answer for the same Idempotency-Key."""

    ticket_id: int
    ticket_no: str
    state: State
    version: int


class Acted(Created):
    """events: kinds of what happened. repeated: it had happened before, for the same key."""

    command_id: UUID
    events: tuple[str, ...]
    repeated: bool


class Row(Frozen):
    """A line of the list. due_at: the first deadline that runs; null while none does."""

    ticket_id: int
    ticket_no: str
    title: str
    state: State
    matter_kind: MatterKind
    urgency: Urgency
    source: Source
    peer: str | None
    source_ticket_no: str | None
    category_code: str | None
    area_code: str | None
    departments: tuple[str, ...]
    cards: tuple[str, ...]
    received_at: datetime
    updated_at: datetime
    version: int
    due_at: datetime | None

    @classmethod
    def of(cls, row: TicketRow) -> "Row":
        return cls.model_construct(
            ticket_id=row.ticket_id,
            ticket_no=row.ticket_no,
            title=row.title,
            state=row.state,
            matter_kind=row.matter_kind,
            urgency=row.urgency,
            source=row.source,
            peer=row.peer,
            source_ticket_no=row.source_ticket_no,
            category_code=row.category_code,
            area_code=row.area_code,
            departments=row.departments,
            cards=row.cards,
            received_at=row.received_at,
            updated_at=row.updated_at,
            version=row.version,
            due_at=row.due_at,
        )


class Page(Frozen):
    """cursor: hand it back for the next page; null on the last."""

    tickets: tuple[Row, ...]
    cursor: str | None


class ClockFacts(Frozen):
    """A time limit of the ticket. provisional: the year's holiday notice is not out yet."""

    clock_id: str
    step: Step
    department: str | None
    state: ClockState
    started_at: datetime
    due_at: datetime
    warn_at: datetime
    fired: tuple[Level, ...]
    provisional: bool

    @classmethod
    def of(cls, clock: Clock) -> "ClockFacts":
        return cls.model_validate({name: getattr(clock, name) for name in cls.model_fields})


class NumberedTicket(Ticket):
    """The head, with the number that people read to each other."""

    ticket_no: str

    @classmethod
    def of(cls, ticket: Ticket) -> "NumberedTicket":
        return cls.model_construct(**dict(ticket), ticket_no=ticket_no(ticket.ticket_id))


class SeenCitizen(Frozen):
    """name, phone, id_no: masked with * unless `unmask` was asked for."""

    name: str
    phone: str | None = None
    id_no: str | None = None
    confidential: bool = False


class SeenRegistration(Registration):
    """A registration as the token may see it."""

    citizen: SeenCitizen | None = None  # type: ignore[assignment]  # looser: masked texts fit no pattern


class Whole(Frozen):
    """actions: what the token may try from here; the desk decides."""

    ticket: NumberedTicket
    registration: SeenRegistration | None
    clocks: tuple[ClockFacts, ...]
    actions: tuple[Action, ...]


class History(Frozen):
    events: tuple[Recorded, ...]


class DepartmentRow(Frozen):
    code: str
    name: str
    duties: tuple[str, ...]


class Departments(Frozen):
    departments: tuple[DepartmentRow, ...]


class WrongField(Frozen):
    field: str
    message: str


class ProblemJson(Frozen):
    """RFC 9457. title, detail: Chinese. code: stable. errors: of fields, with status 422."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    facts: dict[str, str] = Field(default_factory=dict)
    errors: tuple[WrongField, ...] = ()
