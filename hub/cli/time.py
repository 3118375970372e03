"""sutong due, sutong calendar: deadlines and the working days behind them."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from hub.calendar import ImportReport, import_year
from hub.cli.output import (
    WRONG_USAGE,
    AsJson,
    fail,
    print_json,
    run,
    say,
    settings_or_exit,
)
from hub.settings import Settings
from hub.stored import stored, stored_calendar
from schemas.calendar_year import CalendarYear
from schemas.working_calendar import HUB_ZONE, CalendarEnds
from schemas.working_time import Limit, due
from ticket_store.calendar_seed import NoticeRefused, notice_from_file

calendar_app = typer.Typer(
    help="Working days: list, import a notice, show a year.", no_args_is_help=True
)


async def _import(settings: Settings, year: CalendarYear) -> ImportReport:
    async with stored(settings) as store:
        return await import_year(year, store.calendars, store.clocks, settings, by="cli")


def _instant(text: str) -> datetime:
    """A date or a time; without a zone it is the hub's."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"START must be like 2026-09-24 or 2026-09-24T09:30, not {text!r}", WRONG_USAGE)
    return at if at.tzinfo else at.replace(tzinfo=HUB_ZONE)


def show_due(
    start: Annotated[str, typer.Argument(help="2026-09-24 or 2026-09-24T09:30[+08:00]")],
    working_days: Annotated[int | None, typer.Option(min=1, help="Limit in working days.")] = None,
    working_hours: Annotated[int | None, typer.Option(min=1, help="In opening hours.")] = None,
    hours: Annotated[int | None, typer.Option(min=1, help="In hours by the clock.")] = None,
    as_json: AsJson = False,
) -> None:
    """When a limit that starts at START ends."""
    limits = [
        make(amount)
        for make, amount in (
            (Limit.working_days, working_days),
            (Limit.working_hours, working_hours),
            (Limit.hours, hours),
        )
        if amount is not None
    ]
    if len(limits) != 1:
        fail("give one of --working-days, --working-hours, --hours", WRONG_USAGE)
    calendar = run(stored_calendar(settings_or_exit()))
    try:
        found = due(_instant(start), limits[0], calendar)
    except CalendarEnds as error:
        fail(str(error), WRONG_USAGE)
    if as_json:
        print_json(
            {
                "start": found.start.isoformat(),
                "due_on": found.due_on.isoformat(),
                "due_at": found.due_at.isoformat(),
                "provisional": found.provisional,
            }
        )
        return
    say(f"due {found.due_at:%Y-%m-%d %H:%M:%S %z}")
    if found.provisional:
        say("provisional: it counts days of a year whose notice is not imported yet")


@calendar_app.command("list")
def list_years(as_json: AsJson = False) -> None:
    """The years in force, their version and source."""
    calendar = run(stored_calendar(settings_or_exit()))
    rows = [
        {
            "year": year.year,
            "version": year.version,
            "provisional": year.provisional,
            "working_days": calendar.working_days_in(year.year),
            "source": year.source,
        }
        for year in sorted(calendar.years.values(), key=lambda y: y.year)
    ]
    if as_json:
        print_json({"years": rows})
        return
    for row in rows:
        mark = "  provisional" if row["provisional"] else ""
        days = f"{row['working_days']} working days"
        say(f"{row['year']}  v{row['version']}  {days}  {row['source']}{mark}")


@calendar_app.command("show")
def show_year(
    year: Annotated[int, typer.Argument(min=1, max=9998)], as_json: AsJson = False
) -> None:
    """The days off and the make-up days of a year."""
    found = run(stored_calendar(settings_or_exit())).year(year)
    off, worked = sorted(found.days_off), sorted(found.days_worked)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    say(f"{year}: version {found.version}, {found.source}")
    if found.provisional:
        say("provisional: no notice imported; weekends only")
    say(f"off on weekdays: {_days(off)}")
    say(f"worked at weekends: {_days(worked)}")


def _days(days: list[date]) -> str:
    return ", ".join(f"{day:%m-%d}" for day in days) or "none"


@calendar_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A notice as TOML or JSON.", dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Import a year's notice; says which deadlines moved."""
    try:
        year = notice_from_file(file)
    except NoticeRefused as refused:
        fail(str(refused))
    report = run(_import(settings_or_exit(), year))
    if as_json:
        print_json(report.as_json())
        return
    say(f"{report.year}: version {report.version} is in force")
    for move in report.moved:
        before, after = (f"{at:%Y-%m-%d %H:%M}" for at in (move.before, move.after))
        say(f"  {move.ticket_no} {move.step}: {before} -> {after}")
    say(f"{len(report.moved)} deadline(s) moved, {report.confirmed} no longer provisional")
