"""Fills a store with closed tickets of the past months, as an import of history does."""

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from hub.assembly import build
from hub.demo.city import City, Matter
from hub.old_tickets.load import Told
from hub.old_tickets.prepare import Line, Refused
from hub.old_tickets.run import load
from hub.settings import Settings
from schemas.matter import Matter as Complaint
from schemas.parties import Citizen
from schemas.ticket import Registration, Source
from ticket_store.store import Store

SYSTEM = "history"
HISTORY = timedelta(days=90)


@dataclass(frozen=True)
class Written:
    tickets_per_s: float
    bytes_per_ticket: float


async def write_history(settings: Settings, count: int, seed: int) -> Written:
    """Write `count` closed tickets, evenly over the last 90 days; the hub must not run.

    Raises: AssertionError when one of them is not taken.
    """
    hub = await build(settings, migrating=True)
    try:
        before = await size_of(hub.store, settings)
        departments = [one.code for one in hub.catalogue.departments()]
        rows = rows_of(count, seed, departments, datetime.now(UTC) - HISTORY, HISTORY * 0.99)
        begun = time.monotonic()
        done = await load(hub, rows, SYSTEM, Told(refused=_refused), os.cpu_count() or 1)
        seconds = time.monotonic() - begun
    finally:
        await hub.close()
    if done.imported != count:
        raise AssertionError(f"{done.imported} of {count} tickets written")
    hub = await build(settings)  # closed and opened again: the write-ahead log is in the file
    try:
        size = await size_of(hub.store, settings) - before
    finally:
        await hub.close()
    return Written(round(count / seconds, 1), round(size / max(1, count)))


def _refused(one: Refused) -> None:
    raise AssertionError(f"row {one.line.number}: {one.detail}")


def rows_of(
    count: int, seed: int, departments: list[str], begin: datetime, span: timedelta
) -> Iterator[Line]:
    """Closed tickets as rows of docs/import.md, evenly over `span`."""
    matters = City(seed).matters()
    rng = random.Random(f"history:{seed}")
    step = span / max(1, count)
    for number in range(count):
        row = _row(next(matters), begin + step * number, rng.choice(departments))
        own = f"{begin:%y%m%d%H%M%S%f}-{number:08d}"  # of this run: a store may be filled again
        content = json.dumps({"number": own, **row}, ensure_ascii=False)
        yield Line("benchmark", number + 1, content.encode())


def _row(matter: Matter, at: datetime, department: str) -> dict[str, Any]:
    return {
        "state": "closed",
        "received_at": at.isoformat(),
        "title": matter.title,
        "text": matter.text,
        "kind": matter.kind,
        "urgency": matter.urgency,
        "area_code": matter.area_code,
        "place": matter.place,
        "citizen": {"name": matter.citizen, "phone": matter.phone},
        "departments": [department],
        "result": "已依法处理并告知诉求人。",
        "reply": "您反映的问题已办理。",
        "reason": "已办结",
    }


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


async def size_of(store: Store, settings: Settings) -> int:
    """Bytes of the database; of SQLite the file, without what the log holds."""
    if settings.database.startswith("postgresql"):
        size = text("select pg_database_size(current_database())")
        return int(await store.database.read(lambda one: one.execute(size).scalar_one()))
    return _file_size(settings.database)


def _file_size(url: str) -> int:
    return Path(url.partition(":///")[2]).stat().st_size
