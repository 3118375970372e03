"""sutong migrate --from --to: copies a store to PostgreSQL and says whether the copy is equal."""

import time
from collections.abc import Callable

import typer

from hub.cli.output import FAILED, WRONG_USAGE, fail, print_json, run, say
from ticket_store.move import Moved, Step, move

_FROM, _TO = "sqlite+aiosqlite:///", "postgresql+asyncpg://"
_EVERY_SECONDS = 2.0  # a line; and one at the end of each table
_DOING = {"copy": "copied", "compare": "compared", "audit": "verified"}


def move_store(source: str | None, target: str | None, *, as_json: bool) -> None:
    """Exit 1 when the store cannot be copied, or when the copy is not equal to it."""
    if not (source and target and source.startswith(_FROM) and target.startswith(_TO)):
        fail(f"--from {_FROM}FILE and --to {_TO}... belong together", WRONG_USAGE)
    begun = time.monotonic()
    moved = run(move(source, target, Progress(time.monotonic)))
    seconds = round(time.monotonic() - begun, 1)
    if as_json:
        print_json(_as_json(moved, seconds))
    else:
        _say(moved, seconds)
    if moved.differs:
        raise typer.Exit(FAILED)


def _as_json(moved: Moved, seconds: float) -> dict[str, object]:
    found: dict[str, object] = {
        "tables": moved.tables, "ok": not moved.differs, "seconds": seconds,
    }  # fmt: skip
    return found | ({"differs": list(moved.differs)} if moved.differs else {})


def _say(moved: Moved, seconds: float) -> None:
    rows = sum(moved.tables.values())
    if moved.differs:
        for line in moved.differs:
            say(line)
        say(f"NOT EQUAL: {rows} row(s) of {len(moved.tables)} tables, {seconds} s")
        return
    say(f"equal: {rows} row(s) of {len(moved.tables)} tables, {moved.tables['tickets']} ticket(s)")
    say(f"heads, events and audit verified: {moved.audit_rows} row(s), digest {moved.digest}")
    say(f"{seconds} s. Name the target in SUTONG_DATABASE_URL, and keep the file as it is")


class Progress:
    """Lines on stderr: each table's end, and now and then where a large one is."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._last = monotonic()

    def __call__(self, step: Step) -> None:
        now = self._monotonic()
        if step.rows < step.of and now - self._last < _EVERY_SECONDS:
            return
        self._last = now
        typer.echo(f"{_DOING[step.doing]} {step.table} {step.rows}/{step.of}", err=True)
