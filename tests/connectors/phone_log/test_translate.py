"""Rows to drafts, deliveries to result records."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.hotline12345 import codes as hotline12345
from connectors.phone_log import codes
from connectors.phone_log.records import NotAnExport, decoded, is_complete, rows_of
from connectors.phone_log.translate import (
    Layout,
    call_of,
    intakes_from_body,
    result_of,
    row_body,
)
from connectors.state_names import STATE_NAMES
from routing.areas import load_areas
from schemas.errors import PayloadNotUnderstood
from schemas.events import EVENT
from schemas.intake import Intake, IntakeKind
from schemas.outbound import Outbound
from schemas.ticket import Source, State
from tests.connectors.goldens import assert_golden, payload_files

PAYLOADS = Path(__file__).parent / "payloads"
LAYOUT = Layout(
    areas_by_called={"0512": "320500", "051212345": "320508", "010": "110000", "0513": "320584"},
    areas=load_areas(),
)
REQUIRED = frozenset(codes.COLUMNS[name] for name in codes.REQUIRED)
FORMS = {".csv": "csv", ".jsonl": "jsonl"}
GOOD = {
    "通话编号": "C1",
    "主叫号码": "13800001234",
    "被叫号码": "12345",
    "开始时间": "2026-11-25 09:00:00",
    "应答时间": "2026-11-25 09:00:05",
    "结束时间": "2026-11-25 09:02:00",
    "座席工号": "1021",
    "技能组": "民生服务",
    "通话小结": "小区停水",
}


def read(payload: Path) -> tuple[list[Intake], list[int]]:
    """The drafts of a file's good rows, and the lines of its bad ones."""
    drafts: list[Intake] = []
    bad = []
    for row in rows_of(decoded(payload.read_bytes()), FORMS[payload.suffix], REQUIRED):
        if row.cells is None:
            bad.append(row.line)
            continue
        try:
            drafts += intakes_from_body(row_body(row.cells), "switch", LAYOUT)
        except (ValueError, PayloadNotUnderstood):
            bad.append(row.line)
    return drafts, bad


@pytest.mark.parametrize(
    "payload", payload_files(__file__, ".csv", ".jsonl"), ids=lambda path: path.stem
)
def test_payload_becomes_the_golden_drafts(payload: Path) -> None:
    drafts, _ = read(payload)
    assert_golden(drafts, payload.with_suffix(".ticket.json"))


def test_three_encodings_read_the_same() -> None:
    read_in = [read(PAYLOADS / f"calls__{name}.csv") for name in ("utf8", "utf8_with_mark", "gbk")]
    assert read_in[0] == read_in[1] == read_in[2]
    assert [draft.source_ticket_no for draft in read_in[0][0]] == ["C000000101", "C000000102"]


def test_bad_rows_are_named_by_line_and_take_no_good_row_along() -> None:
    drafts, bad = read(PAYLOADS / "calls__bad_rows.csv")
    assert [draft.source_ticket_no for draft in drafts] == ["C000000501", "C000000508"]
    assert bad == [3, 4, 5, 6, 7, 8]
    drafts, bad = read(PAYLOADS / "calls__json_lines_bad.jsonl")
    assert [draft.source_ticket_no for draft in drafts] == ["J1", "J6"]
    assert bad == [2, 3, 4, 5]


def test_a_line_number_counts_the_lines_inside_quotes() -> None:
    text = decoded((PAYLOADS / "calls__utf8.csv").read_bytes())
    assert [row.line for row in rows_of(text, "csv", REQUIRED)] == [2, 4, 5]


def test_a_title_shows_no_whole_number() -> None:
    (draft,) = intakes_from_body(row_body(GOOD), "switch", LAYOUT)
    assert draft.kind is IntakeKind.DRAFT
    assert draft.registration is not None
    assert draft.registration.matter.title == "电话来电 138****1234"
    assert draft.registration.citizen is not None
    assert draft.registration.citizen.phone == "13800001234"


def test_a_call_may_lack_operator_and_queue() -> None:
    (draft,) = intakes_from_body(row_body(GOOD | {"座席工号": "", "技能组": ""}), "switch", LAYOUT)
    assert draft.registration is not None
    assert draft.registration.matter_source is None
    assert "座席" not in draft.text
    assert "技能组" not in draft.text


def test_a_column_that_the_export_lacks_is_empty() -> None:
    without = json.dumps({key: cell for key, cell in GOOD.items() if key != "通话小结"}).encode()
    (draft,) = intakes_from_body(without, "switch", LAYOUT)
    assert draft.registration is not None
    assert codes.NO_SUMMARY in draft.registration.matter.text


