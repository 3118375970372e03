"""The whole connector against the simulated portal's callback, over real sockets."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import respx

from connectors.base import Connector, Polling, Receiving
from connectors.signing import Keys, Profile
from connectors.web_portal.connector import Settings, WebPortalConnector, build
from hub.demo.peers.faults import Fault, FaultPlan, Faults
from hub.demo.peers.web_portal import PortalPeer
from schemas.errors import CredentialRefused, PeerUnavailable, RequestRefused
from schemas.ids import ticket_no
from schemas.outbound import Outbound
from schemas.ticket import Source
from tests.connectors.outbounds import TICKET_ID, event_of, outbound

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
KEYS = Keys("hub", "callback secret", Profile.HMAC_SM3)
NUMBER = ticket_no(TICKET_ID)


def settings(url: str | None, **changes: Any) -> Settings:
    given = {"callback_url": url, "app_secret": "callback secret", "profile": "hmac-sm3"}
    return Settings.model_validate(given | changes)


def of(kind: str = "ticket_accepted", sequence: int = 2) -> Outbound:
    return outbound(
        event_of(kind),
        destination="portal",
        source=Source.WEB_PORTAL,
        source_ticket_no=None,
        sequence=sequence,
    )


@pytest.fixture
async def portal() -> AsyncIterator[PortalPeer]:
    dice = Faults(FaultPlan(), random.Random(2))  # noqa: S311 - a seed, to be repeated
    rng = random.Random(1)  # noqa: S311 - the same
    async with PortalPeer(lambda: AT, rng, dice, hub_keys=KEYS) as peer:
        yield peer


@pytest.fixture
async def connector(portal: PortalPeer) -> AsyncIterator[WebPortalConnector]:
    built = build("portal", settings(portal.callback_url), now=lambda: AT)
    yield built
    await built.close()


async def test_it_is_a_peer_that_is_only_told(connector: WebPortalConnector) -> None:
    assert isinstance(connector, Connector)
    assert not isinstance(connector, Polling)
    assert not isinstance(connector, Receiving)
    await connector.check()


async def test_a_portal_that_answers_404_to_a_look_is_there(portal: PortalPeer) -> None:
    built = build("portal", settings(f"{portal.url}/elsewhere"), now=lambda: AT)
    await built.check()
    await built.close()


async def test_a_portal_that_is_not_there_fails_the_check(portal: PortalPeer) -> None:
    built = build("portal", settings(portal.callback_url), now=lambda: AT)
    await portal.stop()
    with pytest.raises(PeerUnavailable):
        await built.check()
    await built.close()


async def test_the_portal_is_told_once_however_often(
    connector: WebPortalConnector, portal: PortalPeer
) -> None:
    first = await connector.deliver(of())
    await connector.deliver(of())
    await connector.deliver(of("ticket_closed", sequence=3))
    assert first.peer_code == "200"
    assert (portal.book.repeated, portal.book.doubled, portal.book.out_of_order) == (1, 0, 0)
    assert [key for key, _, _ in portal.book.applied[NUMBER]] == [
        of().key,
        of(sequence=3).key,
    ]


async def test_a_lost_answer_is_uncertain_and_asking_finds_it(
    connector: WebPortalConnector, portal: PortalPeer
) -> None:
    portal.faults.next_only(Fault.ANSWER_LOST)
    with pytest.raises(PeerUnavailable) as error:
        await connector.deliver(of())
    assert error.value.uncertain
    assert await connector.ask(of()) is not None
    assert await connector.ask(of(sequence=3)) is None


async def test_not_now_is_certain_not_to_have_arrived(
    connector: WebPortalConnector, portal: PortalPeer
) -> None:
    portal.faults.next_only(Fault.UNAVAILABLE)
    with pytest.raises(PeerUnavailable) as error:
        await connector.deliver(of())
    assert not error.value.uncertain
    assert await connector.ask(of()) is None


async def test_a_slow_portal_is_uncertain(portal: PortalPeer) -> None:
    portal.faults.plan = FaultPlan(slow=1.0, slow_seconds=30.0)
    hurried = build("portal", settings(portal.callback_url, timeout_seconds=0.05), now=lambda: AT)
    with pytest.raises(PeerUnavailable) as error:
        await hurried.deliver(of())
    assert error.value.uncertain
    await hurried.close()


async def test_a_wrong_secret_is_refused(portal: PortalPeer) -> None:
    stranger = build("portal", settings(portal.callback_url, app_secret="guessed"), now=lambda: AT)
    for call in (stranger.check(), stranger.deliver(of()), stranger.ask(of())):
        with pytest.raises(CredentialRefused):
            await call
    await stranger.close()
    assert len(portal.book) == 0


async def test_a_callback_that_is_nowhere_is_refused(portal: PortalPeer) -> None:
    lost = build("portal", settings(f"{portal.url}/elsewhere"), now=lambda: AT)
    with pytest.raises(RequestRefused) as error:
        await lost.deliver(of())
    assert error.value.peer_code == "404"
    await lost.close()


async def test_a_portal_without_a_callback_is_never_called() -> None:
    silent = build("portal", settings(None))
    await silent.check()
    with pytest.raises(RequestRefused):
        await silent.deliver(of())
    await silent.close()


async def test_the_untouched_message_is_translated(connector: WebPortalConnector) -> None:
    body = (
        '{"kind":"rating","ticket_id":5,"received_at":"2026-11-25T04:00:00Z","form":{"rating":5}}'
    )
    (intake,) = connector.translate(body.encode())
    assert (intake.peer, intake.ticket_id, intake.rating) == ("portal", 5, 5)


@pytest.mark.parametrize("call", ["check", "ask"])
async def test_a_refusal_of_another_kind_is_no_answer(
    call: str, connector: WebPortalConnector, portal: PortalPeer, respx_mock: respx.Router
) -> None:
    respx_mock.get(url__startswith=portal.callback_url).respond(410)
    with pytest.raises(RequestRefused) as error:
        await (connector.check() if call == "check" else connector.ask(of()))
    assert error.value.peer_code == "410"
