"""One event of each kind, and deliveries of them, for the tests of what connectors send."""

from datetime import UTC, datetime
from typing import Any, get_args

from schemas.events import EVENT, Event
from schemas.outbound import Outbound
from schemas.ticket import Source, State

NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
TICKET_ID = 245_366_873_341_952

_HEAD: dict[str, Any] = {
    "source": "hotline12345", "peer": "hotline", "source_ticket_no": "SZ20261125000017",
    "superior_assigned": False, "title": "路灯不亮", "matter_kind": "help", "urgency": "normal",
    "category_code": None, "area_code": "320508", "has_citizen": True,
    "handling_mode": "dispatch", "received_at": NOON, "peer_updated_at": NOON,
}  # fmt: skip
_REVIEW: dict[str, Any] = {"review_no": 3, "reason": "理由"}
# what a kind needs beside its state
_FIELDS: dict[str, dict[str, Any]] = {
    "draft_saved": _HEAD,
    "ticket_registered": _HEAD,
    "ticket_amended": {**_HEAD, "reason": "理由"},
    "draft_discarded": {"reason": "理由"},
    "ticket_accepted": {"note": "说明"},
    "ticket_declined": {"reason": "理由"},
    "decline_asked": {"reason": "理由"},
    "decline_refused": _REVIEW,
    "peer_update_noted": {"peer_updated_at": NOON},
    "directly_answered": {"text": "答复"},
    "proposal_made": {"proposal": {"candidates": []}},
    "ticket_dispatched": {
        "round": 1,
        "form": "single",
        "assignments": [{"department": "d1", "part": "single"}],
    },
    "returned_to_intake": {"reason": "理由"},
    "department_acknowledged": {"department": "d1"},
    "feedback_given": {"department": "d1", "text": "反馈"},
    "mediation_recorded": {"department": "d1", "agreed": True, "text": "调解"},
    "department_completed": {"department": "d1", "result": "结果"},
    "send_back_asked": {"department": "d1", "reason": "理由"},
    "send_back_granted": {"department": "d1", "review_no": 3},
    "send_back_refused": {"department": "d1", **_REVIEW, "back_to": "pending"},
    "extension_requested": {"department": "d1", "working_days": 5, "reason": "理由"},
    "extension_granted": {"department": "d1", "review_no": 3, "working_days": 5},
    "extension_refused": {"department": "d1", **_REVIEW},
    "closure_passed": {"review_no": 3},
    "closure_returned": _REVIEW,
    "citizen_replied": {"text": "答复"},
    "follow_up_recorded": {"satisfied": True, "resolved": True},
    "rework_ordered": {"satisfied": False, "resolved": False, "reason": "理由"},
    "ticket_rated": {"rating": 4, "text": "评价"},
    "ticket_closed": {"reason": "理由", "reply": "答复"},
    "ticket_suspended": {"reason": "理由"},
    "ticket_withdrawn": {"reason": "理由"},
    "reminder_sent": {"reminder": "superior", "text": "催办"},
    "reminder_answered": {"reminder_no": 3, "text": "答复"},
    "warning_fired": {"clock": "c", "level": "near", "arithmetic": {}},
    "card_issued": {"clock": "c", "colour": "red", "department": "d1", "arithmetic": {}},
    "ticket_merged": {"into": TICKET_ID, "reason": "理由"},
    "peer_refused": {"destination": "hotline", "peer_code": "1", "detail": "d"},
}
KINDS: tuple[str, ...] = tuple(
    kind.model_fields["kind"].default for kind in get_args(get_args(Event)[0])
)


def event_of(kind: str, state: State = State.ACKNOWLEDGED, **changes: Any) -> Event:
    return EVENT.validate_python({"kind": kind, "state": state, **_FIELDS.get(kind, {}), **changes})


def outbound(
    event: Event,
    *,
    destination: str = "hotline",
    source: Source = Source.HOTLINE12345,
    source_ticket_no: str | None = "SZ20261125000017",
    sequence: int = 2,
) -> Outbound:
    return Outbound(
        destination=destination,
        ticket_id=TICKET_ID,
        sequence=sequence,
        at=NOON,
        event=event,
        source=source,
        source_ticket_no=source_ticket_no,
        department_names=("市住建局",),
    )
