"""The same statements on PostgreSQL: compiled always, run where a server is given."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

from connectors.base import Body, Page
from schemas.errors import AlreadyRegistered
from schemas.ids import TicketIds
from schemas.lifecycle import Action
from schemas.outbound import DeliveryState, Receipt
from schemas.ticket import Source
from tests.postgresql import own_database
from tests.schemas import cases
from tests.ticket_store.hub_case import RULES, START, Clock, command, owes_source, register
from ticket_store.delivery_statements import DeliveryStatements
from ticket_store.desk_statements import DeskStatements
from ticket_store.engine import connect
from ticket_store.inbound import MessageOutcome
from ticket_store.inbound_statements import InboundStatements
from ticket_store.migrations import migrate, pending
from ticket_store.statements import Statement
from ticket_store.store import Store

CITY = Source.HOTLINE12345
DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy says no types here


@pytest.mark.parametrize("kind", [DeskStatements, DeliveryStatements, InboundStatements])
def test_every_statement_compiles(kind: type) -> None:
    statements = [one for one in vars(kind(DIALECT)).values() if type(one) is Statement]
    assert statements
    for statement in statements:
        assert "?" not in statement.text
        assert statement.text.startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))


def test_heads_and_what_is_due_are_locked() -> None:
    due = DeliveryStatements(DIALECT).due.text
    assert "FOR UPDATE OF deliveries SKIP LOCKED" in due


@pytest.fixture
async def server_url() -> AsyncIterator[str]:
    async with own_database("store_test") as url:
        yield url


@pytest.fixture
async def stores(server_url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes' worth of stores on one database."""
    lacking = await pending(server_url)
    assert await migrate(server_url) == lacking
    clock = Clock()
    made = [
        Store(
            connect(server_url), rules=RULES, owes=owes_source, now=clock,
            ids=TicketIds(clock.milliseconds, node),
        )
        for node in range(2)
    ]  # fmt: skip
    yield made[0], made[1]
    for store in made:
        await store.close()


@pytest.mark.postgresql
async def test_commands_and_reads(stores: tuple[Store, Store]) -> None:
    store, other = stores
    ticket_id = store.ids.next()
    first = await store.desk.execute(asked := register(ticket_id, "N1"))
    repeat = await other.desk.execute(asked)
    assert (repeat.ticket, repeat.events) == (first.ticket, first.events)
    with pytest.raises(AlreadyRegistered):
        await other.desk.execute(register(other.ids.next(), "N1"))
    await store.desk.execute(command(Action.AMEND, cases.OPERATOR, ticket_id))
    await store.desk.execute(command(Action.SUPPLEMENT, cases.OPERATOR, ticket_id, text="补充"))
    assert len(await other.tickets.history(ticket_id)) == 4
    assert [one.text for one in await other.tickets.supplements(ticket_id)] == ["补充"]
    assert await other.tickets.by_source_no("city", "N1") == ticket_id
    later = START + timedelta(seconds=9)
    assert await other.tickets.waiting_for_proposal(later, 5) == [ticket_id]
    taken = await store.outbox.take(10)
    assert [one.sequence for one in taken] == [1, 2, 3, 4]
    await store.outbox.done([(one.ticket_id, one.sequence) for one in taken])
    assert await other.outbox.length() == 0


@pytest.mark.postgresql
async def test_two_writers_leave_no_gap(stores: tuple[Store, Store]) -> None:
    ticket_id = stores[0].ids.next()
    await stores[0].desk.execute(register(ticket_id))
    outcomes = await asyncio.gather(
        *(
            store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id))
            for store in stores
            for _ in range(60)
        )
    )
    versions = [one.ticket.version for one in outcomes if one.ticket is not None]
    assert sorted(versions) == list(range(3, 123))
    report = await stores[1].audit.verify()
    assert (report.ok, report.rows) == (True, 121)


@pytest.mark.postgresql
async def test_deliveries(stores: tuple[Store, Store]) -> None:
    store, other = stores
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id, "N1"))
    both = await asyncio.gather(
        *(one.deliveries.take("city", START, "me", 60, 10, 5) for one in stores)
    )
    (owed,) = [one for taken in both for one in taken]  # one of the two got it
    assert await other.deliveries.settle(owed, DeliveryState.DELIVERED, receipt=Receipt())
    (owed,) = await other.deliveries.take("city", START, "me", 60, 10, 5)
    assert await store.deliveries.settle(owed, DeliveryState.HELD, detail="401")
    assert [hold.destination for hold in await other.deliveries.holds()] == ["city"]
    assert await store.deliveries.release_held("city", "u1") == 1
    (owed,) = await other.deliveries.take("city", START, "me", 60, 10, 5)
    assert await store.deliveries.recover("me", START) == 1
    assert await store.deliveries.hasten("city", START) == 0
    (owed,) = await other.deliveries.take("city", START, "me", 60, 10, 5)
    assert owed.state is DeliveryState.UNCERTAIN
    assert await store.deliveries.settle(owed, DeliveryState.DEAD, in_doubt=True)
    assert len(await store.deliveries.dead()) == 1
    delivered, dead = DeliveryState.DELIVERED, DeliveryState.DEAD
    assert await store.deliveries.counts() == {"city": {delivered: 1, dead: 1}}
    assert await store.deliveries.owed_counts() == {"city": {dead: 1}}
    assert await store.deliveries.replay(ticket_id, 2, "city", "u1")
    assert await store.deliveries.next_due("city") == START


@pytest.mark.postgresql
async def test_inbound(stores: tuple[Store, Store]) -> None:
    store, other = stores
    kept = await asyncio.gather(
        *(
            one.inbound.keep("city", CITY, [Body(b"x\0", "1")], START, number)
            for number, one in enumerate(stores, 1)
        )
    )
    assert len({(one.message_id, one.ticket_id) for (one,) in kept}) == 1
    page = Page([Body(b"x", "1"), Body(b"y", "2")], "c1")
    assert [one.fresh for one in await other.inbound.keep_page("city", CITY, page, START)] == [
        False, True,
    ]  # fmt: skip
    assert await store.inbound.cursor("city") == "c1"
    later = START + timedelta(seconds=1)
    offered = await store.inbound.to_offer(later, 10)
    assert len(offered) == 2
    await store.inbound.offered([one.message_id for one in offered], later)
    assert await store.inbound.to_offer(later, 10) == []
    first = offered[0].message_id
    assert await store.inbound.settle(first, MessageOutcome.DEAD, detail="a\0")
    assert not await other.inbound.settle(first, MessageOutcome.APPLIED)
    assert await other.inbound.tally() == {"waiting": 1, "dead": 1}
    assert await other.inbound.replay(first, "u1")
    assert [one.content for one in await store.inbound.browse(waiting=True)] == [b"y", b"x\0"]
