"""A store with something in every table, to be moved; and opened again on either database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from connectors.base import Body, Page
from schemas.clocks import Clock as TicketClock
from schemas.ids import TicketIds
from schemas.lifecycle import Action
from schemas.outbound import DeliveryState
from schemas.parties import Role
from schemas.ticket import Source
from tests.schemas import cases
from tests.ticket_store.hub_case import RULES, START, Clock, command, owes_source, register
from tests.ticket_store.reading_case import CHEAP, KEY
from ticket_store.passwords import Passwords
from ticket_store.people_values import NewUser
from ticket_store.reading import ReadingSettings
from ticket_store.store import Store, open_store

PASSWORD = "Correct-horse-7"
TEXT = "小区门口的路灯三天不亮"
AWKWARD = '引号" 反斜\\ 换行\n 制表\t 空\\u0000 \U00020000'
"""What the formats between two databases stumble over."""


@asynccontextmanager
async def opened_at(url: str, folder: Path, clock: Clock) -> AsyncIterator[Store]:
    """The whole store at `url`; its uploads are below `folder`."""
    store = await open_store(
        url,
        rules=RULES,
        owes=owes_source,
        ids=TicketIds(clock.milliseconds),
        now=clock,
        reading=ReadingSettings(folder / "uploads", KEY, passwords=Passwords(CHEAP)),
    )
    try:
        yield store
    finally:
        await store.close()


def running(ticket_id: int) -> TicketClock:
    """A clock that warns an hour after START."""
    return TicketClock.model_validate(
        {
            "clock_id": "handle", "ticket_id": ticket_id, "step": "handle", "rule_id": "r1",
            "started_at": START, "due_at": START + timedelta(hours=2),
            "warn_at": START + timedelta(hours=1), "next_at": START + timedelta(hours=1),
            "arithmetic": {"working_days": "1"},
        }
    )  # fmt: skip


async def filled(store: Store, clock: Clock, count: int) -> list[int]:
    """`count` tickets under way and, once, whatever else a store can hold; their ids."""
    made = []
    for number in range(count):
        ticket_id = store.ids.next()
        made.append(ticket_id)
        clock.advance(1)
        await store.desk.execute(register(ticket_id, f"N{number}"))
        await store.desk.execute(
            command(Action.SUPPLEMENT, cases.OPERATOR, ticket_id, text=f"{AWKWARD}{number}")
        )
        outcome = await store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id))
        assert outcome.ticket is not None
        await store.clocks.save(ticket_id, outcome.ticket.version, (running(ticket_id),))
        body = Body(bytes(range(256)), f"m{number}\0")
        await store.inbound.keep("city", Source.HOTLINE12345, [body], clock(), ticket_id)
    await store.desk.execute(command(Action.DISPATCH, cases.DISPATCHER, made[-1]))
    await _deliveries(store, clock)
    await _people(store)
    page = Page([Body(b"", "last")], "c\t1")
    await store.inbound.keep_page("city", Source.HOTLINE12345, page, clock())
    await store.attachments.keep(made[0], "现场.txt", "text/plain", b"x", "citizen")
    return made


async def _deliveries(store: Store, clock: Clock) -> None:
    """One delivered, one held, one whose outcome nobody knows; the rest wait."""
    taken = await store.deliveries.take("city", clock(), "me", 60, 3, 5)
    await store.deliveries.settle(taken[0], DeliveryState.DELIVERED, detail="a\\N\tb")
    await store.deliveries.settle(taken[1], DeliveryState.HELD, detail="401")


async def _people(store: Store) -> None:
    for name, who in (("wang", Role.OPERATOR), ("li", Role.LEADER)):
        new = NewUser(user_name=name, display_name=f"{name} 某", roles=frozenset({who}))
        await store.people.create("admin", new, PASSWORD, must_change=name == "li")
    await store.people.sign_in("wang", PASSWORD)
    await store.people.tokens.create("admin", "crm", frozenset({Role.LEADER}))
