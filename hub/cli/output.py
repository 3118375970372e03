"""What every command shares: the JSON line, settings, exits with a reason."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, NoReturn, TypeVar

import structlog
import typer

from hub.logs import set_up
from hub.settings import Settings, SettingsWrong, load
from hub.trouble import EXPECTED, FAILED, WRONG_USAGE, exit_code, explain

__all__ = ["FAILED", "WRONG_USAGE", "AsJson", "fail", "print_json", "run", "say"]

T = TypeVar("T")
INTERRUPTED = 130  # as shells say: ended by SIGINT
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
log = structlog.get_logger(__name__)


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
        fail(explain(wrong), exit_code(wrong))
    set_up(settings.log_level, settings.log_format)
    return settings


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; expected trouble is a few lines on stderr and exit 1 (settings: 2)."""
    try:
        return asyncio.run(work)
    except EXPECTED as error:
        log.debug("command failed", exc_info=True)
        fail(explain(error), exit_code(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
