"""What stands before a command."""

import re
from importlib.metadata import version

from tests.hub.commands import sutong


def test_the_version_is_that_of_the_package() -> None:
    ran = sutong("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"sutong {version('sutong')}\n", "")
    assert re.fullmatch(r"sutong \d+\.\d+\.\d+\n", ran.out)


def test_an_unknown_command_is_wrong_usage() -> None:
    ran = sutong("rnu")
    assert (ran.code, ran.out) == (2, "")
    assert "rnu" in ran.err
