"""The whole connector against the simulated province: a real SOAP server on loopback."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import Connector, Page, Polling
from connectors.provincial.connector import ProvincialConnector, Settings, build
from connectors.provincial.signature import Profile
from hub.demo.peers.faults import Fault, FaultPlan, Faults
from hub.demo.peers.provincial import ProvincialPeer
from schemas.errors import (
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)
from schemas.events import EVENT
from schemas.ids import TicketIds
from schemas.intake import IntakeKind
from schemas.outbound import Outbound
from schemas.ticket import Source

NOW = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)
TICKET_ID = TicketIds(lambda: int(NOW.timestamp() * 1000)).next()
FIELDS = {"title": "路灯不亮", "content": "平江路三号门前路灯不亮已有一周。", "areaCode": "320508"}


@pytest.fixture
async def peer() -> AsyncIterator[ProvincialPeer]:
    async with ProvincialPeer(Faults(FaultPlan(), random.Random(7)), lambda: NOW) as peer:  # noqa: S311  seeded dice of a fake
        yield peer


@pytest.fixture
async def province(peer: ProvincialPeer) -> AsyncIterator[ProvincialConnector]:
    connector = connect(peer)
    yield connector
    await connector.close()


def connect(peer: ProvincialPeer, **changes: Any) -> ProvincialConnector:
    settings = {
        "url": peer.endpoint,
        "app_key": peer.app_key,
        "app_secret": peer.secret,
        "signature": peer.profile,
        **changes,
    }
    return build("province", Settings.model_validate(settings), now=lambda: NOW)


def outbound(kind: str = "feedback_given", sequence: int = 3, **fields: Any) -> Outbound:
    given = {"department": "d", "text": "已到场"} if kind == "feedback_given" else fields
    event = EVENT.validate_python({"kind": kind, "state": "acknowledged", **given})
    return Outbound(
        destination="province",
        ticket_id=TICKET_ID,
        sequence=sequence,
        at=NOW,
        event=event,
        source=Source.PROVINCIAL,
        source_ticket_no="SJ1",
    )


async def pages(connector: ProvincialConnector, cursor: str = "") -> list[Page]:
    return [page async for page in connector.poll(cursor)]


async def kinds(connector: ProvincialConnector) -> list[IntakeKind]:
    return [
        intake.kind
        for page in await pages(connector)
        for body in page.bodies
        for intake in connector.translate(body.content)
    ]


def test_it_is_a_polling_connector(province: ProvincialConnector) -> None:
    assert isinstance(province, Connector)
    assert isinstance(province, Polling)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("profile", list(Profile))
async def test_issued_tickets_arrive_and_reports_are_taken(version: str, profile: Profile) -> None:
    faults = Faults(FaultPlan(), random.Random(7))  # noqa: S311  seeded dice of a fake
    async with ProvincialPeer(faults, lambda: NOW, profile=profile) as peer:
        connector = connect(peer, soap_version=version)
        await connector.check()
        peer.issue("SJ1", **FIELDS)
        assert await kinds(connector) == [IntakeKind.NEW]
        receipt = await connector.deliver(outbound())
        assert receipt.peer_code == "0000"
        assert peer.book.state_of("SJ1") == "05"
        await connector.close()


async def test_a_cursor_goes_on_where_the_last_page_ended(
    peer: ProvincialPeer, province: ProvincialConnector
) -> None:
    small = connect(peer, page_size=2)
    for number in range(5):
        peer.issue(f"SJ{number}", **FIELDS)
    found = await pages(small)
    assert [len(page.bodies) for page in found] == [2, 2, 1]
    assert [page.cursor for page in found] == ["2", "4", "5"]
    assert await pages(small, "5") == []
    assert [len(page.bodies) for page in await pages(small, "3")] == [2]
    await small.close()


async def test_every_kind_of_message_arrives(
    peer: ProvincialPeer, province: ProvincialConnector
) -> None:
    peer.issue("SJ1", **FIELDS)
    peer.remind("SJ1", "请加快", national=True)
    peer.supplement("SJ1", "补充一句")
    peer.withdraw("SJ1", "诉求人撤诉")
    assert await kinds(province) == [
        IntakeKind.NEW,
        IntakeKind.REMIND,
        IntakeKind.SUPPLEMENT,
        IntakeKind.WITHDRAW,
    ]


async def test_answers_in_gbk_under_the_name_of_utf_8_are_read() -> None:
    faults = Faults(FaultPlan(), random.Random(7))  # noqa: S311  seeded dice of a fake
    async with ProvincialPeer(faults, lambda: NOW, gbk=True) as peer:
        connector = connect(peer)
        peer.issue("SJ1", **FIELDS)
        (page,) = await pages(connector)
        (intake,) = connector.translate(page.bodies[0].content)
        assert intake.registration is not None
        assert intake.registration.matter.title == "路灯不亮"
        await connector.close()


async def test_garbage_neither_blocks_nor_loses_the_good_messages(
    peer: ProvincialPeer, province: ProvincialConnector
) -> None:
    peer.faults.next_only(Fault.GARBAGE)
    peer.issue("SJ1", **FIELDS)
    (page,) = await pages(province)
    assert peer.garbage == 1
    with pytest.raises(PayloadNotUnderstood):
        province.translate(page.bodies[0].content)
    assert province.translate(page.bodies[1].content)[0].source_ticket_no == "SJ1"


async def test_a_ticket_issued_twice_reads_the_same_both_times(
    peer: ProvincialPeer, province: ProvincialConnector
) -> None:
    peer.faults.next_only(Fault.DUPLICATE)
    peer.issue("SJ1", **FIELDS)
    (page,) = await pages(province)
    first, second = (province.translate(body.content) for body in page.bodies)
    assert first == second
    assert page.bodies == (await pages(province))[0].bodies  # the same numbers, asked again


async def test_our_own_report_mirrored_is_an_echo(
    peer: ProvincialPeer, province: ProvincialConnector
) -> None:
    peer.issue("SJ1", **FIELDS)
    peer.faults.next_only(Fault.ECHO)
    await province.deliver(outbound())
    assert await kinds(province) == [IntakeKind.NEW, IntakeKind.ECHO]


async def test_the_same_delivery_twice_is_applied_once(
    peer: ProvincialPeer, province: ProvincialConnector
) -> None:
    peer.issue("SJ1", **FIELDS)
    codes = [(await province.deliver(outbound())).peer_code for _ in range(2)]
    assert codes == ["0000", "0001"]
    assert len(peer.book) == 1
    assert peer.book.doubled == 0


async def test_a_lost_answer_is_uncertain_and_asking_finds_it(
    peer: ProvincialPeer, province: ProvincialConnector
) -> None:
    peer.issue("SJ1", **FIELDS)
    assert await province.ask(outbound()) is None
    peer.faults.next_only(Fault.ANSWER_LOST)
    with pytest.raises(PeerUnavailable) as lost:
        await province.deliver(outbound())
    assert lost.value.uncertain
    receipt = await province.ask(outbound())
    assert receipt is not None
    assert receipt.peer_answer == "state 05"
    assert len(peer.book) == 1


async def test_a_busy_province_has_done_nothing_and_says_so(
    peer: ProvincialPeer, province: ProvincialConnector
) -> None:
    peer.issue("SJ1", **FIELDS)
    peer.faults.next_only(Fault.UNAVAILABLE)
    with pytest.raises(PeerUnavailable) as busy:
        await province.deliver(outbound())
    assert not busy.value.uncertain
    assert busy.value.peer_code == "9001"
    assert len(peer.book) == 0


async def test_a_call_that_takes_too_long_is_uncertain(peer: ProvincialPeer) -> None:
    impatient = connect(peer, timeout_seconds=0.2)
    peer.issue("SJ1", **FIELDS)
    peer.faults.plan = FaultPlan(slow_seconds=30.0)
    peer.faults.next_only(Fault.SLOW)
    with pytest.raises(PeerUnavailable) as slow:
        await impatient.deliver(outbound())
    assert slow.value.uncertain
    await impatient.close()


async def test_a_province_that_is_away_is_unavailable_and_nothing_arrived(
    peer: ProvincialPeer, province: ProvincialConnector
) -> None:
    await peer.stop()
    with pytest.raises(PeerUnavailable) as away:
        await province.deliver(outbound())
    assert not away.value.uncertain


@pytest.mark.parametrize(
    ("changes", "code"), [({"app_secret": "wrong"}, "1001"), ({"app_key": "wrong"}, "1002")]
)
async def test_wrong_credentials_are_refused(
    peer: ProvincialPeer, changes: dict[str, str], code: str
) -> None:
    connector = connect(peer, **changes)
    with pytest.raises(CredentialRefused) as refusal:
        await connector.check()
    assert refusal.value.peer_code == code
    await connector.close()


async def test_a_clock_that_is_off_is_refused(peer: ProvincialPeer) -> None:
    settings = Settings.model_validate(
        {"url": peer.endpoint, "app_key": peer.app_key, "app_secret": peer.secret}
    )
    connector = build("province", settings, now=lambda: NOW - timedelta(minutes=6))
    with pytest.raises(CredentialRefused) as refusal:
        await connector.check()
    assert refusal.value.peer_code == "1003"
    await connector.close()


async def test_a_refused_report_carries_the_provinces_code(province: ProvincialConnector) -> None:
    with pytest.raises(RequestRefused) as refusal:
        await province.deliver(outbound())  # never issued
    assert refusal.value.peer_code == "2001"


async def test_reports_out_of_order_are_seen_by_the_book(
    peer: ProvincialPeer, province: ProvincialConnector
) -> None:
    peer.issue("SJ1", **FIELDS)
    await province.deliver(outbound(sequence=5))
    await province.deliver(outbound("department_acknowledged", 4, department="d"))
    assert peer.book.out_of_order == 1


def test_settings_refuse_what_they_do_not_know_and_hide_the_secret() -> None:
    good = {"url": "http://127.0.0.1/x", "app_key": "k", "app_secret": "hush"}
    assert "hush" not in repr(Settings.model_validate(good))
    with pytest.raises(ValidationError):
        Settings.model_validate({**good, "time_out": 3})
    with pytest.raises(ValidationError):
        Settings.model_validate({**good, "url": "ftp://127.0.0.1"})
