import json
from pathlib import Path
from typing import Any

import pytest

from connectors.hotline12345 import codes
from connectors.hotline12345.translate import Dialect, intakes_from_body, text_of, update_from
from routing.areas import load_areas
from schemas.errors import PayloadNotUnderstood
from schemas.intake import IntakeKind
from schemas.matter import MatterKind, Urgency
from schemas.ticket import State
from tests.connectors.goldens import assert_golden, payload_files
from tests.connectors.outbounds import KINDS, event_of, outbound

DIALECT = Dialect("hotline", "hub-app", load_areas(), categories={"010203": "city.light"})
PAYLOADS = [p for p in payload_files(__file__, ".json") if not p.name.endswith(".ticket.json")]
GOOD: dict[str, Any] = json.loads(
    Path(__file__).with_name("payloads").joinpath("created__help.json").read_bytes()
)


def changed(change: dict[str, Any]) -> bytes:
    return json.dumps(GOOD | change).encode()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: p.stem)
def test_payload_becomes_the_golden_intakes(payload: Path) -> None:
    intakes = intakes_from_body(payload.read_bytes(), DIALECT)
    assert_golden(intakes, payload.with_suffix(".ticket.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"orderNo": ""},
        {"orderNo": None},
        {"version": 0},
        {"version": "1"},
        {"title": ""},
        {"title": "长" * 201},
        {"content": None},
        {"appealType": "99"},
        {"urgency": "9"},
        {"areaCode": "32050"},
        {"state": "77"},
        {"createTime": "x"},
        {"updateTime": "2026-11-25T08:30:00"},
        {"updateTime": "2026-11-25 24:00:00"},
        {"event": {"type": "exploded"}},
        {"event": {"type": "reminded", "text": " "}},
        {"event": {"type": "supplemented", "text": "长" * 4001}},
        {"citizen": {"name": "", "phone": "13800001234"}},
        {"citizen": {"name": "王某", "phone": "none"}},
        {"accused": {"name": ""}},
        {"lastUpdate": None},
    ],
    ids=str,
)
def test_off_contract_payload_is_refused_not_guessed(change: dict[str, Any]) -> None:
    with pytest.raises(PayloadNotUnderstood):
        intakes_from_body(changed(change), DIALECT)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 20_000, b"null"])
def test_what_is_no_order_at_all_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadNotUnderstood):
        intakes_from_body(body, DIALECT)


@pytest.mark.parametrize("place", ["title", "citizen", "createTime"])
def test_a_refusal_does_not_repeat_what_the_citizen_wrote(place: str) -> None:
    secret = {"title": "秘密" * 200, "citizen": {"name": "秘密", "phone": "秘密"}}
    with pytest.raises(PayloadNotUnderstood) as refusal:
        intakes_from_body(changed({place: secret.get(place, 5)}), DIALECT)
    assert "秘密" not in str(refusal.value)


def test_a_code_that_was_in_force_then_stays() -> None:
    body = changed({"areaCode": "320503", "createTime": "2012-08-31 23:59:59"})
    (intake,) = intakes_from_body(body, DIALECT)
    assert intake.registration is not None
    assert intake.registration.matter.area_code == "320503"


@pytest.mark.parametrize("code", ["320599", "310104", "320000"])
def test_an_area_that_the_city_does_not_know_is_passed_on_as_it_came(code: str) -> None:
    (intake,) = intakes_from_body(changed({"areaCode": code}), DIALECT)
    assert intake.registration is not None
    assert intake.registration.matter.area_code == code


def test_a_category_that_nobody_mapped_keeps_their_code() -> None:
    (intake,) = intakes_from_body(changed({"category": "0909"}), DIALECT)
    assert intake.registration is not None
    assert intake.registration.matter.category_code == "0909"


