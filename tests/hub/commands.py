"""The `sutong` command: in this process, or as a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from hub.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds; never waited in full


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The object on the last line of stdout."""
        return json.loads(self.out.splitlines()[-1])


def sutong(*args: str, stdin: str | None = None) -> Ran:
    """Run a command in this process; a traceback is an error of the test."""
    result = CliRunner().invoke(app, args, input=stdin, catch_exceptions=False)
    return Ran(result.exit_code, result.stdout, result.stderr)


def command_line(*args: str) -> list[str]:
    return [sys.executable, "-c", "from hub.cli import main; main()", *args]


def environment(home: Path, **variables: str) -> dict[str, str]:
    """What a child process of a test gets."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("SUTONG_")},
        "PYTHONPATH": str(ROOT),
        "SUTONG_HOME": str(home),
        **variables,
    }


def sutong_process(*args: str, home: Path, **variables: str) -> Ran:
    """Run a command as a process and wait for its end."""
    done = subprocess.run(
        command_line(*args),
        env=environment(home, **variables),
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
