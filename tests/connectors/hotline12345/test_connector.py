"""The whole connector against the simulated platform, over real sockets."""

import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.base import Body, Polling, Push, Receiving
from connectors.hotline12345.codes import STATE_CODES
from connectors.hotline12345.connector import Hotline12345Connector, Settings, answer_to, build
from connectors.signing import Keys, Profile, Signed, sign
from hub.demo.peers.faults import Fault, FaultPlan, Faults
from hub.demo.peers.hotline12345 import Hotline12345Peer, NewOrder
from schemas.errors import (
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
    StoreBusy,
)
from schemas.intake import IntakeKind
from schemas.outbound import Outbound
from schemas.ticket import State
from tests.connectors.outbounds import event_of, outbound

HUB_SECRET, PUSH_SECRET = "hub secret", "push secret"


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Town:
    clock: Clock
    peer: Hotline12345Peer
    connector: Hotline12345Connector

    async def polled(self, cursor: str = "") -> list[Body]:
        return [body async for page in self.connector.poll(cursor) for body in page.bodies]

    def read(self, bodies: list[Body]) -> list[IntakeKind]:
        return [i.kind for body in bodies for i in self.connector.translate(body.content)]

    def place(self, **fields: Any) -> str:
        return self.peer.place(NewOrder("路灯不亮", "路灯三天不亮。", **fields))


def settings(url: str, profile: Profile, **changes: Any) -> Settings:
    given = {
        "url": url,
        "app_key": "hub-app",
        "app_secret": HUB_SECRET,
        "peer_app_key": "platform",
        "peer_app_secret": PUSH_SECRET,
        "profile": profile,
        "page_size": 3,
        "timeout_seconds": 5.0,
    }
    return Settings.model_validate(given | changes)


