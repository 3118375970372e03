"""Rows of an export to drafts for the operator, and deliveries to result records. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.foreign_xml import legal_characters
from connectors.phone_log import codes
from connectors.state_names import STATE_NAMES
from schemas.areas import NO_AREAS, AreaTable
from schemas.errors import PayloadNotUnderstood
from schemas.intake import Intake, IntakeKind
from schemas.matter import Matter
from schemas.outbound import Outbound
from schemas.parties import Citizen, mask_phone
from schemas.ticket import Registration, Source

_MOBILE = re.compile(r"(?:\+?86|0086|0)?(1\d{10})")  # with the prefixes that switches put before
_NUMBER = re.compile(r"[+\d][\d\- ]{4,23}")
_CALL_NO = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_MOST_SUMMARY = 19_000  # characters; Matter.text takes 20,000 with our line about the call


@dataclass(frozen=True)
class Layout:
    """How one switch writes its exports.

    columns:          our field -> its header (CSV) or key (JSON Lines).
    areas_by_called:  beginning of the number called -> area code; the longest one counts.
    """

    columns: Mapping[str, str] = field(default_factory=lambda: dict(codes.COLUMNS))
    areas_by_called: Mapping[str, str] = field(default_factory=dict)
    areas: AreaTable = NO_AREAS


@dataclass(frozen=True)
class Call:
    """One row, understood."""

    call_no: str
    caller: str | None  # None: withheld
    called: str
    started_at: datetime
    answered_at: datetime | None  # None: nobody answered
    ended_at: datetime
    operator_no: str
    queue: str
    summary: str

    @property
    def abandoned(self) -> bool:
        return self.answered_at is None


def row_body(row: Mapping[str, object]) -> bytes:
    """A row as the bytes that are kept: one JSON object, headers as in the export."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True).encode()


def call_of(row: Mapping[str, object], layout: Layout) -> Call:
    """Read one row. Raises: ValueError that says which column is wrong, without quoting numbers."""
    cells = {name: _cell(row, layout.columns.get(name, name)) for name in codes.COLUMNS}
    if not _CALL_NO.fullmatch(cells["call_no"]):
        raise ValueError(f"{layout.columns['call_no']}: empty, too long, or not printable")
    started_at = _time(cells["started_at"], layout.columns["started_at"])
    ended_at = _time(cells["ended_at"], layout.columns["ended_at"])
    answered_at = None
    if cells["answered_at"]:
        answered_at = _time(cells["answered_at"], layout.columns["answered_at"])
    if not started_at <= (answered_at or started_at) <= ended_at:
        raise ValueError("start, answer and end of the call are not in order")
    if len(cells["summary"]) > _MOST_SUMMARY:
        raise ValueError(f"{layout.columns['summary']}: longer than {_MOST_SUMMARY} characters")
    return Call(
        call_no=cells["call_no"],
        caller=_caller(cells["caller"], layout.columns["caller"]),
        called=cells["called"],
        started_at=started_at,
        answered_at=answered_at,
        ended_at=ended_at,
        operator_no=cells["operator_no"],
        queue=cells["queue"],
        summary=cells["summary"],
    )


def intakes_from_body(body: bytes, peer: str, layout: Layout) -> tuple[Intake, ...]:
    """A kept row as a draft; an abandoned call gives none. Raises: PayloadNotUnderstood."""
    try:
        row = json.loads(body)
        if not isinstance(row, dict):
            raise TypeError("not an object")  # noqa: TRY301  one place words every refusal
        call = call_of(row, layout)
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadNotUnderstood(peer, f"{type(error).__name__}: {error}") from error
    return () if call.abandoned else (_draft(call, peer, layout),)


def result_of(outbound: Outbound) -> bytes:
    """The record that tells the switch which ticket a call became, and its state.

    Raises: PayloadNotUnderstood for a ticket that came from no call.
    """
    if outbound.call_no is None:
        raise PayloadNotUnderstood(outbound.destination, f"{outbound.ticket_no} has no call")
    record = {
        "key": outbound.key,
        "call_no": outbound.call_no,
        "ticket_no": outbound.ticket_no,
        "event": outbound.event.kind,
        "state": outbound.state.value,
        "state_name": STATE_NAMES[outbound.state],
        "at": outbound.at.astimezone(codes.ZONE).isoformat(timespec="seconds"),
    }
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def _draft(call: Call, peer: str, layout: Layout) -> Intake:
    number = mask_phone(call.caller) if call.caller else codes.NUMBER_HIDDEN
    note = _note(call)
    return Intake(
        kind=IntakeKind.DRAFT,
        peer=peer,
        source_ticket_no=call.call_no,
        peer_updated_at=call.ended_at,
        registration=Registration(
            matter=Matter(
                # masked: titles are seen by more people than texts
                title=f"电话来电 {number}",
                text=f"{call.summary or codes.NO_SUMMARY}\n{note}",
                area_code=_area(call, layout),
            ),
            citizen=Citizen(name=codes.CALLER_UNNAMED, phone=call.caller) if call.caller else None,
            source=Source.PHONE_LOG,
            peer=peer,
            source_ticket_no=call.call_no,
            matter_source=call.queue[:60] or None,
            received_at=call.started_at,
            call_no=call.call_no,
        ),
        text=note,
    )


def _note(call: Call) -> str:
    """One line for the operator about the call itself."""
    moments = [("开始", call.started_at), ("应答", call.answered_at), ("结束", call.ended_at)]
    parts = [
        f"通话 {call.call_no}",
        *(f"{name} {moment:%Y-%m-%d %H:%M:%S}" for name, moment in moments if moment),
    ]
    if call.operator_no:
        parts.append(f"座席 {call.operator_no}")
    if call.queue:
        parts.append(f"技能组 {call.queue}")
    return "【" + "，".join(parts) + "】"


def _cell(row: Mapping[str, object], header: str) -> str:
    """A cell as text without control characters. JSON's whole numbers are taken, nothing else."""
    value = row.get(header)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"{header}: neither text nor a whole number")
    return legal_characters(str(value)).strip()


def _caller(text: str, header: str) -> str | None:
    if text.lower() in codes.HIDDEN:
        return None
    if mobile := _MOBILE.fullmatch(text):
        return mobile[1]
    if _NUMBER.fullmatch(text):
        return text
    raise ValueError(f"{header}: not a phone number")


def _time(text: str, header: str) -> datetime:
    for form in codes.TIME_FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=codes.ZONE)
        except ValueError:
            continue
    raise ValueError(f"{header}: not a time of the interface")


def _area(call: Call, layout: Layout) -> str | None:
    fitting = [prefix for prefix in layout.areas_by_called if call.called.startswith(prefix)]
    if not fitting:
        return None
    code = layout.areas_by_called[max(fitting, key=len)]
    return layout.areas.in_force(code, call.started_at.date())
