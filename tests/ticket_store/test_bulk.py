"""Tickets written in bulk are what the desk would have written, and each is written once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from schemas.commands import Command
from schemas.events import Recorded
from schemas.lifecycle import Action
from schemas.ticket import State
from schemas.winding import rebuild
from tests.postgresql import own_database
from tests.schemas import cases
from tests.schemas.test_winding import POLICY
from tests.ticket_store.hub_case import RULES, START, command, register
from tests.ticket_store.reading_case import DATABASES, KEY, ReadingCase, case_on, reading_case
from ticket_store.batch import Decided, Known, decide_next
from ticket_store.bulk import BulkBook, Placing
from ticket_store.bulk_rows import BulkTicket, bulk_ticket
from ticket_store.metadata import metadata
from ticket_store.personal_keys import PersonalKeys
from ticket_store.scope import scope_of
from ticket_store.ticket_query import TicketQuery

KEYS = PersonalKeys(KEY)
# what a desk's command leaves beside the ticket: what the relay still has to carry, and a
# fingerprint for those who might ask again
OWED = {"outbox", "deliveries"}
WORDS = "路灯不亮"
CENTRE = cases.actor(*cases.OPERATOR.roles, *cases.DISPATCHER.roles, *cases.REVIEWER.roles)
CLOSED = (
    (Action.DISPATCH, CENTRE, {}),
    (Action.ACKNOWLEDGE, cases.handler(), {}),
    (Action.MEDIATE, cases.handler(), {}),
    (Action.COMPLETE, cases.handler(), {}),
    (Action.PASS_CLOSURE, CENTRE, {}),
    (Action.REPLY, CENTRE, {}),
    (Action.FOLLOW_UP, CENTRE, {"satisfied": False, "resolved": False}),
)
WAYS: dict[str, Sequence[tuple[Action, Any, dict[str, Any]]]] = {
    "accepted": (),
    "supplemented": ((Action.SUPPLEMENT, CENTRE, {"text": "又添一盏灯"}),),
    "amended": ((Action.AMEND, CENTRE, {}), (Action.SUPPLEMENT, CENTRE, {})),
    "proposed": ((Action.PROPOSE, cases.MACHINE, {}),),
    "dispatched": CLOSED[:1],
    "parallel": (
        (Action.DISPATCH, CENTRE, {"form": "parallel", "departments": ("d1", "d2")}),
        (Action.ACKNOWLEDGE, cases.handler("d2"), {}),
    ),
    "carded": (*CLOSED[:1], (Action.ISSUE_CARD, cases.SYSTEM, {}), (Action.REMIND, CENTRE, {})),
    "completed": CLOSED[:4],
    "closed": CLOSED,
    "withdrawn": ((Action.WITHDRAW, CENTRE, {}),),
}


def commands_of(way: str, ticket_id: int, number: str | None = "N1") -> list[Command]:
    """A ticket of the past, a step an hour."""
    at = START - timedelta(days=3)
    given: dict[str, Any] = {"peer": "city", "source_ticket_no": number} if number else {}
    body = cases.registration(**given).model_copy(update={"received_at": at})
    made: list[Command] = [register(ticket_id, at=at, registration=body)]
    made[0] = made[0].model_copy(update={"actor": CENTRE})
    for action, who, fields in WAYS[way]:
        at += timedelta(hours=1)
        made.append(command(action, who, ticket_id, at=at, **fields))
    return made


def in_bulk(commands: Sequence[Command]) -> tuple[BulkTicket, list[Recorded]]:
    known = Known()
    decided: list[Decided] = [decide_next(one, known, RULES) for one in commands]
    assert [one.refusal for one in decided] == [None] * len(decided)
    history = [recorded for one in decided for recorded in one.events]
    sheet = rebuild(history, POLICY)
    assert sheet is not None
    unproposed = known.unproposed[commands[0].ticket_id]
    return bulk_ticket(decided, unproposed, KEYS, clocks=sheet.clocks), history


async def all_rows(case: ReadingCase) -> dict[str, list[Any]]:
    """Every row of every table, in the order of the key."""

    def read(connection: Any) -> dict[str, list[Any]]:
        return {
            table.name: [
                tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in metadata.sorted_tables
            if table.name not in OWED
        }

    rows = await case.database.read(read)
    rows["inbox"] = [row[:-1] for row in rows["inbox"]]
    return rows


async def found(case: ReadingCase, **asked: Any) -> list[int]:
    page = await case.reading.search.find(TicketQuery(**asked), scope_of(cases.LEADER))
    return [row.ticket_id for row in page.rows]


async def placed(case: ReadingCase, *some: BulkTicket) -> list[Placing]:
    book = BulkBook(case.database, case.writer)
    return [one.placing for one in await book.put(some)]


@pytest.mark.parametrize("kind", DATABASES)
async def test_bulk_is_what_the_desk_would_have_written(kind: str, tmp_path: Path) -> None:
    for folder in ("desk", "bulk"):
        (tmp_path / folder).mkdir()
    async with case_on(kind, tmp_path / "desk") as desk, case_on(kind, tmp_path / "bulk") as bulk:
        asked = [
            commands_of(way, bulk.ids.next(), f"N{way}" if way != "accepted" else None)
            for way in WAYS
        ]
        made = [in_bulk(one) for one in asked]
        for commands, (_, history) in zip(asked, made, strict=True):
            for one in commands:
                await desk.desk.execute(one)
            sheet = rebuild(history, POLICY)
            assert sheet is not None
            await desk.reading.clocks.save(one.ticket_id, sheet.version, sheet.clocks)
        tickets = [ticket for ticket, _ in made]
        assert set(await placed(bulk, *reversed(tickets))) == {Placing.WRITTEN}
        expected, there = await all_rows(desk), await all_rows(bulk)
        for table, rows in expected.items():
            assert there[table] == rows, table
        assert len(there["tickets"]) == len(WAYS)
        assert there["clock_firings"]
        assert (await bulk.audit.verify()).ok
        assert await bulk.database.read(_owed) == (0, 0)
        at = START - timedelta(days=1)
        wishes: tuple[dict[str, Any], ...] = (
            {"text": WORDS}, {"text": "又添"}, {"text": "更正后"}, {"phone": "13800001234"},
            {"text": "补充", "created_from": at}, {"created_before": at}, {"text": "13800001234"},
            {"department": "d2"}, {"states": frozenset({State.CLOSED})},
        )  # fmt: skip
        for wanted in wishes:
            assert await found(bulk, **wanted) == await found(desk, **wanted), wanted
        assert await found(bulk, text=WORDS)


def _owed(connection: Any) -> tuple[int, int]:
    counts = (
        connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar()  # noqa: S608 - ours
        for table in ("outbox", "deliveries")
    )
    return tuple(counts)  # type: ignore[return-value]  # two


@pytest.mark.parametrize("kind", DATABASES)
async def test_each_is_written_once(kind: str, tmp_path: Path) -> None:
    async with case_on(kind, tmp_path) as case:
        first, second = case.ids.next(), case.ids.next()
        ticket, _ = in_bulk(commands_of("closed", first))
        same, _ = in_bulk(commands_of("closed", second))
        assert await placed(case, ticket, same) == [Placing.WRITTEN, Placing.REPEATED]
        assert await placed(case, ticket, same) == [Placing.REPEATED] * 2
        elsewhere = same._replace(numbers=(("old", "1"), *same.numbers))
        assert await placed(case, elsewhere) == [Placing.NUMBER_TAKEN]
        other, _ = in_bulk(commands_of("closed", first, "N2"))
        assert await placed(case, other) == [Placing.ID_TAKEN]
        other, _ = in_bulk(commands_of("closed", second, "N2"))
        assert await placed(case, other) == [Placing.WRITTEN]
        book = BulkBook(case.database, case.writer)
        asked = [("city", "N1"), ("city", "N2"), ("city", "N3"), ("old", "1")]
        assert await book.known(asked) == {("city", "N1"), ("city", "N2")}
        assert (await case.audit.verify()).ok


@pytest.mark.postgresql
async def test_two_imports_of_the_same_at_once_write_each_once(tmp_path: Path) -> None:
    async with (
        own_database("bulk_test") as url,
        reading_case(tmp_path, url=url) as one,
        reading_case(tmp_path, url=url, fresh=False) as other,
    ):
        chunks = [
            [in_bulk(commands_of("closed", one.ids.next(), f"N{n}-{m}"))[0] for m in range(20)]
            for n in range(6)
        ]
        books = [BulkBook(case.database, case.writer) for case in (one, other)]

        async def write(book: BulkBook, order: Sequence[list[BulkTicket]]) -> int:
            count = 0
            for chunk in order:
                count += sum(p.placing is Placing.WRITTEN for p in await book.put(chunk))
            return count

        written = await asyncio.gather(*(write(book, chunks) for book in books))
        assert sum(written) == 6 * 20
        assert (await one.audit.verify()).ok
