"""sutong import: brings the tickets of an older system into the store."""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated, TextIO

import typer

from hub.assembly import build
from hub.cli.output import FAILED, WRONG_USAGE, AsJson, fail, print_json, run, say, settings_or_exit
from hub.old_tickets.load import Counts, Told
from hub.old_tickets.prepare import Refused
from hub.old_tickets.run import load
from hub.old_tickets.source import STDIN, lines_of
from hub.settings import Settings
from hub.stored import require_store

BY = "cli"
_EVERY_SECONDS = 2.0
_MOST_SAID = 100  # refusals on stderr; the file of refused rows has all
_LONGEST_NAME = 40


def import_history(
    files: Annotated[list[str], typer.Argument(help="JSON Lines, also .gz; - for stdin.")],
    system: Annotated[
        str, typer.Option(help="Name of the older system; numbers are unique within it.")
    ] = "history",
    refused: Annotated[
        Path | None,
        typer.Option(help="Write refused rows here, as they came; reasons beside it, .reasons."),
    ] = None,
    most_refused: Annotated[
        int, typer.Option(min=0, help="End when more rows than this are refused.")
    ] = 1000,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that prepare; else one a core.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import tickets of an older system; docs/import.md says what a row is.

    What is there already is skipped: an import that was killed goes on when it is called again.
    Exit 1 when a row was refused.
    """
    settings = settings_or_exit()
    _check(files, system, settings)
    told = _Told(time.monotonic, most_refused)
    with ExitStack() as stack:
        if refused is not None:
            told.write_to(stack, refused)
        counts = run(_import(settings, files, system, told, workers or os.cpu_count() or 1))
    if as_json:
        print_json(counts.as_json())
    else:
        say(
            f"{counts.imported} imported, {counts.repeated} there already, {counts.refused} refused"
            f" in {counts.seconds:.1f} s, {counts.tickets_per_s} tickets/s"
        )
    if counts.refused > most_refused:
        fail("ended early: too many rows are refused. Is it the right file? (docs/import.md)")
    if counts.refused:
        raise typer.Exit(FAILED)


def _check(files: list[str], system: str, settings: Settings) -> None:
    """Exit 2 for what cannot be meant."""
    if not system.strip() or len(system) > _LONGEST_NAME or not system.isprintable():
        fail(f"--system is a name of 1 to {_LONGEST_NAME} characters", WRONG_USAGE)
    if system in settings.peers:
        fail(
            f"--system {system} is a peer of the settings: what is imported is not its", WRONG_USAGE
        )
    for name in files:
        if name != STDIN and not Path(name).is_file():
            fail(f"there is no file {name}", WRONG_USAGE)


async def _import(
    settings: Settings, files: list[str], system: str, told: "_Told", workers: int
) -> Counts:
    await require_store(settings)
    hub = await build(settings)
    try:
        begun = hub.now()
        with closing(lines_of(files)) as lines:
            found = await load(hub, lines, system, told.told(), workers)
        facts = {"files": [Path(name).name for name in files], **found.as_json()}
        del facts["tickets_per_s"]
        await hub.store.audit.append(
            BY, "import", f"system:{system}", facts | {"begun": str(begun)}
        )
        return found
    finally:
        await hub.close()


class _Told:
    """Lines on stderr, and the files of what was refused."""

    def __init__(self, monotonic: Callable[[], float], most_refused: int) -> None:
        self._monotonic, self._most_refused = monotonic, most_refused
        self._last = monotonic()
        self._rows: TextIO | None = None
        self._reasons: TextIO | None = None
        self._said = 0

    def write_to(self, stack: ExitStack, path: Path) -> None:
        """Private, as the rows are citizens' data."""
        self._rows = stack.enter_context(_private(path))
        self._reasons = stack.enter_context(_private(path.with_name(f"{path.name}.reasons")))

    def told(self) -> Told:
        return Told(self._progress, self._refused, self._most_refused)

    def _progress(self, counts: Counts) -> None:
        if (now := self._monotonic()) - self._last < _EVERY_SECONDS:
            return
        self._last = now
        typer.echo(
            f"{counts.lines} rows read: {counts.imported} imported, {counts.repeated} there"
            f" already, {counts.refused} refused, {counts.tickets_per_s} tickets/s",
            err=True,
        )

    def _refused(self, one: Refused) -> None:
        text = f"{one.line.file}, line {one.line.number}: {one.detail} -> {one.remedy}"
        if self._rows is not None and self._reasons is not None:
            self._rows.write(one.line.content.decode(errors="replace") + "\n")
            self._reasons.write(text + "\n")
        self._said += 1
        if self._said <= _MOST_SAID:
            typer.echo(text, err=True)
        elif self._said == _MOST_SAID + 1:
            typer.echo("more are refused; --refused FILE keeps them all", err=True)


def _private(path: Path) -> TextIO:
    return open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))