@pytest.mark.parametrize("state", State)
def test_every_state_reads_both_ways(state: State) -> None:
    code = codes.STATE_CODES[state]
    assert codes.STATES[code] is state
    (intake,) = intakes_from_body(changed({"state": code}), DIALECT)
    assert intake.peer_state == state.value
    sent = json.loads(update_from(outbound(event_of("ticket_dispatched", state))))
    assert sent["state"] == code


def test_every_kind_and_urgency_has_a_code() -> None:
    assert set(codes.MATTER_KINDS.values()) == set(MatterKind)
    assert set(codes.URGENCIES.values()) == set(Urgency)


def test_only_events_of_ours_are_pushed() -> None:
    assert set(KINDS) >= codes.PUSHED


@pytest.mark.parametrize("kind", KINDS)
def test_each_event_is_sent_or_refused_by_the_table(kind: str) -> None:
    delivery = outbound(event_of(kind))
    if kind not in codes.PUSHED:
        with pytest.raises(PayloadNotUnderstood):
            update_from(delivery)
        return
    sent = json.loads(update_from(delivery))
    assert sent["action"] in {"state", "feedback", "result"}
    assert (sent["event"], sent["sequence"], sent["time"]) == (kind, 2, "2026-11-25 12:00:00")
    assert sent["departments"] == ["市住建局"]


# what changes a ticket's state must arrive at its source; these leave it as it is
_STAYS = {
    "draft_saved", "ticket_amended", "draft_discarded", "decline_asked", "matter_supplemented",
    "peer_update_noted", "proposal_made", "send_back_asked", "send_back_refused",
    "extension_requested", "extension_refused", "citizen_unreached", "reminder_sent",
    "warning_fired", "card_issued", "peer_refused",
}  # fmt: skip


def test_whatever_changes_the_state_is_pushed() -> None:
    assert set(KINDS) - codes.PUSHED == _STAYS


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("directly_answered", "答复"), ("citizen_replied", "答复"), ("ticket_closed", "答复"),
        ("feedback_given", "反馈"), ("mediation_recorded", "调解"), ("ticket_rated", "评价"),
        ("department_completed", "结果"), ("ticket_accepted", "说明"),
        ("reminder_answered", "答复"), ("ticket_declined", "理由"),
        ("ticket_withdrawn", "理由"), ("ticket_dispatched", ""),
        ("decline_refused", ""), ("send_back_granted", ""),
    ],
)  # fmt: skip
def test_the_platform_gets_the_words_meant_for_it(kind: str, text: str) -> None:
    assert text_of(event_of(kind)) == text


def test_a_ticket_closed_without_a_reply_gives_its_reason() -> None:
    assert text_of(event_of("ticket_closed", reply="")) == "理由"


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("ticket_rated", {"rating": 4}),
        ("follow_up_recorded", {"satisfied": True, "resolved": True}),
        ("rework_ordered", {"satisfied": False, "resolved": False}),
        ("extension_granted", {"workingDays": 5}),
    ],
)
def test_facts_beside_the_words_are_sent(kind: str, facts: dict[str, object]) -> None:
    assert json.loads(update_from(outbound(event_of(kind)))).items() >= facts.items()


def test_a_ticket_that_is_not_theirs_is_not_sent() -> None:
    with pytest.raises(PayloadNotUnderstood):
        update_from(outbound(event_of("ticket_accepted"), source_ticket_no=None))


def test_our_own_update_mirrored_is_an_echo_and_nothing_else() -> None:
    mirrored = changed({"lastUpdate": {"by": "hub-app"}, "event": {"type": "withdrawn"}})
    (intake,) = intakes_from_body(mirrored, DIALECT)
    assert intake.kind is IntakeKind.ECHO
    assert intake.registration is None


def test_the_readme_has_every_state_with_its_code() -> None:
    readme = (Path(codes.__file__).with_name("README.md")).read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in readme.splitlines() if line.startswith("| ")]
    listed = {row[0]: row[2] for row in rows if len(row) == 3 and row[0] in codes.STATES}
    assert listed == {code: state.value for code, state in codes.STATES.items()}
