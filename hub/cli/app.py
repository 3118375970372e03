"""Puts the subcommands together."""

from importlib.metadata import version
from typing import Annotated

import typer

from hub.cli import archive, history, inspect, people, processes, repair, time

app = typer.Typer(
    name="sutong",
    help="Sutong 诉通: the complaint hub between phone, portal, province and 12345.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("run")(processes.run_all)
app.command("worker")(processes.run_worker)
app.command("web")(processes.run_web)
app.command("demo")(processes.run_demo)
app.command("check")(inspect.check)
app.command("migrate")(repair.migrate_store)
app.command("import")(history.import_history)
app.command("due")(time.show_due)
app.command("replay")(repair.replay)
app.add_typer(archive.archive_app, name="archive")
app.add_typer(time.calendar_app, name="calendar")
app.add_typer(people.user_app, name="user")
app.add_typer(inspect.audit_app, name="audit")


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"sutong {version('sutong')}")
        raise typer.Exit


@app.callback()
def begin(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and end.", callback=_say_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options before a command."""


def main() -> None:
    """Entry point of the `sutong` command."""
    app()
