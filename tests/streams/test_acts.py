"""What a peer's act becomes: the command, by whom, and the same id each time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from schemas import commands as cmd
from schemas.intake import Intake, IntakeKind
from schemas.parties import Role
from schemas.ticket import ReminderKind, Source
from streams import acts
from streams.acts import Cause
from streams.records import IntakeRecord, reason_of
from tests.schemas.cases import NOW, TICKET_ID, registration

LATER = NOW + timedelta(hours=1)


def cause(source: Source = Source.HOTLINE12345, number: int = 0) -> Cause:
    return Cause(7, NOW, number, source)


def intake(kind: IntakeKind, **fields: Any) -> Intake:
    return Intake(kind=kind, peer="city", source_ticket_no="A1", **fields)


def test_a_new_ticket_is_registered_and_not_accepted() -> None:
    new = intake(IntakeKind.NEW, registration=registration(), peer_updated_at=NOW)
    command = acts.register(new, cause(), TICKET_ID, LATER)
    assert isinstance(command, cmd.RegisterTicket)
    assert not command.accept
    assert command.actor.roles == {Role.PEER}
    assert (command.cause, command.peer_updated_at) == ("7", NOW)


def test_a_call_becomes_a_draft_by_the_hub_itself() -> None:
    call = intake(IntakeKind.DRAFT, registration=registration(Source.PHONE_LOG))
    command = acts.register(call, cause(Source.PHONE_LOG), TICKET_ID, LATER)
    assert isinstance(command, cmd.SaveDraft)
    assert command.actor.actor_id == "system:phone_log"


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        (IntakeKind.SUPPLEMENT, {"text": " 又坏了 "}, {"text": "又坏了"}),
        (IntakeKind.SUPPLEMENT, {"attachments": ("a1",)}, {"text": "（见附件）"}),
        (IntakeKind.WITHDRAW, {}, {"reason": "诉求人撤诉"}),
        (IntakeKind.REMIND, {}, {"reminder": ReminderKind.SUPERIOR, "text": "来源平台催办"}),
        (IntakeKind.REMIND, {"reminder": ReminderKind.NATIONAL}, {"reminder": "national"}),
        (IntakeKind.RATE, {"rating": 4, "text": "还行"}, {"rating": 4, "text": "还行"}),
    ],
)
def test_acts_on_a_known_ticket(
    kind: IntakeKind, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    command = acts.act(intake(kind, **fields), cause(Source.WEB_PORTAL), TICKET_ID, LATER)
    assert {name: getattr(command, name) for name in expected} == expected
    assert command.actor.roles == {Role.CITIZEN}


@pytest.mark.parametrize("kind", [IntakeKind.SUPPLEMENT, IntakeKind.RATE])
def test_an_act_that_lacks_what_it_needs_is_refused_without_its_words(kind: IntakeKind) -> None:
    with pytest.raises(ValidationError) as caught:
        acts.act(intake(kind, text="  "), cause(), TICKET_ID, LATER)
    assert reason_of(caught.value).startswith(("SupplementMatter: text:", "RateTicket: rating:"))


def test_ids_are_the_same_each_time_and_differ_by_act_and_place() -> None:
    def ids(now: datetime) -> list[object]:
        return [
            acts.act(
                intake(kind, text="x", rating=1), cause(number=number), TICKET_ID, now
            ).command_id
            for kind in (IntakeKind.SUPPLEMENT, IntakeKind.RATE)
            for number in (0, 1)
        ]

    assert ids(LATER) == ids(LATER + timedelta(days=1))
    assert len(set(ids(LATER))) == 4


def test_an_update_keeps_the_same_words_once() -> None:
    said = registration()
    newer = intake(IntakeKind.NEW, registration=said, peer_updated_at=LATER, peer_state="02")
    known = said.model_copy(update={"received_at": NOW - timedelta(days=1)})
    same = acts.update(newer, cause(), TICKET_ID, LATER, known)
    assert same is not None
    assert (same.registration, same.peer_state) == (None, "02")
    other = acts.update(newer, cause(), TICKET_ID, LATER, registration(call_no="9"))
    assert other is not None
    assert other.registration == said
    unordered = newer.model_copy(update={"peer_updated_at": None})
    assert acts.update(unordered, cause(), TICKET_ID, LATER, known) is None


def test_acts_on_one_ticket_have_one_key() -> None:
    def key(**fields: Any) -> str:
        one = Intake(kind=IntakeKind.SUPPLEMENT, peer="city", text="x", **fields)
        return IntakeRecord(message_id=7, kept_at=datetime.now(UTC), intakes=(one,)).key

    assert key(source_ticket_no="A1") == "city:A1"
    assert key(ticket_id=5) == "ticket:5"
    assert key() == "message:7"