@pytest.fixture(params=list(Profile))
async def town(request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    clock, profile = Clock(), request.param
    peer = Hotline12345Peer(
        clock,
        random.Random(1),  # noqa: S311 - a seed, to be repeated
        Faults(FaultPlan(slow_seconds=0.0), random.Random(2)),  # noqa: S311 - the same
        hub_keys=Keys("hub-app", HUB_SECRET, profile),
        push_keys=Keys("platform", PUSH_SECRET, profile),
    )
    async with peer:
        connector = build("hotline", settings(peer.url, profile), now=clock)
        yield Town(clock, peer, connector)
        await connector.close()


def of(order_no: str, sequence: int = 2, kind: str = "department_acknowledged") -> Outbound:
    return outbound(event_of(kind), source_ticket_no=order_no, sequence=sequence)


async def test_it_is_a_peer_that_is_polled_and_pushes(town: Town) -> None:
    assert isinstance(town.connector, Polling)
    assert isinstance(town.connector, Receiving)
    await town.connector.check()


async def test_orders_come_in_pages_oldest_first_and_the_cursor_goes_on(town: Town) -> None:
    numbers = [town.place() for _ in range(7)]
    pages = [page async for page in town.connector.poll("")]
    assert [len(page.bodies) for page in pages] == [3, 3, 1]
    assert [b.peer_message_no for p in pages for b in p.bodies] == [f"{no}:1" for no in numbers]
    later = town.place()
    assert [b.peer_message_no for b in await town.polled(pages[-1].cursor)] == [f"{later}:1"]
    assert await town.polled(pages[0].cursor) != []
    assert await town.polled("8") == []


async def test_a_polled_body_is_what_the_platform_wrote(town: Town) -> None:
    order_no = town.place(citizen={"name": "王某", "phone": "13800001234"})
    assert [body.content for body in await town.polled()] == town.peer.versions(order_no)


async def test_what_happens_there_arrives_as_what_it_is(town: Town) -> None:
    order_no = town.place()
    town.peer.supplement(order_no, "西门也不亮")
    town.peer.remind(order_no, "请尽快")
    town.peer.withdraw(order_no, "已经亮了")
    new = IntakeKind.NEW
    assert town.read(await town.polled()) == [
        new, new, IntakeKind.SUPPLEMENT, new, IntakeKind.REMIND, new, IntakeKind.WITHDRAW,
    ]  # fmt: skip


async def test_a_version_polled_and_pushed_is_one_message(town: Town) -> None:
    order_no = town.place()
    (polled,) = await town.polled()
    (pushed,) = town.connector.receive(signed_push(town, town.peer.versions(order_no)[0]))
    assert polled == pushed


async def test_a_duplicate_has_the_same_number_and_an_overtaken_version_its_own_time(
    town: Town,
) -> None:
    order_no = town.place()
    town.peer.faults.next_only(Fault.DUPLICATE)
    town.peer.faults.next_only(Fault.STALE)
    town.peer.amend(order_no, content="西门也不亮。")
    bodies = await town.polled()
    assert [b.peer_message_no.rpartition(":")[2] for b in bodies] == ["1", "3", "2", "3"]
    times = [town.connector.translate(body.content)[0].peer_updated_at for body in bodies]
    assert times[2] < times[1] == times[3]  # type: ignore[operator] # none of them is None


async def test_garbage_is_handed_on_beside_the_good_ones_and_refused_alone(town: Town) -> None:
    town.peer.faults.next_only(Fault.GARBAGE)
    town.place()
    town.place()
    good, bad, other = await town.polled()
    assert town.read([good, other]) == [IntakeKind.NEW, IntakeKind.NEW]
    with pytest.raises(PayloadNotUnderstood):
        town.connector.translate(bad.content)
    assert town.peer.unreadable == 1


async def test_a_delivery_is_applied_once_however_often_it_is_sent(town: Town) -> None:
    order_no = town.place()
    first = await town.connector.deliver(of(order_no))
    again = await town.connector.deliver(of(order_no))
    assert (first.peer_code, again.peer_code) == ("0", "0001")
    assert (town.peer.book.repeated, town.peer.book.doubled, len(town.peer.book)) == (1, 0, 1)
    ((key, state, _),) = town.peer.book.applied[order_no]
    assert (key, state) == (of(order_no).key, "21")


@pytest.mark.parametrize("state", State)
async def test_every_state_is_known_to_the_platform(state: State, town: Town) -> None:
    order_no = town.place()
    event = event_of("ticket_dispatched", state)
    await town.connector.deliver(outbound(event, source_ticket_no=order_no))
    assert town.peer.book.state_of(order_no) == STATE_CODES[state]


async def test_our_own_update_mirrored_comes_back_as_an_echo(town: Town) -> None:
    order_no = town.place()
    town.peer.faults.next_only(Fault.ECHO)
    await town.connector.deliver(of(order_no))
    assert town.read(await town.polled()) == [IntakeKind.NEW, IntakeKind.ECHO]


async def test_a_lost_answer_is_uncertain_and_asking_finds_it(town: Town) -> None:
    order_no = town.place()
    town.peer.faults.next_only(Fault.ANSWER_LOST)
    with pytest.raises(PeerUnavailable) as error:
        await town.connector.deliver(of(order_no))
    assert error.value.uncertain
    receipt = await town.connector.ask(of(order_no))
    assert receipt is not None
    assert receipt.peer_code == "0"
    assert len(town.peer.book) == 1


async def test_asking_about_what_never_arrived_says_so(town: Town) -> None:
    order_no = town.place()
    town.peer.faults.next_only(Fault.UNAVAILABLE)
    with pytest.raises(PeerUnavailable) as error:
        await town.connector.deliver(of(order_no))
    assert not error.value.uncertain
    assert await town.connector.ask(of(order_no)) is None


async def test_a_platform_that_is_down_is_unavailable_and_certainly_not_reached(town: Town) -> None:
    order_no = town.place()
    await town.peer.stop()
    with pytest.raises(PeerUnavailable) as error:
        await town.connector.deliver(of(order_no))
    assert not error.value.uncertain
    await town.peer.start()
    assert (await town.connector.deliver(of(order_no))).peer_code == "0"


async def test_an_answer_that_does_not_come_in_time_is_uncertain(town: Town) -> None:
    order_no = town.place()
    hurried = build(
        "hotline",
        settings(town.peer.url, town.connector.client.http.profile, timeout_seconds=0.05),
        now=town.clock,
    )
    town.peer.faults.plan = FaultPlan(slow=1.0, slow_seconds=30.0)
    with pytest.raises(PeerUnavailable) as error:
        await hurried.deliver(of(order_no))
    assert error.value.uncertain
    await hurried.close()


async def test_a_wrong_secret_is_refused_everywhere(town: Town) -> None:
    order_no = town.place()
    stranger = build(
        "hotline",
        settings(town.peer.url, town.connector.client.http.profile, app_secret="guessed"),
        now=town.clock,
    )
    with pytest.raises(CredentialRefused):
        await stranger.check()
    with pytest.raises(CredentialRefused):
        await stranger.deliver(of(order_no))
    with pytest.raises(CredentialRefused):
        await anext(stranger.poll(""))
    await stranger.close()
    assert len(town.peer.book) == 0


@pytest.mark.parametrize(
    ("answer", "kind", "uncertain"),
    [
        ((409, "2001"), RequestRefused, False),
        ((200, "2001"), RequestRefused, False),
        ((200, "1001"), CredentialRefused, False),
        ((200, "9001"), PeerUnavailable, False),
        ((200, "9002"), PeerUnavailable, True),
    ],
)
async def test_a_refusal_keeps_the_platforms_code_with_http_200_too(
    town: Town,
    answer: tuple[int, str],
    kind: type[PeerUnavailable | RequestRefused | CredentialRefused],
    uncertain: bool,
) -> None:
    order_no = town.place()
    town.peer.refusals.append(answer)
    with pytest.raises(kind) as error:
        await town.connector.deliver(of(order_no))
    assert (error.value.peer_code, error.value.uncertain) == (answer[1], uncertain)


async def test_an_order_that_the_platform_does_not_know_is_refused(town: Town) -> None:
    with pytest.raises(RequestRefused) as error:
        await town.connector.deliver(of("SZ-unknown/?#"))
    assert error.value.peer_code == "2002"


def signed_push(town: Town, content: bytes, path: str = "orders", **changes: Any) -> Push:
    keys = Keys("platform", changes.get("secret", PUSH_SECRET), town.connector.client.http.profile)
    nonce = changes.get("nonce", "0123456789abcdef")
    headers = sign(keys, Signed("POST", f"/peers/hotline/{path}", content), town.clock(), nonce)
    lower = {name.lower(): value for name, value in headers.items()}
    return Push("POST", path, lower, {}, content)


async def test_a_push_with_a_wrong_signature_or_too_late_is_refused(town: Town) -> None:
    content = town.peer.versions(town.place())[0]
    with pytest.raises(CredentialRefused):
        town.connector.receive(signed_push(town, content, secret="guessed"))
    push = signed_push(town, content)
    town.clock.pass_by(3601)
    with pytest.raises(CredentialRefused):
        town.connector.receive(push)


async def test_a_push_repeated_with_its_nonce_is_refused(town: Town) -> None:
    push = signed_push(town, town.peer.versions(town.place())[0])
    town.connector.receive(push)
    if town.connector.client.http.profile is Profile.WEAK:
        assert town.connector.receive(push)  # the weak profile has none; the number tells it
        return
    with pytest.raises(CredentialRefused):
        town.connector.receive(push)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00", b'{"orderNo":"A","version":1}'])
async def test_a_push_off_the_contract_is_refused_to_the_platform(
    content: bytes, town: Town
) -> None:
    with pytest.raises(PayloadNotUnderstood):
        town.connector.receive(signed_push(town, content))


async def test_a_push_to_another_place_is_refused(town: Town) -> None:
    with pytest.raises(RequestRefused):
        town.connector.receive(signed_push(town, b"{}", path="elsewhere"))


async def test_a_peer_without_keys_may_not_push(town: Town) -> None:
    profile = town.connector.client.http.profile
    closed = build("hotline", settings(town.peer.url, profile, peer_app_key=""), now=town.clock)
    with pytest.raises(CredentialRefused):
        closed.receive(signed_push(town, b"{}"))


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (None, 200, "0"),
        (CredentialRefused("p", "d"), 401, "1002"),
        (PayloadNotUnderstood("p", "d"), 422, "2001"),
        (RequestRefused("p", "d"), 404, "2002"),
        (StoreBusy("full"), 503, "9001"),
        (RuntimeError("inner secret"), 503, "9001"),
    ],
)
def test_a_push_is_answered_in_the_platforms_words(
    outcome: Exception | None, status: int, code: str
) -> None:
    answer = answer_to(outcome)
    assert (answer.status, json.loads(answer.content)["code"]) == (status, code)
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert b"inner secret" not in answer.content
