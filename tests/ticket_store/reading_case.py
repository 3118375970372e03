"""A store with its reading side, and letters made up by a seeded generator."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from schemas.ids import TicketIds
from schemas.matter import Matter, MatterKind, Urgency
from schemas.parties import Citizen
from schemas.ticket import Registration, Source
from tests.postgresql import own_database
from tests.ticket_store.hub_case import RULES, Clock, owes_nothing, url_of
from ticket_store.audit import AuditBook, AuditChain
from ticket_store.desk import Desk
from ticket_store.engine import Database, connect
from ticket_store.migrations import migrate
from ticket_store.passwords import Passwords
from ticket_store.reading import Reading, ReadingSettings, open_reading
from ticket_store.writer import Writer

KEY = bytes(range(32))
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True)
class ReadingCase:
    """reading: the books under test; the rest is what they stand on."""

    database: Database
    writer: Writer
    desk: Desk
    audit: AuditBook
    reading: Reading
    clock: Clock
    ids: TicketIds

    async def audited(self) -> list[tuple[str, str, str]]:
        """(actor, action, subject) of the whole audit, in order."""
        async_rows = await self.database.read(
            lambda connection: connection.exec_driver_sql(
                "SELECT actor_id, action, subject FROM audit ORDER BY row_no"
            ).all()
        )
        return [(row[0], row[1], row[2]) for row in async_rows]


@asynccontextmanager
async def reading_case(
    folder: Path, clock: Clock | None = None, *, fresh: bool = True, url: str | None = None
) -> AsyncIterator[ReadingCase]:
    clock = clock or Clock()
    url = url or url_of(folder / "store.db")
    if fresh:
        await migrate(url)
    database = connect(url)
    writer = Writer(database, AuditChain(database.dialect, clock).close_unit)
    desk = Desk(database, writer, rules=RULES, owes=owes_nothing, now=clock)
    settings = ReadingSettings(folder / "uploads", KEY, passwords=Passwords(CHEAP))
    reading = await open_reading(database, writer, desk, clock, settings)
    audit = AuditBook(database, writer)
    ids = TicketIds(clock.milliseconds)
    try:
        yield ReadingCase(database, writer, desk, audit, reading, clock, ids)
    finally:
        await writer.close()
        await database.close()


DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))


@asynccontextmanager
async def case_on(kind: str, folder: Path) -> AsyncIterator[ReadingCase]:
    """A case on a database of its own, of a kind of DATABASES."""
    if kind == "sqlite":
        async with reading_case(folder) as case:
            yield case
        return
    async with own_database("reading_test") as url, reading_case(folder, url=url) as case:
        yield case


# characters without a meaning together: no letter of a real person can come out of them
_LETTERS = "小区物业电梯停水供热路灯噪音垃圾占道施工油烟学校医院公交车位宠物漏雨管道井盖绿化围墙"
_LATIN = ("A12", "5G", "NFC", "98号", "3栋", "2026", "APP")
AREAS = ("320505", "320506", "320508", "320583")
CATEGORIES = ("城建/道路", "城建/道路/路灯", "城建0", "商贸/价格", None)


def sentence(dice: random.Random, longest: int = 60) -> str:
    """Runs of characters with punctuation, spaces, Latin words and numbers between them."""
    parts = []
    while sum(map(len, parts)) < longest:
        parts.append("".join(dice.choices(_LETTERS, k=dice.randint(1, 9))))
        parts.append(dice.choice(["，", "。", " ", "、", dice.choice(_LATIN), ""]))
    return "".join(parts)


def letters(seed: int, count: int, clock: Clock) -> Iterator[Registration]:
    dice = random.Random(seed)  # noqa: S311 - the same letters each time
    for number in range(count):
        yield Registration(
            matter=Matter(
                title=sentence(dice, 8),
                text=sentence(dice),
                kind=dice.choice(list(MatterKind)),
                urgency=dice.choice(list(Urgency)),
                area_code=dice.choice(AREAS),
                category_code=dice.choice(CATEGORIES),
            ),
            citizen=Citizen(name="王某", phone=f"1380000{number:04d}"),
            source=dice.choice([Source.HOTLINE12345, Source.WEB_PORTAL, Source.PROVINCIAL]),
            peer=dice.choice(["city", "portal", None]),
            source_ticket_no=f"SZ{seed}-{number:06d}",
            received_at=clock.now - timedelta(minutes=dice.randint(0, 600)),
        )
