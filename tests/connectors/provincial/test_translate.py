"""The province's documents to intakes, and deliveries to reports."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from lxml import etree

from connectors.provincial import codes
from connectors.provincial.translate import intakes_from_body, report_of, result_of
from connectors.provincial.wording import content_of
from routing.areas import load_areas
from schemas.errors import PayloadNotUnderstood
from schemas.events import EVENT, Event
from schemas.intake import IntakeKind
from schemas.outbound import Outbound
from schemas.ticket import ReminderKind, Source, State
from tests.connectors.goldens import assert_golden, payload_files
from tests.connectors.outbounds import KINDS, event_of

PAYLOADS = Path(__file__).parent / "payloads"
AREAS = load_areas()
FULL = (PAYLOADS / "issued__full.xml").read_text(encoding="utf-8")
REMINDER = (PAYLOADS / "reminder__national.xml").read_text(encoding="utf-8")
AT = datetime(2026, 11, 25, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize("payload", payload_files(__file__, ".xml"), ids=lambda path: path.stem)
def test_payload_becomes_the_golden_ticket(payload: Path) -> None:
    intakes = intakes_from_body(payload.read_bytes(), "province", AREAS)
    assert_golden(intakes, payload.with_suffix(".ticket.json"))


def test_an_issued_ticket_is_superior_assigned() -> None:
    (intake,) = intakes_from_body(FULL.encode(), "province", AREAS)
    assert intake.kind is IntakeKind.NEW
    assert intake.registration is not None
    assert intake.registration.superior_assigned
    assert intake.registration.received_at.isoformat() == "2026-11-25T09:30:00+08:00"


def test_gbk_under_either_name_reads_the_same_as_utf_8() -> None:
    read = [
        intakes_from_body((PAYLOADS / f"issued__{name}.xml").read_bytes(), "province", AREAS)
        for name in ("full", "gbk_declared_utf8", "gbk_declared_gbk")
    ]
    assert read[0] == read[1] == read[2]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<appealType>3<", "<appealType>99<"),
        ("<urgency>1<", "<urgency>9<"),
        ("<areaCode>320508<", "<areaCode>1100<"),
        ("<state>01<", "<state>77<"),
        ("<confidential>1<", "<confidential>yes<"),
        ("<issueTime>2026-11-25 09:30:00<", "<issueTime>yesterday<"),
        ("<updateTime>2026-11-25 09:30:00<", "<updateTime>2026-02-30 09:30:00<"),
        ("<ticketNo>SJ20261125000017</ticketNo>", ""),
        ("<title>", "<title/><title>"),
        ("<title>", "<title><b>x</b>"),
        ("<citizenPhone>", "<citizenPhone>none "),
        ("issuedTicket>", "somethingElse>"),
        ("</issuedTicket>", ""),
    ],
)
def test_off_contract_ticket_is_refused_not_guessed(old: str, new: str) -> None:
    assert old in FULL
    with pytest.raises(PayloadNotUnderstood):
        intakes_from_body(FULL.replace(old, new).encode(), "province", AREAS)


@pytest.mark.parametrize("code", ["320599", "310104", "320000"])
def test_an_area_that_the_city_does_not_know_is_passed_on_as_it_came(code: str) -> None:
    document = FULL.replace("<areaCode>320508<", f"<areaCode>{code}<")
    (intake,) = intakes_from_body(document.encode(), "province", AREAS)
    assert intake.registration is not None
    assert intake.registration.matter.area_code == code


@pytest.mark.parametrize("kind", ["<kind>3</kind>", ""])
def test_a_reminder_of_unknown_kind_is_refused(kind: str) -> None:
    with pytest.raises(PayloadNotUnderstood):
        intakes_from_body(REMINDER.replace("<kind>1</kind>", kind).encode(), "province", AREAS)


def test_words_longer_than_a_command_takes_are_refused() -> None:
    with pytest.raises(PayloadNotUnderstood):
        intakes_from_body(REMINDER.replace("今日", "急" * 4001).encode(), "province", AREAS)


def test_reminders_name_who_reminds() -> None:
    kinds = {
        name: intakes_from_body((PAYLOADS / f"reminder__{name}.xml").read_bytes(), "p")[0].reminder
        for name in ("national", "superior")
    }
    assert kinds == {"national": ReminderKind.NATIONAL, "superior": ReminderKind.SUPERIOR}


def test_a_refusal_does_not_quote_the_citizen() -> None:
    with pytest.raises(PayloadNotUnderstood) as refusal:
        intakes_from_body(
            FULL.replace("<citizenPhone>", "<citizenPhone>x").encode(), "province", AREAS
        )
    assert "0000" not in str(refusal.value)
    assert "phone" in str(refusal.value)


@pytest.mark.parametrize(
    "hostile",
    [
        b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><r>&x;</r>',
        b'<?xml version="1.0"?><!-- a --><!DOCTYPE r><issuedTicket/>',
        b'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="a"/></a>',
        b"<issuedTicket>" + b"<a>" * 200 + b"</a>" * 200 + b"</issuedTicket>",
        b"<issuedTicket>&undefined;</issuedTicket>",
        b"\xff\xff\xff",
        b"",
    ],
    ids=["outside entity", "document type", "xinclude", "depth", "entity", "no encoding", "empty"],
)
def test_hostile_documents_are_refused(hostile: bytes) -> None:
    with pytest.raises(PayloadNotUnderstood):
        intakes_from_body(hostile, "province", AREAS)


def test_every_state_has_one_code_and_reads_back() -> None:
    assert set(codes.STATE_CODES) == set(State)
    assert {code: codes.STATES[code] for code in codes.STATE_CODES.values()} == dict(codes.STATES)
    assert len(codes.STATES) == len(State)


EVENTS: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "ticket_accepted", "state": "accepted", "note": "受理"}, "reportAcceptance", "受理"),
    (
        {"kind": "decline_refused", "state": "accepted", "review_no": 3, "reason": "属本地"},
        "reportAcceptance",
        "属本地",
    ),
    (
        {"kind": "ticket_declined", "state": "declined", "reason": "非本市"},
        "reportDecline",
        "非本市",
    ),
    (
        {"kind": "feedback_given", "state": "acknowledged", "department": "d", "text": "已到场"},
        "reportHandling",
        "已到场",
    ),
    (
        {"kind": "reminder_answered", "state": "acknowledged", "reminder_no": 4, "text": "在办"},
        "reportHandling",
        "在办",
    ),
    (
        {"kind": "directly_answered", "state": "awaiting_follow_up", "text": "备案即可"},
        "reportHandling",
        "备案即可",
    ),
    (
        {"kind": "department_completed", "state": "completed", "department": "d", "result": "办好"},
        "reportHandling",
        "办好",
    ),
    (
        {
            "kind": "mediation_recorded",
            "state": "acknowledged",
            "department": "d",
            "agreed": False,
            "text": "双方各执一词",
        },
        "reportHandling",
        "调解未达成一致：双方各执一词",
    ),
    (
        {
            "kind": "extension_granted",
            "state": "acknowledged",
            "department": "d",
            "review_no": 5,
            "working_days": 3,
        },
        "reportHandling",
        "同意延期 3 个工作日",
    ),
    (
        {"kind": "follow_up_recorded", "state": "closed", "satisfied": True, "resolved": False},
        "reportHandling",
        "满意，未解决",
    ),
    ({"kind": "ticket_rated", "state": "closed", "rating": 4}, "reportHandling", "评价 4 分"),
    (
        {"kind": "ticket_closed", "state": "closed", "reason": "审核", "reply": "已排水"},
        "reportHandling",
        "已排水",
    ),
    (
        {"kind": "department_acknowledged", "state": "acknowledged", "department": "d"},
        "reportHandling",
        "",
    ),
]


@pytest.mark.parametrize(("fields", "operation", "content"), EVENTS, ids=lambda one: str(one)[:40])
def test_an_event_becomes_its_report(fields: dict[str, Any], operation: str, content: str) -> None:
    event = EVENT.validate_python(fields)
    report = report_of(_outbound(event))
    assert report.operation == operation
    told = {child.tag: child.text or "" for child in ElementTree.fromstring(report.document)}  # noqa: S314  our own document
    assert told["content"] == content == content_of(event)
    assert told["state"] == codes.STATE_CODES[event.state]
    assert told["serialNo"] == _outbound(event).key
    assert told["reportTime"] == "2026-11-25 10:30:00"
    assert told["departments"] == "区住建局、区城管局"
    assert told["stage"] == codes.STAGES[event.kind][0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_event_is_reported_or_refused_as_the_table_says(kind: str) -> None:
    if kind not in codes.PUSHED:
        with pytest.raises(PayloadNotUnderstood):
            report_of(_outbound(event_of(kind)))
        return
    report = report_of(_outbound(event_of(kind)))
    root = etree.fromstring(report.document)
    assert report.operation in codes.OPERATIONS
    assert root.findtext("stageName") == codes.STAGES[kind][1]


def test_characters_that_xml_does_not_allow_do_not_reach_a_report() -> None:
    event = EVENT.validate_python(
        {"kind": "feedback_given", "state": "acknowledged", "department": "d", "text": "a\x0b<&b"}
    )
    root = etree.fromstring(report_of(_outbound(event)).document)
    assert root.findtext("content") == "a<&b"


@pytest.mark.parametrize(
    ("kind", "source_no"), [("matter_supplemented", "SJ1"), ("ticket_accepted", None)]
)
def test_what_the_province_does_not_take_is_refused(kind: str, source_no: str | None) -> None:
    event = event_of(kind)
    with pytest.raises(PayloadNotUnderstood):
        report_of(_outbound(event, source_no))


@pytest.mark.parametrize(
    "items",
    [
        '<item messageNo="M1">&lt;?xml version="1.0"?&gt;'
        "&lt;reminder&gt;&lt;a/&gt;&lt;/reminder&gt;</item>",
        '<item messageNo="M1"><![CDATA[<reminder><a/></reminder>]]></item>',
        '<item messageNo="M1"><reminder><a/></reminder></item>',
    ],
    ids=["escaped", "cdata", "nested"],
)
def test_an_item_is_read_in_every_spelling(items: str) -> None:
    text = f"<result><code>0000</code><cursor>7</cursor><items>{items}</items></result>"
    result = result_of(text, "province")
    assert result.cursor == "7"
    assert result.items[0].message_no == "M1"
    assert result.items[0].document == "<reminder><a/></reminder>"


@pytest.mark.parametrize(
    "text",
    [
        "<other/>",
        "not xml",
        "<result><message>no code</message></result>",
        "<result><code>0000</code><items><item>no number</item></items></result>",
        '<result><code>0000</code><items><item messageNo="1"><a/><b/></item></items></result>',
    ],
)
def test_a_result_off_the_contract_is_refused(text: str) -> None:
    with pytest.raises(PayloadNotUnderstood):
        result_of(text, "province")


def _outbound(event: Event, source_no: str | None = "SJ20261125000017") -> Outbound:
    return Outbound(
        destination="province",
        ticket_id=61_234_567_890,
        sequence=4,
        at=AT,
        event=event,
        source=Source.PROVINCIAL,
        source_ticket_no=source_no,
        department_names=("区住建局", "区城管局"),
    )
