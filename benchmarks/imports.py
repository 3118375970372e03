"""How fast does history come in? `python -m benchmarks.imports --tickets 100000 --json`

Closed tickets of ten years with five steps each, from a file of JSON Lines into an empty store:
what `sutong import` does. With --database-url into a database that may hold tickets already.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.figures import machine
from benchmarks.history import SYSTEM, rows_of, size_of
from hub.assembly import build
from hub.demo.hub_process import database_cpu_seconds
from hub.logs import set_up
from hub.old_tickets.load import Counts, Told
from hub.old_tickets.run import load
from hub.old_tickets.source import lines_of
from hub.settings import Settings

_SPAN = timedelta(days=3650)


@dataclass(frozen=True)
class ImportOptions:
    """workers: processes that prepare."""

    tickets: int = 20_000
    workers: int = os.cpu_count() or 1
    seed: int = 1
    database_url: str | None = None


async def imports(options: ImportOptions) -> dict[str, Any]:
    """Run it; CPU is that of the import's processes and of the database, in ms a ticket."""
    with tempfile.TemporaryDirectory(prefix="sutong-import-") as folder:
        given: dict[str, Any] = {"home": Path(folder) / "home", "log_level": "warning"}
        if options.database_url:
            given["database_url"] = options.database_url
        settings = Settings(**given)
        file = Path(folder) / "old.jsonl"
        return await _measure(settings, file, options)


async def _measure(settings: Settings, file: Path, options: ImportOptions) -> dict[str, Any]:
    hub = await build(settings, migrating=True)
    try:
        departments = [one.code for one in hub.catalogue.departments()]
        begin = datetime.now(UTC) - _SPAN
        rows = rows_of(options.tickets, options.seed, departments, begin, _SPAN * 0.99)
        file.write_bytes(b"".join(row.content + b"\n" for row in rows))
        before, used = await size_of(hub.store, settings), _cpu(options)
        done = await _load(hub, file, options)
        used = {name: value - used[name] for name, value in _cpu(options).items()}
    finally:
        await hub.close()
    hub = await build(settings)  # closed and opened again: the write-ahead log is in the file
    try:
        size = await size_of(hub.store, settings) - before
    finally:
        await hub.close()
    return done.as_json() | {
        "cpu_ms_per_ticket": {
            name: round(value * 1000 / max(1, done.imported), 3) for name, value in used.items()
        },
        "bytes_per_ticket": round(size / max(1, done.imported)),
        "workers": options.workers,
    }


async def _load(hub: Any, file: Path, options: ImportOptions) -> Counts:
    return await load(hub, lines_of([str(file)]), SYSTEM, Told(), options.workers)


def _cpu(options: ImportOptions) -> dict[str, float]:
    """Seconds so far. preparing: of the worker processes, which count once they have ended."""
    own, below = (
        resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "writing": own.ru_utime + own.ru_stime,
        "preparing": below.ru_utime + below.ru_stime,
        "database": database_cpu_seconds(options.database_url),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tickets", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database-url")
    parser.add_argument("--json", action="store_true", help="accepted: the result is always JSON")
    given = parser.parse_args()
    set_up("warning", "text")
    print(f"import, {given.tickets} tickets: {machine()}", file=sys.stderr)
    options = ImportOptions(given.tickets, given.workers, given.seed, given.database_url)
    figures = asyncio.run(imports(options))
    print(json.dumps(figures))
    sys.exit(0 if figures["imported"] == given.tickets else 1)


if __name__ == "__main__":
    main()
