"""What comes in is kept once, offered until it has an outcome, and never altered."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.base import Body, Page
from schemas.ticket import Source
from tests.ticket_store.hub_case import START, Clock, opened
from ticket_store.inbound import MessageOutcome
from ticket_store.store import Store

CITY = Source.HOTLINE12345
LATER = START + timedelta(minutes=1)


async def keep(store: Store, *numbers: str, peer: str = "city") -> list[int]:
    bodies = [Body(f"<{number}>".encode(), number) for number in numbers]
    return [one.message_id for one in await store.inbound.keep(peer, CITY, bodies, START)]


async def test_a_body_is_kept_untouched(store: Store) -> None:
    content = bytes(range(256))
    body = Body(content, "no. 1", "application/xml; charset=gbk")
    (kept,) = await store.inbound.keep("city", CITY, [body], START)
    message = await store.inbound.read(kept.message_id)
    assert kept.fresh
    assert (message.content, message.peer_message_no) == (content, "no. 1")
    assert (message.content_type, message.received_at) == (body.content_type, START)
    assert (message.peer, message.source) == ("city", CITY)
    assert (message.outcome, message.offered_at, message.offers) == (None, None, 0)


async def test_a_repeat_is_known_and_keeps_the_first_number(store: Store) -> None:
    (first,) = await store.inbound.keep("portal", Source.WEB_PORTAL, [Body(b"1", "a")], START, 77)
    (again,) = await store.inbound.keep("portal", Source.WEB_PORTAL, [Body(b"2", "a")], LATER, 88)
    assert (first.ticket_id, first.fresh) == (77, True)
    assert (again.ticket_id, again.fresh) == (77, False)
    assert again.message_id == first.message_id
    message = await store.inbound.read(first.message_id)
    assert (message.content, message.received_at) == (b"1", START)


async def test_of_many_at_once_one_is_fresh(store: Store) -> None:
    kept = await asyncio.gather(
        *(store.inbound.keep("city", CITY, [Body(b"x", "1")], START) for _ in range(20))
    )
    assert sum(one.fresh for (one,) in kept) == 1
    assert len({one.message_id for (one,) in kept}) == 1


async def test_the_same_number_of_two_peers_is_two_messages(store: Store) -> None:
    assert await keep(store, "1") != await keep(store, "1", peer="town")


async def test_a_number_is_reserved_for_one_body_only(store: Store) -> None:
    with pytest.raises(ValueError, match="one body"):
        await store.inbound.keep("city", CITY, [Body(b"1", "1"), Body(b"2", "2")], START, 77)


async def test_a_page_and_its_cursor_are_one_transaction(store_file: Path, clock: Clock) -> None:
    async with opened(store_file, clock) as store:
        assert await store.inbound.cursor("city") == ""
        page = Page([Body(b"1", "1"), Body(b"2", "2")], "c1")
        kept = await store.inbound.keep_page("city", CITY, page, START)
        assert [one.fresh for one in kept] == [True, True]
        assert await store.inbound.cursor("city") == "c1"
        kept = await store.inbound.keep_page("city", CITY, Page([Body(b"3", "3")], "c2"), START)
        await store.inbound.keep_page("town", CITY, Page([], "t1"), START)
    with closing(sqlite3.connect(store_file)) as file:  # the next page cannot be kept
        file.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON cursors BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    async with opened(store_file, clock, fresh=False) as store:
        with pytest.raises(Exception, match="no"):
            await store.inbound.keep_page("city", CITY, Page([Body(b"4", "4")], "c3"), START)
        assert await store.inbound.cursor("city") == "c2"
        assert len(await store.inbound.browse()) == 3
        assert await store.inbound.cursor("town") == "t1"


async def test_a_message_is_offered_again_until_it_has_an_outcome(store: Store) -> None:
    one, two, three = await keep(store, "1", "2", "3")
    assert [m.message_id for m in await store.inbound.to_offer(LATER, 2)] == [one, two]
    await store.inbound.offered([one, two], LATER)
    assert [m.message_id for m in await store.inbound.to_offer(LATER, 9)] == [three]

    much_later = LATER + timedelta(minutes=1)
    again = await store.inbound.to_offer(much_later, 9)
    assert [m.message_id for m in again] == [three, one, two]  # the new ones first
    assert [m.offers for m in again] == [0, 1, 1]
    await store.inbound.settle(one, MessageOutcome.REGISTERED, ticket_id=5)
    assert [m.message_id for m in await store.inbound.to_offer(much_later, 9)] == [three, two]
    assert await store.inbound.tally() == {"waiting": 2, "dead": 0}


async def test_the_sweep_finds_by_index(store: Store) -> None:
    sql = store.inbound._sql.to_offer.text
    plan = await store.database.read(
        lambda one: one.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (0, 10, 0)).all()
    )
    assert "ix_inbound_unsettled" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


async def test_the_first_outcome_stays(store: Store, clock: Clock) -> None:
    (one,) = await keep(store, "1")
    clock.advance(5)
    assert await store.inbound.settle(one, MessageOutcome.APPLIED, ticket_id=5, detail="a\0b")
    assert not await store.inbound.settle(one, MessageOutcome.DEAD, ticket_id=6, detail="late")
    message = await store.inbound.read(one)
    assert (message.outcome, message.ticket_id) == (MessageOutcome.APPLIED, 5)
    assert (message.detail, message.settled_at) == ("a\ufffdb", clock())
    assert not await store.inbound.settle(one + 99, MessageOutcome.DEAD)


async def test_a_reserved_number_stays_when_the_outcome_names_none(store: Store) -> None:
    (kept,) = await store.inbound.keep("portal", Source.WEB_PORTAL, [Body(b"1", "a")], START, 77)
    await store.inbound.settle(kept.message_id, MessageOutcome.DEAD, detail="not JSON")
    assert (await store.inbound.read(kept.message_id)).ticket_id == 77


async def test_a_dead_letter_is_replayed_by_choice(store: Store) -> None:
    one, two = await keep(store, "1", "2")
    for message_id in (one, two):
        await store.inbound.settle(message_id, MessageOutcome.DEAD, detail="unknown code 99")
    assert [m.message_id for m in await store.inbound.dead_letters()] == [two, one]
    assert [m.message_id for m in await store.inbound.dead_letters(9, before_id=two)] == [one]
    (first, *_) = await store.inbound.dead_letters(1)
    assert (first.content, first.detail, first.peer) == (b"<2>", "unknown code 99", "city")

    assert await store.inbound.replay(one, "u1")
    assert not await store.inbound.replay(one, "u1")  # under way already
    assert not await store.inbound.replay(one + 99, "u1")
    (offered,) = await store.inbound.to_offer(LATER, 9)
    assert (offered.message_id, offered.replays, offered.content) == (one, 1, b"<1>")
    assert await store.inbound.settle(one, MessageOutcome.REGISTERED, ticket_id=5)
    assert await store.inbound.tally() == {"waiting": 0, "dead": 1}
    report = await store.audit.verify()
    assert (report.ok, report.rows) == (True, 1)


async def test_the_browser_filters(store: Store) -> None:
    one, two = await keep(store, "1", "2")
    (three,) = await keep(store, "1", peer="town")
    await store.inbound.settle(one, MessageOutcome.ECHO, ticket_id=5)

    async def ids(**filters: object) -> list[int]:
        return [m.message_id for m in await store.inbound.browse(**filters)]  # type: ignore[arg-type]  # one of each

    assert await ids() == [three, two, one]
    assert await ids(peer="city") == [two, one]
    assert await ids(outcome=MessageOutcome.ECHO) == [one]
    assert await ids(waiting=True) == [three, two]
    assert await ids(ticket_id=5) == [one]
    assert await ids(before_id=three, limit=1) == [two]
    with pytest.raises(LookupError):
        await store.inbound.read(999)


async def test_whoever_waits_for_messages_is_told_of_fresh_ones(store: Store) -> None:
    told: list[str] = []
    store.inbound.on_keep(lambda: told.append("!"))
    (one,) = await keep(store, "1")
    await keep(store, "1")
    assert len(told) == 1
    await store.inbound.settle(one, MessageOutcome.DEAD)
    await store.inbound.replay(one, "u1")
    assert len(told) == 2
