"""The systemd units and their samples: they parse, and what they tell the hub it understands."""

import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest

from hub.settings import Settings
from hub.settings_problems import PREFIX, unknown_variables
from tests.conftest import require_programs

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SPLIT = ("sutong-worker@.service", "sutong-web@.service")
HARDENED = {
    "CapabilityBoundingSet": {""},
    "NoNewPrivileges": {"yes"},
    "PrivateTmp": {"yes"},
    "ProtectHome": {"yes"},
    "ProtectSystem": {"strict"},
    "StateDirectory": {"sutong"},
    "SystemCallFilter": {"@system-service", "~@privileged"},
    "User": {"sutong"},
}
DRAINED_SECONDS = 30  # docs/runbook/README.md: SIGTERM drains always within that


def lines_of(unit: Path) -> list[tuple[str, str]]:
    """Key and value of each line; a key may come more than once."""
    found = []
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            key, sign, value = line.partition("=")
            assert sign, f"{unit.name}: {line}"
            found.append((key, value))
    return found


def values(unit: Path, key: str) -> set[str]:
    return {value for one, value in lines_of(unit) if one == key}


def environment(unit: Path) -> dict[str, str]:
    return dict(value.split("=", 1) for value in values(unit, "Environment"))


def test_every_unit_is_there() -> None:
    names = {unit.name for unit in UNITS}
    assert names == {"sutong.service", "sutong-migrate.service", *SPLIT}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_its_sections(unit: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=False)
    parser.read(unit, encoding="utf-8")
    assert parser.sections() == ["Unit", "Service", "Install"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_hub_reads_every_variable_of_a_unit(unit: Path) -> None:
    told = environment(unit)
    assert told
    assert all(name.startswith(PREFIX) for name in told)
    assert list(unknown_variables(Settings, told)) == []


def test_a_wrong_variable_would_be_found() -> None:
    assert list(unknown_variables(Settings, {"SUTONG_NODES": "1"}))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_gives_the_hub_no_more_than_it_needs(unit: Path) -> None:
    assert {key: values(unit, key) for key in HARDENED} == HARDENED
    assert values(unit, "MemoryMax") != set()


@pytest.mark.parametrize(
    "unit", [one for one in UNITS if "migrate" not in one.name], ids=lambda unit: unit.name
)
def test_a_service_comes_back_and_is_given_time_to_drain(unit: Path) -> None:
    assert values(unit, "Restart") == {"always"}
    assert values(unit, "RestartSec") == {"1"}
    assert values(unit, "StartLimitIntervalSec") == {"0"}, "else it gives up while a server is away"
    assert values(unit, "RestartPreventExitStatus") == {"2"}, "wrong settings want a person"
    assert values(unit, "KillSignal") == {"SIGTERM"}
    (stops,) = values(unit, "TimeoutStopSec")
    assert int(stops) > DRAINED_SECONDS


@pytest.mark.parametrize("name", SPLIT)
def test_split_processes_follow_the_migration_but_do_not_fail_with_it(name: str) -> None:
    unit = DEPLOY / "systemd" / name
    assert any("sutong-migrate.service" in value for value in values(unit, "After"))
    assert any("sutong-migrate.service" in value for value in values(unit, "Wants"))
    assert not any("sutong-migrate.service" in value for value in values(unit, "Requires"))
    assert "SUTONG_NODE" not in environment(unit), "each process takes a free one by itself"


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("sutong-worker@.service", "worker --health-port 9103"),
        ("sutong-web@.service", "web --port 8083"),
    ],
)
def test_the_port_is_counted_from_the_instance(name: str, asked: str, tmp_path: Path) -> None:
    """The command as systemd hands it over, with a program in place of ours that repeats it."""
    told = tmp_path / "sutong"
    told.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    told.chmod(0o755)
    (command,) = values(DEPLOY / "systemd" / name, "ExecStart")
    shown = re.fullmatch(r"/bin/sh -c '(.*)'", command.replace("$$", "$").replace("%i", "3"))
    assert shown
    script = shown[1].replace("/opt/sutong/venv/bin/sutong", str(told))
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == asked


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    require_programs("systemd-analyze")
    named = []
    for unit in UNITS:
        # the program is not installed where the tests run
        text = unit.read_text(encoding="utf-8").replace("/opt/sutong/venv/bin/sutong", "/bin/true")
        copy = tmp_path / unit.name.replace("@.", "@3.")
        copy.write_text(text, encoding="utf-8")
        if copy.name != unit.name:
            (tmp_path / unit.name).write_text(text, encoding="utf-8")
        named.append(str(copy))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *named],  # noqa: S607  where the PATH says
        capture_output=True,
        text=True,
        check=False,
    )
    # this machine's own units may have faults; ours must have none
    assert [line for line in done.stderr.splitlines() if "sutong" in line] == []
