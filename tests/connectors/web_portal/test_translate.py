import json
from pathlib import Path
from typing import Any

import pytest

from connectors.web_portal import codes
from connectors.web_portal.messages import PORTAL_MESSAGE, MatterForm
from connectors.web_portal.translate import callback_from, intakes_from_body, public_line
from routing.areas import load_areas
from schemas.errors import PayloadNotUnderstood
from schemas.ids import ticket_no
from schemas.ticket import Source, State
from tests.connectors.goldens import assert_golden, payload_files
from tests.connectors.outbounds import KINDS, TICKET_ID, event_of, outbound

PAYLOADS = [p for p in payload_files(__file__, ".json") if not p.name.endswith(".ticket.json")]
FOLDER = Path(__file__).with_name("payloads")
AREAS = load_areas()
GOOD: dict[str, Any] = json.loads((FOLDER / "matter__full.json").read_bytes())


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: p.stem)
def test_payload_becomes_the_golden_intakes(payload: Path) -> None:
    intakes = intakes_from_body(payload.read_bytes(), "portal", AREAS)
    assert_golden(intakes, payload.with_suffix(".ticket.json"))


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: p.stem)
def test_the_stored_content_of_a_message_reads_back(payload: Path) -> None:
    message = PORTAL_MESSAGE.validate_json(payload.read_bytes())
    assert PORTAL_MESSAGE.validate_json(message.content) == message


@pytest.mark.parametrize(
    "change",
    [
        {"title": "  "},
        {"title": "长" * 201},
        {"text": ""},
        {"text": "长" * 20_001},
        {"kind": "投诉"},
        {"area_code": "32050"},
        {"citizen": None},
        {"citizen": {"name": "王某"}},
        {"citizen": {"name": "王某", "phone": "none"}},
        {"accused": {"name": "某店", "uscc": "91350100M000100Y44"}},
        {"accused": {"name": "某店", "uscc": "1"}},
        {"attachments": [f"a{n}" for n in range(11)]},
        {"titel": "a typo"},
    ],
    ids=lambda change: str(change)[:60],
)
def test_off_contract_form_is_refused_not_guessed(change: dict[str, Any]) -> None:
    form = GOOD["form"] | change
    with pytest.raises(ValueError, match="validation error"):
        MatterForm.model_validate(form)
    with pytest.raises(PayloadNotUnderstood):
        intakes_from_body(json.dumps(GOOD | {"form": form}).encode(), "portal", AREAS)


@pytest.mark.parametrize(
    ("code", "received_at", "stands"),
    [
        ("310104", "2026-11-25T01:00:00+00:00", "310104"),
        ("320599", "2026-11-25T01:00:00+00:00", "320599"),
        ("320584", "2012-08-31T15:59:59+00:00", "320584"),
        ("320584", "2012-08-31T16:00:00+00:00", "320509"),  # the next day here
    ],
)
def test_an_area_is_read_by_the_day_here_and_passed_on_when_nobody_knows_it(
    code: str, received_at: str, stands: str
) -> None:
    message = GOOD | {"form": GOOD["form"] | {"area_code": code}, "received_at": received_at}
    (intake,) = intakes_from_body(json.dumps(message).encode(), "portal", AREAS)
    assert intake.registration is not None
    assert intake.registration.matter.area_code == stands


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "matters"},
        {"ticket_id": 0},
        {"received_at": "2026-11-25T01:00:00"},
        {"kind": "rating", "form": {"rating": 6}},
        {"kind": "supplement", "form": {"text": " "}},
        {"kind": "withdrawal", "form": {"reason": ""}},
    ],
    ids=str,
)
def test_off_contract_message_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PayloadNotUnderstood):
        intakes_from_body(json.dumps(GOOD | change).encode(), "portal", AREAS)


def test_a_refusal_does_not_repeat_what_the_citizen_wrote() -> None:
    form = GOOD["form"] | {"citizen": {"name": "秘密", "phone": "秘密"}}
    with pytest.raises(PayloadNotUnderstood) as refusal:
        intakes_from_body(json.dumps(GOOD | {"form": form}).encode(), "portal", AREAS)
    assert "秘密" not in str(refusal.value)
    assert "citizen.phone" in str(refusal.value)


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_code_and_the_citizens_words(state: State) -> None:
    delivery = outbound(event_of("ticket_dispatched", state), destination="portal")
    told = json.loads(callback_from(delivery))
    assert codes.STATES[told["state"]] is state
    assert told["state_text"] == codes.PUBLIC_STATES[state] != ""


def test_no_two_states_share_the_citizens_words() -> None:
    assert len(set(codes.PUBLIC_STATES.values())) == len(State)


@pytest.mark.parametrize("kind", KINDS)
def test_each_event_is_told_or_stays_inside_by_the_table(kind: str) -> None:
    delivery = outbound(event_of(kind), destination="portal", source=Source.WEB_PORTAL)
    line, text = public_line(delivery.event)
    assert (line != "") == (kind in codes.PUBLIC_EVENTS)
    if kind not in codes.PUSHED:
        assert line == "" or kind == "matter_supplemented"
        with pytest.raises(PayloadNotUnderstood):
            callback_from(delivery)
        return
    told = json.loads(callback_from(delivery))
    assert (told["line"], told["text"], told["event"]) == (line, text, kind)
    assert (told["ticket_no"], told["sequence"]) == (ticket_no(TICKET_ID), 2)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("citizen_replied", "答复"),
        ("directly_answered", "答复"),
        ("ticket_declined", "理由"),
        ("ticket_suspended", "理由"),
        ("ticket_closed", "答复"),
        ("extension_granted", "延长5个工作日"),
    ],
)
def test_the_citizen_reads_what_the_hub_answers(kind: str, text: str) -> None:
    assert public_line(event_of(kind))[1] == text


@pytest.mark.parametrize(
    "kind", ["feedback_given", "department_completed", "closure_returned", "send_back_granted"]
)
def test_what_was_not_reviewed_is_not_shown(kind: str) -> None:
    assert public_line(event_of(kind))[1] == ""
