"""Registrations and tickets for the tests, and the day they happen on."""

from datetime import UTC, date, datetime

from schemas.matter import Matter, MatterKind, Urgency
from schemas.parties import AccusedParty
from schemas.ticket import (
    Assignment,
    AssignmentState,
    Part,
    Registration,
    Source,
    State,
    Ticket,
)

TODAY = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


def registration(
    text: str,
    title: str = "反映一件事",
    *,
    kind: MatterKind = MatterKind.COMPLAINT,
    category: str | None = None,
    area: str | None = None,
    place: str | None = None,
    accused: AccusedParty | None = None,
) -> Registration:
    return Registration(
        matter=Matter(
            title=title, text=text, kind=kind, category_code=category, area_code=area, place=place
        ),
        accused=accused,
        source=Source.COUNTER,
        received_at=NOW,
    )


def ticket(sent_back: str | None = None, category_code: str | None = None) -> Ticket:
    """An accepted ticket; `sent_back` is a department that it came back from."""
    shares = [
        Assignment(
            round=1,
            department=department,
            part=Part.SINGLE,
            state=AssignmentState.SENT_BACK,
            dispatched_at=NOW,
        )
        for department in [sent_back]
        if department is not None
    ]
    return Ticket(
        ticket_id=1,
        version=3,
        state=State.ACCEPTED,
        source=Source.COUNTER,
        title="反映一件事",
        matter_kind=MatterKind.COMPLAINT,
        urgency=Urgency.NORMAL,
        category_code=category_code,
        received_at=NOW,
        updated_at=NOW,
        assignments=tuple(shares),
        round=1,
    )