@pytest.mark.parametrize(
    ("called", "on", "area"),
    [
        ("01012345", "2026-11-25", "110000"),
        ("051312345", "2012-08-31", "320584"),
        ("051312345", "2012-09-01", "320509"),
    ],
)
def test_the_area_of_a_number_is_read_by_the_day_of_the_call(
    called: str, on: str, area: str
) -> None:
    times = {
        "开始时间": f"{on} 09:00:00",
        "应答时间": f"{on} 09:00:05",
        "结束时间": f"{on} 09:02:00",
    }
    row = {**GOOD, "被叫号码": called, **times}
    (draft,) = intakes_from_body(row_body(row), "switch", LAYOUT)
    assert draft.registration is not None
    assert draft.registration.matter.area_code == area


def test_a_call_without_summary_says_so() -> None:
    (draft,) = intakes_from_body(row_body({**GOOD, "通话小结": " "}), "switch", LAYOUT)
    assert draft.registration is not None
    assert draft.registration.matter.text.startswith("（通话未登记小结）\n【通话 C1")


def test_an_abandoned_call_is_no_draft() -> None:
    row = {**GOOD, "应答时间": ""}
    assert call_of(row, LAYOUT).abandoned
    assert intakes_from_body(row_body(row), "switch", LAYOUT) == ()


def test_other_headers_come_from_the_layout() -> None:
    layout = Layout(columns={**codes.COLUMNS, "caller": "ANI", "queue": "skill"})
    row = {**GOOD, "ANI": "13800005678", "skill": "环保"}
    assert call_of(row, layout).caller == "13800005678"
    assert call_of(row, layout).queue == "环保"


@pytest.mark.parametrize(
    "change",
    [
        {"通话编号": ""},
        {"通话编号": "x" * 65},
        {"主叫号码": "abc"},
        {"开始时间": "25/11/2026"},
        {"结束时间": ""},
        {"应答时间": "2026-11-25 10:00:00"},
        {"通话小结": "长" * 19_001},
        {"座席工号": True},
        {"技能组": ["a"]},
    ],
    ids=str,
)
def test_off_contract_row_is_refused_not_guessed(change: Mapping[str, object]) -> None:
    body = json.dumps({**GOOD, **change}).encode()
    with pytest.raises(PayloadNotUnderstood):
        intakes_from_body(body, "switch", LAYOUT)


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_row_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadNotUnderstood):
        intakes_from_body(body, "switch", LAYOUT)


def test_a_refusal_does_not_quote_the_number() -> None:
    with pytest.raises(ValueError, match="主叫号码: not a phone number") as refusal:
        call_of({**GOOD, "主叫号码": "13800001234x"}, LAYOUT)
    assert "1380" not in str(refusal.value)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xff\n",
        "编号,号码\r\n1,2\r\n".encode(),
        b"",
        ("通话编号," + ",".join(GOOD) + "\n").encode(),
    ],
    ids=["no encoding", "other columns", "empty", "column twice"],
)
def test_a_file_that_is_no_export_is_refused_whole(content: bytes) -> None:
    with pytest.raises(NotAnExport):
        list(rows_of(decoded(content), "csv", REQUIRED))


def test_a_quote_that_is_never_closed_costs_one_line_of_many() -> None:
    good = ",".join(f'"{cell}"' for cell in GOOD.values())
    lines = [",".join(GOOD), 'C0,"open', *[good] * 500]
    rows = list(rows_of("\n".join(lines) + "\n", "csv", REQUIRED))
    assert [row.line for row in rows if row.cells is None] == [2]
    assert len(rows) == 501


def test_a_last_line_without_its_end_is_not_complete() -> None:
    assert is_complete(b"a\n")
    assert not is_complete(b"a")
    assert not is_complete(b"")


def test_a_result_names_call_ticket_and_state() -> None:
    record = json.loads(result_of(_outbound("C1")))
    assert record == {
        "key": _outbound("C1").key,
        "call_no": "C1",
        "ticket_no": _outbound("C1").ticket_no,
        "event": "ticket_accepted",
        "state": "accepted",
        "state_name": "已受理",
        "at": "2026-11-25T10:30:00+08:00",
    }
    assert set(STATE_NAMES) == set(State)


def test_the_switch_is_told_of_every_change_of_state_and_of_nothing_said() -> None:
    told_elsewhere = set(hotline12345.PUSHED)  # the platform that is told of everything
    talk = {
        "feedback_given",
        "mediation_recorded",
        "extension_granted",
        "reminder_answered",
    }
    assert (told_elsewhere - talk) | {"draft_discarded"} == codes.PUSHED


def test_a_ticket_without_a_call_has_no_result() -> None:
    with pytest.raises(PayloadNotUnderstood):
        result_of(_outbound(None))


def _outbound(call_no: str | None) -> Outbound:
    return Outbound(
        destination="switch",
        ticket_id=61_234_567_890,
        sequence=2,
        at=datetime(2026, 11, 25, 2, 30, tzinfo=UTC),
        event=EVENT.validate_python({"kind": "ticket_accepted", "state": "accepted"}),
        source=Source.PHONE_LOG,
        source_ticket_no=call_no,
        call_no=call_no,
    )
