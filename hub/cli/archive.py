"""sutong archive: takes old months to files, and looks whether such files are whole."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.output import FAILED, WRONG_USAGE, AsJson, fail, print_json, run, say, settings_or_exit
from hub.settings import Settings
from hub.stored import stored, utc_now
from ticket_store.archive import Archive, Archived, verify
from ticket_store.archive_files import ArchiveRefused
from ticket_store.months import Month

BY = "cli"
archive_app = typer.Typer(
    help="Take the ended tickets of old months to files, and what is heavy out of the store.",
    invoke_without_command=True,
    no_args_is_help=True,
)


@archive_app.callback()
def archive(
    context: typer.Context,
    before: Annotated[
        str, typer.Option(help="YYYY-MM; the months before it, by when a ticket was made (UTC).")
    ] = "",
    output: Annotated[
        Path | None, typer.Option(help="Folder of the archive; the same one each time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Archive the tickets that are over, in months before a given one; hubs may run.

    Killed at any instant, it goes on when it is called again. docs/operations.md says what stays.
    """
    if context.invoked_subcommand is not None:
        return
    if output is None:
        fail("--before YYYY-MM and --output FOLDER belong together", WRONG_USAGE)
    settings = settings_or_exit()
    done = run(_archive(settings, _allowed(settings, before), output))
    if as_json:
        print_json(done.as_json())
    else:
        rows = sum(done.rows.values())
        say(f"{len(done.months)} month(s), {done.tickets} ticket(s), {rows} row(s) written")
        for table, count in sorted(done.removed.items()):
            say(f"{count} {'rows' if table == 'deliveries' else 'contents'} of {table} removed")


def _allowed(settings: Settings, before: str) -> Month:
    """Exit 2 for what is no month, or one that is too young."""
    try:
        month = Month.parsed(before)
    except ValueError:
        fail(f"--before {before!r} is no month such as 2024-10", WRONG_USAGE)
    kept = settings.retention.keep_months
    last = Month.of(utc_now()).plus(-kept)
    if month > last:
        fail(
            f"--before {month} is too late: retention.keep_months is {kept}, so {last} at most",
            WRONG_USAGE,
        )
    return month


async def _archive(settings: Settings, before: Month, output: Path) -> Archived:
    async with stored(settings) as store:
        return await Archive(store, output, BY).run(before)


@archive_app.command("verify")
def verify_archive(
    folder: Annotated[Path, typer.Argument(help="What --output was.")], as_json: AsJson = False
) -> None:
    """Read every file of an archive and compare it with its manifest; exit 1 when one differs."""
    try:
        parts, problems = verify(folder)
    except ArchiveRefused as refused:
        parts, problems = [], [str(refused)]
    tickets = sum(int(part.manifest["tickets"]) for part in parts)
    if as_json:
        months = sorted({str(part.month) for part in parts})
        found: dict[str, Any] = {"ok": not problems, "months": months, "tickets": tickets}
        print_json(found | {"problems": problems})
    else:
        for part in parts:
            say(f"{part.path.name}: {part.manifest['tickets']} ticket(s), manifest {part.digest}")
        for problem in problems:
            say(f"WRONG {problem}")
        say(f"{len(problems)} thing(s) wrong" if problems else f"whole: {tickets} ticket(s)")
    if problems:
        raise typer.Exit(FAILED)
