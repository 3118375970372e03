"""From a peer's body to a ticket: once, in order, and never lost."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.base import Body
from schemas.errors import CredentialRefused, PeerUnavailable
from schemas.intake import Intake, IntakeKind
from schemas.lifecycle import Action
from schemas.ticket import Source, State
from tests.schemas.cases import NOW, OPERATOR, command, registration
from tests.streams.hub import FakePeer, FakePolled, FixedProposer, Hub, running_hub
from ticket_store.inbound import MessageOutcome

PORTAL = FakePeer("portal", Source.WEB_PORTAL)
PHONE = FakePeer("switch", Source.PHONE_LOG)


def new(no: str = "A1", at: datetime = NOW, **fields: Any) -> Intake:
    about = registration(peer="city", source_ticket_no=no, **fields)
    return Intake(
        kind=IntakeKind.NEW, peer="city", source_ticket_no=no, registration=about,
        peer_updated_at=at,
    )  # fmt: skip


def act(kind: IntakeKind, no: str = "A1", **fields: Any) -> Intake:
    return Intake(kind=kind, peer="city", source_ticket_no=no, **fields)


async def test_a_ticket_is_registered_once_whatever_its_peer_repeats(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        first = await hub.settled(await hub.receive(new(), no="1"))
        assert first.outcome is MessageOutcome.REGISTERED
        assert first.ticket_id is not None
        again = await hub.settled(await hub.receive(new(), no="2"))
        assert (again.outcome, again.ticket_id) == (MessageOutcome.DUPLICATE, first.ticket_id)
        assert await hub.kinds(first.ticket_id) == ["ticket_registered"]
        head = await hub.store.tickets.head(first.ticket_id)
        assert head is not None
        assert (head.state, head.source_ticket_no) == (State.RECEIVED, "A1")


async def test_a_newer_version_is_noted_and_an_older_one_is_stale(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        first = await hub.settled(await hub.receive(new(), no="1"))
        newer = await hub.receive(new(at=NOW + timedelta(hours=2), call_no="9"), no="2")
        assert await hub.outcome(newer) is MessageOutcome.APPLIED
        older = await hub.receive(new(at=NOW + timedelta(hours=1)), no="3")
        assert await hub.outcome(older) is MessageOutcome.STALE
        assert first.ticket_id is not None
        assert await hub.kinds(first.ticket_id) == ["ticket_registered", "peer_update_noted"]
        body = await hub.store.tickets.registration(first.ticket_id)
        assert body is not None
        assert body.call_no == "9"


async def test_acts_follow_their_ticket_in_order(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        messages = [
            await hub.receive(new(), no="1"),
            await hub.receive(act(IntakeKind.SUPPLEMENT, text="又坏了"), no="2"),
            await hub.receive(act(IntakeKind.REMIND), no="3"),
            await hub.receive(act(IntakeKind.RATE, rating=5), no="4"),
            await hub.receive(act(IntakeKind.WITHDRAW), no="5"),
        ]
        outcomes = [await hub.outcome(one) for one in messages]
        applied, refused = MessageOutcome.APPLIED, MessageOutcome.REFUSED
        assert outcomes == [MessageOutcome.REGISTERED, applied, applied, refused, applied]
        rated = await hub.settled(messages[3])
        assert rated.detail.startswith("transition_refused: rate is not possible from received")
        assert rated.ticket_id is not None
        assert await hub.kinds(rated.ticket_id) == [
            "ticket_registered", "matter_supplemented", "reminder_sent", "ticket_withdrawn",
        ]  # fmt: skip


async def test_a_message_of_several_acts_is_settled_by_the_gravest(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        both = await hub.receive(new(), act(IntakeKind.RATE, rating=1), no="1")
        message = await hub.settled(both)
        assert message.outcome is MessageOutcome.REFUSED
        assert await hub.store.tickets.by_source_no("city", "A1") is not None


async def test_an_act_waits_for_its_ticket_and_at_last_is_a_dead_letter(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        early = await hub.receive(act(IntakeKind.SUPPLEMENT, text="早到"), no="1")
        never = await hub.receive(act(IntakeKind.SUPPLEMENT, no="B1", text="无主"), no="2")
        await hub.outcome(await hub.receive(new(), no="3"))
        assert (await hub.store.inbound.read(early)).outcome is None
        hub.clock.now += timedelta(seconds=60)
        assert await hub.outcome(early) is MessageOutcome.APPLIED
        assert (await hub.store.inbound.read(never)).outcome is None
        hub.clock.now += timedelta(seconds=900)
        dead = await hub.settled(never)
        assert (dead.outcome, dead.detail) == (MessageOutcome.DEAD, "city has no ticket B1")


async def test_what_is_not_understood_is_kept_with_its_reason(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        content = "{不是 JSON".encode("gbk")
        dead = await hub.settled(await hub.receive_bytes(content, no="1"))
        assert (dead.outcome, dead.content) == (MessageOutcome.DEAD, content)
        good = await hub.receive(new(), no="2")
        assert await hub.outcome(good) is MessageOutcome.REGISTERED, "it stopped nobody"

        async def told() -> list[dict[str, Any]]:
            return hub.letters

        [letter] = await hub.until(told)
        assert letter["message_id"] == dead.message_id
        assert letter["topic"] == "inbound.hotline12345.v1"
        assert letter["reason"] == dead.detail


async def test_a_complaint_from_the_year_one_had_no_clocks(tmp_path: Path) -> None:
    """No deadline can be counted from there: its events were dead letters, nobody was warned."""
    async with running_hub(tmp_path) as hub:
        long_ago = datetime(1, 1, 1, tzinfo=UTC)
        about = registration(peer="city", source_ticket_no="A1")
        about = about.model_copy(update={"received_at": long_ago})
        asked = new().model_copy(update={"registration": about})
        dead = await hub.settled(await hub.receive(asked, no="1"))
        assert (dead.outcome, dead.ticket_id) == (MessageOutcome.DEAD, None)
        assert "before the year 2000" in dead.detail


async def test_one_update_from_far_ahead_made_all_later_ones_old(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        await hub.outcome(await hub.receive(new(), no="1"))
        ahead = datetime(9999, 12, 31, tzinfo=UTC)
        dead = await hub.settled(await hub.receive(new(at=ahead), no="2"))
        assert (dead.outcome, "a day ahead" in dead.detail) == (MessageOutcome.DEAD, True)
        later = await hub.receive(new(at=NOW + timedelta(minutes=1)), no="3")
        assert await hub.outcome(later) is MessageOutcome.APPLIED


async def test_a_bad_act_is_a_dead_letter_of_the_intake_topic(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        await hub.outcome(await hub.receive(new(), no="1"))
        bad = await hub.settled(await hub.receive(act(IntakeKind.RATE), no="2"))
        assert bad.outcome is MessageOutcome.DEAD
        assert bad.detail.startswith("RateTicket: rating")


async def test_an_echo_of_our_own_update_stops_here(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        echo = await hub.receive(act(IntakeKind.ECHO), no="1")
        assert await hub.outcome(echo) is MessageOutcome.ECHO
        assert hub.letters == []


async def test_the_portals_number_is_the_one_that_was_given_out(tmp_path: Path) -> None:
    async with running_hub(tmp_path, PORTAL) as hub:
        ticket_id = hub.deps.ids.next()
        about = registration(Source.WEB_PORTAL)
        intake = Intake(kind=IntakeKind.NEW, peer="portal", registration=about)
        body = Body(f"[{intake.model_dump_json()}]".encode(), "k1")
        [kept] = await hub.store.inbound.keep(
            "portal", Source.WEB_PORTAL, [body], NOW, ticket_id=ticket_id
        )
        hub.deps.wakes.inbound.set()
        message = await hub.settled(kept.message_id)
        assert (message.outcome, message.ticket_id) == (MessageOutcome.REGISTERED, ticket_id)
        more = Intake(kind=IntakeKind.SUPPLEMENT, peer="portal", ticket_id=ticket_id, text="补充")
        assert await hub.outcome(await hub.receive(more, no="k2", peer="portal")) == "applied"
        history = await hub.store.tickets.history(ticket_id)
        assert {one.actor.actor_id for one in history} == {"citizen"}


async def test_a_call_becomes_a_draft(tmp_path: Path) -> None:
    async with running_hub(tmp_path, PHONE) as hub:
        about = registration(Source.PHONE_LOG, peer="switch", source_ticket_no="C1")
        call = Intake(
            kind=IntakeKind.DRAFT, peer="switch", source_ticket_no="C1", registration=about
        )
        message = await hub.settled(await hub.receive(call, no="1", peer="switch"))
        assert message.outcome is MessageOutcome.REGISTERED
        assert message.ticket_id is not None
        head = await hub.store.tickets.head(message.ticket_id)
        assert head is not None
        assert head.state is State.DRAFT
        again = await hub.receive(call, no="2", peer="switch")
        assert await hub.outcome(again) is MessageOutcome.DUPLICATE


def bodies(numbers: Sequence[int]) -> list[Body]:
    return [Body(f"[{new(f'A{n}').model_dump_json()}]".encode(), str(n)) for n in numbers]


async def test_a_polled_peer_is_read_page_by_page_through_its_failures(tmp_path: Path) -> None:
    failures: list[Exception] = [PeerUnavailable("city", "503"), PeerUnavailable("city", "503")]
    peer = FakePolled(bodies=bodies(range(5)), failures=failures)
    async with running_hub(tmp_path, peer) as hub:

        async def all_there() -> bool:
            found = [await hub.store.tickets.by_source_no("city", f"A{n}") for n in range(5)]
            return None not in found

        await hub.until(all_there)
        assert await hub.store.inbound.cursor("city") == "5"
    assert failures == []


async def test_refused_credentials_stop_that_peer_only(tmp_path: Path) -> None:
    shut = FakePolled(
        "shut", Source.PROVINCIAL, bodies=bodies([9]), failures=[CredentialRefused("shut", "401")]
    )
    async with running_hub(tmp_path, shut, FakePolled(bodies=bodies([1]))) as hub:

        async def there() -> int | None:
            return await hub.store.tickets.by_source_no("city", "A1")

        await hub.until(there)

        async def tried() -> bool:
            return not shut.failures

        await hub.until(tried)
        assert await hub.store.inbound.cursor("shut") == ""


async def accepted(hub: Hub) -> int:
    message = await hub.settled(await hub.receive(new(), no="1"))
    assert message.ticket_id is not None
    await hub.execute(command(Action.ACCEPT, OPERATOR, ticket_id=message.ticket_id))
    return message.ticket_id


async def test_a_sure_machine_dispatches(tmp_path: Path) -> None:
    async with running_hub(tmp_path, proposer=FixedProposer(dispatch=True)) as hub:
        ticket_id = await accepted(hub)
        kinds = await hub.happened(ticket_id, "ticket_dispatched")
        assert kinds[2:] == ["proposal_made", "ticket_dispatched"]
        dispatched = (await hub.store.tickets.history(ticket_id))[-1]
        assert dispatched.actor.actor_id == "machine:routing"


async def test_an_unsure_machine_proposes_only(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        ticket_id = await accepted(hub)
        await hub.happened(ticket_id, "proposal_made")
        await hub.wound(ticket_id)
        assert (await hub.kinds(ticket_id))[2:] == ["proposal_made"]


async def test_a_ticket_id_that_is_taken_costs_no_message(tmp_path: Path) -> None:
    """The clock was set back over a restart, and the same ids are handed out again."""
    async with running_hub(tmp_path) as hub:
        first = await hub.settled(await hub.receive(new("A1"), no="1"))
        assert first.ticket_id is not None
        taken = [first.ticket_id, first.ticket_id]
        fresh = hub.deps.ids.next
        hub.deps.ids.next = lambda: taken.pop() if taken else fresh()  # type: ignore[method-assign]  # as a clock set back would
        second = await hub.settled(await hub.receive(new("A2"), no="2"))
        assert (second.outcome, taken) == (MessageOutcome.REGISTERED, [])
        assert second.ticket_id != first.ticket_id
        assert await hub.store.inbound.replay(second.message_id, by="test")
        assert (await hub.settled(second.message_id)).ticket_id == second.ticket_id
        assert await hub.kinds(second.ticket_id or 0) == ["ticket_registered"]
