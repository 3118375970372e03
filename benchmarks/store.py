"""How fast does the store decide? `python -m benchmarks.store [--lifecycles N] [--json]`

A lifecycle is five commands (register with accept, dispatch, acknowledge, complete, close), asked
by so many clients at once; every event but one kind is owed to a peer. Twice: the core alone, and
with the reading side (search, to-dos) following in the same transactions. Then the audit is
verified and the file measured. Compare CPU, not the rate: machines are shared.
"""

import argparse
import asyncio
import json
import platform
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas import commands as cmd
from schemas.events import Recorded
from schemas.ids import TicketIds, new_command_id
from schemas.matter import Matter
from schemas.parties import Actor, Citizen, Role
from schemas.rules import Rules
from schemas.ticket import Registration, Source, Ticket
from ticket_store.engine import connect
from ticket_store.migrations import migrate
from ticket_store.reading import ReadingSettings
from ticket_store.store import Store, open_store

_TEXT = (
    "小区东门外的施工围挡占了人行道，晚上没有灯，老人和孩子只能走机动车道。希望尽快恢复通行。" * 3
)
_OPERATOR = Actor(actor_id="u1", roles=frozenset({Role.OPERATOR}))
_DISPATCHER = Actor(actor_id="u2", roles=frozenset({Role.DISPATCHER}))
_HANDLER = Actor(actor_id="u3", roles=frozenset({Role.HANDLER}), department="d1")
_REVIEWER = Actor(actor_id="u4", roles=frozenset({Role.REVIEWER}))
COMMANDS_EACH = 5


def _now() -> datetime:
    return datetime.now(UTC)


def _owes(ticket: Ticket, recorded: Recorded) -> Sequence[str]:
    return ("city",) if recorded.event.kind != "department_acknowledged" else ()


def _lifecycle(ticket_id: int) -> list[cmd.Command]:
    def common(actor: Actor) -> dict[str, Any]:
        number = new_command_id(time.time_ns() // 1_000_000, secrets.randbits(128))
        return {"command_id": number, "ticket_id": ticket_id, "actor": actor, "at": _now()}

    registration = Registration(
        matter=Matter(title="围挡占道", text=f"{_TEXT}（{ticket_id}）", area_code="320508"),
        citizen=Citizen(name="王某", phone=f"138{ticket_id % 100_000_000:08d}"),
        source=Source.HOTLINE12345,
        peer="city",
        source_ticket_no=f"CITY{ticket_id}",
        received_at=_now(),
    )
    return [
        cmd.RegisterTicket(**common(_OPERATOR), registration=registration, accept=True),
        cmd.DispatchTicket(**common(_DISPATCHER), departments=("d1",)),
        cmd.AcknowledgeTicket(**common(_HANDLER)),
        cmd.CompleteTicket(**common(_HANDLER), result="围挡已后移一米，夜间照明已恢复。"),
        cmd.CloseTicket(**common(_REVIEWER), reason="办结", reply="已恢复通行，感谢反映。"),
    ]


@asynccontextmanager
async def _opened(folder: Path, *, reading: bool) -> AsyncIterator[Store]:
    url = f"sqlite+aiosqlite:///{folder / 'store.db'}"
    await migrate(url)
    parts: dict[str, Any] = {
        "rules": Rules(),
        "owes": _owes,
        "ids": TicketIds(lambda: time.time_ns() // 1_000_000),
        "now": _now,
    }
    if reading:
        store = await open_store(url, **parts, reading=ReadingSettings(uploads=folder / "uploads"))
    else:
        store = Store(connect(url), **parts)
    try:
        yield store
    finally:
        await store.close()


async def _measure(folder: Path, lifecycles: int, clients: int, *, reading: bool) -> dict[str, Any]:
    latencies: list[float] = []
    async with _opened(folder, reading=reading) as store:
        lives = [_lifecycle(store.ids.next()) for _ in range(lifecycles)]  # not measured

        async def client(number: int) -> None:
            for life in lives[number::clients]:
                for asked in life:
                    begun = time.perf_counter()
                    await store.desk.execute(asked)
                    latencies.append(time.perf_counter() - begun)

        counters = store.writer.counters
        groups, jobs = counters.groups, counters.jobs
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(client(number) for number in range(clients)))
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        groups, jobs = counters.groups - groups, counters.jobs - jobs
        begun = time.perf_counter()
        report = await store.audit.verify()
        verified = time.perf_counter() - begun
    size = _size_of(folder)
    commands = lifecycles * COMMANDS_EACH
    latencies.sort()
    return {
        "commands_per_s": round(commands / seconds),
        "cpu_ms_per_command": round(cpu / commands * 1000, 3),
        "commands_per_commit": round(jobs / groups, 1),
        "latency_ms": {
            f"p{share}": round(latencies[(len(latencies) - 1) * share // 100] * 1000, 1)
            for share in (50, 95, 99)
        },
        "bytes_per_ticket": size // lifecycles,
        "audit_rows_per_s": round(report.rows / verified),
        "audit_ok": report.ok,
    }


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("store.db*"))


async def run(lifecycles: int, clients: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "at": _now().isoformat(timespec="seconds"),
        "lifecycles": lifecycles,
        "clients": clients,
    }
    for name, reading in (("core", False), ("with_reading_side", True)):
        with tempfile.TemporaryDirectory() as folder:
            result[name] = await _measure(Path(folder), lifecycles, clients, reading=reading)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lifecycles", type=int, default=4_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    given = parser.parse_args()
    result = asyncio.run(run(given.lifecycles, given.clients))
    print(json.dumps(result, ensure_ascii=False, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
