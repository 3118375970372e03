"""What every command shares: the JSON line, settings, exits with a reason."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from hub.logs import set_up
from hub.settings import Settings, SettingsWrong, load
from schemas.errors import HubError

T = TypeVar("T")
FAILED, WRONG_USAGE = 1, 2
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


def say(text: str) -> None:
    """A line for people, on stdout."""
    typer.echo(text)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def fail(text: str, code: int = FAILED) -> NoReturn:
    """End with a line on stderr."""
    typer.echo(f"sutong: {text}", err=True)
    raise typer.Exit(code)


def settings_or_exit(**given: Any) -> Settings:
    """The settings, or exit 2 with every problem on a line of its own; sets up the logs."""
    try:
        settings = load(**{key: value for key, value in given.items() if value is not None})
    except SettingsWrong as wrong:
        fail("the settings cannot be used:\n  " + "\n  ".join(wrong.problems), WRONG_USAGE)
    set_up(settings.log_level, settings.log_format)
    return settings


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; what the hub raises on purpose is a line on stderr and exit 1."""
    try:
        return asyncio.run(work)
    except HubError as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
