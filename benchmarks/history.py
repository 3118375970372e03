"""Fills a store with closed tickets of the past months, through the desk, as fast as it goes."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.command_ids import fresh_command_id
from hub.assembly import Hub, build
from hub.demo.city import City, Matter
from hub.settings import Settings
from schemas import commands as cmd
from schemas.matter import Matter as Complaint
from schemas.parties import Actor, Citizen, Role
from schemas.ticket import Registration, Source
from ticket_store.partitions import ensure_months
from ticket_store.store import Store

HISTORY = timedelta(days=90)
_AT_ONCE = 256
_CENTRE = Actor(
    actor_id="benchmark:centre",
    roles=frozenset({Role.OPERATOR, Role.DISPATCHER, Role.REVIEWER, Role.LEADER}),
)


@dataclass
class PastClock:
    """Tells the time at which history is written."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class Written:
    tickets_per_s: float
    bytes_per_ticket: float


async def write_history(settings: Settings, count: int, seed: int) -> Written:
    """Write `count` closed tickets, evenly over the last 90 days; the hub must not run."""
    clock = PastClock(datetime.now(UTC) - HISTORY)
    hub = await build(settings, now=clock, migrating=True)
    await ensure_months(hub.store.database, clock(), clock() + HISTORY)
    try:
        before = await _size(hub.store, settings)
        begun = time.monotonic()
        await _write_all(hub, clock, count, seed)
        seconds = time.monotonic() - begun
    finally:
        await hub.close()
    hub = await build(settings)  # closed and opened again: the write-ahead log is in the file
    try:
        size = await _size(hub.store, settings) - before
    finally:
        await hub.close()
    return Written(round(count / seconds, 1), round(size / max(1, count)))


async def _write_all(hub: Hub, clock: PastClock, count: int, seed: int) -> None:
    matters: Iterator[Matter] = City(seed).matters()
    departments = [one.code for one in hub.catalogue.departments()]
    rng = random.Random(f"history:{seed}")
    step = HISTORY * 0.99 / max(1, count)
    left = count

    async def write_some() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            clock.at += step
            await _one(hub, clock, next(matters), rng.choice(departments))
            await _carry_away(hub.store)

    await asyncio.gather(*(write_some() for _ in range(min(_AT_ONCE, count))))
    await _carry_away(hub.store, everything=True)


async def _one(hub: Hub, now: Callable[[], datetime], matter: Matter, department: str) -> None:
    """register and accept, dispatch, acknowledge, complete, close."""
    ticket_id, at = hub.ids.next(), now()
    handler = Actor(
        actor_id="benchmark:handler", roles=frozenset({Role.HANDLER}), department=department
    )

    async def do(kind: type[cmd.Command], actor: Actor, **fields: Any) -> int:
        outcome = await hub.store.desk.execute(
            kind(command_id=fresh_command_id(), ticket_id=ticket_id, actor=actor, at=at, **fields)
        )
        return outcome.ticket.version if outcome.ticket else 0

    registration = registration_of(matter, at)
    await do(cmd.RegisterTicket, _CENTRE, registration=registration, accept=True)
    await do(cmd.DispatchTicket, _CENTRE, departments=(department,))
    await do(cmd.AcknowledgeTicket, handler)
    await do(cmd.CompleteTicket, handler, result="已依法处理并告知诉求人。")
    version = await do(cmd.CloseTicket, _CENTRE, reason="已办结", reply="您反映的问题已办理。")
    await hub.store.clocks.save(ticket_id, version, ())


def registration_of(matter: Matter, at: datetime) -> Registration:
    return Registration(
        matter=Complaint(
            title=matter.title,
            text=matter.text,
            kind=matter.kind,
            urgency=matter.urgency,
            area_code=matter.area_code,
            place=matter.place,
        ),
        citizen=Citizen(name=matter.citizen, phone=matter.phone),
        source=Source.COUNTER,
        received_at=at,
    )


async def _carry_away(store: Store, *, everything: bool = False) -> None:
    """Empty the outbox, as the relay of a running worker does."""
    while rows := await store.outbox.take(1024 if everything else 64):
        await store.outbox.done([(row.ticket_id, row.sequence) for row in rows])
        if not everything:
            return


async def _size(store: Store, settings: Settings) -> int:
    """Bytes of the database; of SQLite the file, without what the log holds."""
    if settings.database.startswith("postgresql"):
        size = text("select pg_database_size(current_database())")
        return int(await store.database.read(lambda one: one.execute(size).scalar_one()))
    return _file_size(settings.database)


def _file_size(url: str) -> int:
    return Path(url.partition(":///")[2]).stat().st_size
