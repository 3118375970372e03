"""Deliveries as rows, as tries and as people see them; what a try is built from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, literal_column, select

from schemas.events import Event
from schemas.ids import split_event_id
from schemas.outbound import DeliveryState, Outbound
from schemas.ticket import Registration
from ticket_store.metadata import instant_of, read_instant
from ticket_store.models import deliveries
from ticket_store.rows import read_event

DepartmentName = Callable[[str], str]


@dataclass(frozen=True)
class OwedDelivery:
    """One try, which is counted already. state: PENDING: send; UNCERTAIN: ask before a resend."""

    outbound: Outbound
    attempts: int
    state: DeliveryState
    first_tried_at: datetime
    replays: int


@dataclass(frozen=True)
class DeliveryStatus:
    """A row as people see it. in_flight: being tried now, or its sender died and the lease runs."""

    ticket_id: int
    sequence: int
    destination: str
    state: DeliveryState
    attempts: int
    replays: int
    in_flight: bool
    next_try_at: datetime | None
    first_tried_at: datetime | None
    settled_at: datetime | None
    peer_code: str
    peer_answer: str
    detail: str


@dataclass(frozen=True)
class Hold:
    """A destination to which nothing is sent until its credentials are mended."""

    destination: str
    since: datetime
    detail: str


def departments_of(event: Event) -> Sequence[str]:
    """The codes of the departments that an event names."""
    if (assignments := getattr(event, "assignments", None)) is not None:
        return [one.department for one in assignments]
    department = getattr(event, "department", None)
    return [department] if department else []


def rebuilt(row: Row[Any], department_name: DepartmentName) -> Outbound:
    """The same on every try: from the event and the registration that held at that event.

    Raises: ValueError when a row was altered from outside and cannot be read.
    """
    recorded = read_event(row)
    registration = Registration.model_validate_json(row.registration or "")
    return Outbound(
        destination=row.destination,
        ticket_id=recorded.ticket_id,
        sequence=recorded.sequence,
        at=recorded.at,
        event=recorded.event,
        source=registration.source,
        source_ticket_no=registration.source_ticket_no,
        call_no=registration.call_no,
        department_names=tuple(map(department_name, departments_of(recorded.event))),
    )


def next_try(row: Row[Any], outbound: Outbound, now: datetime) -> OwedDelivery:
    return OwedDelivery(
        outbound,
        attempts=row.attempts + 1,
        state=DeliveryState.UNCERTAIN if row.in_doubt else DeliveryState.PENDING,
        first_tried_at=now if row.first_tried_at is None else instant_of(row.first_tried_at),
        replays=row.replays,
    )


def status(row: Row[Any]) -> DeliveryStatus:
    ticket_id, sequence = split_event_id(row.event_id)
    return DeliveryStatus(
        ticket_id=ticket_id,
        sequence=sequence,
        destination=row.destination,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        replays=row.replays,
        in_flight=row.holder is not None,
        next_try_at=_moment(row.next_try_at),
        first_tried_at=_moment(row.first_tried_at),
        settled_at=_moment(row.settled_at),
        peer_code=row.peer_code or "-",
        peer_answer=row.peer_answer or "",
        detail=row.detail or "",
    )


def count(connection: Connection, *, undelivered_only: bool) -> dict[str, dict[DeliveryState, int]]:
    """Rows by destination and state."""
    row = deliveries.c
    query = select(row.destination, row.state, func.count().label("number"))
    if undelivered_only:
        query = query.where(row.state != literal_column("'delivered'"))
    counted: dict[str, dict[DeliveryState, int]] = {}
    for found in connection.execute(query.group_by(row.state, row.destination)):
        counted.setdefault(found.destination, {})[DeliveryState(found.state)] = found.number
    return counted


def _moment(value: int | datetime | None) -> datetime | None:
    return None if value is None else read_instant(value)
