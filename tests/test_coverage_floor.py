"""The coverage floors of `make check` can fail, and say which file is short of which floor."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy import coverage_floor


def summary(percent: float, branches: int = 100, covered: int = 100) -> dict[str, Any]:
    return {"percent_covered": percent, "num_branches": branches, "covered_branches": covered}


@pytest.fixture
def report() -> dict[str, Any]:
    """A report that holds every floor exactly."""
    files = {
        "schemas/lifecycle.py": summary(95.0, 100, 95),
        "ticket_store/desk.py": summary(95.0, 100, 95),
        "connectors/provincial/translate.py": summary(95.0, 0, 0),
        "hub/cli.py": summary(40.0, 10, 1),
    }
    return {
        "totals": {"percent_covered": 85.0},
        "files": {name: {"summary": entry} for name, entry in files.items()},
    }


def test_floors_that_are_just_reached_are_held(report: dict[str, Any]) -> None:
    assert coverage_floor.shortfalls(report) == []


def test_low_total_is_named(report: dict[str, Any]) -> None:
    report["totals"]["percent_covered"] = 84.9
    assert coverage_floor.shortfalls(report) == ["total coverage is 84.9 %, the floor is 85 %"]


@pytest.mark.parametrize("name", ["schemas/lifecycle.py", "ticket_store/desk.py"])
def test_strict_file_below_its_floor_by_branch_alone_is_named(
    report: dict[str, Any], name: str
) -> None:
    report["files"][name]["summary"]["covered_branches"] = 94
    (sentence,) = coverage_floor.shortfalls(report)
    assert sentence.startswith(f"{name}: branch coverage is 94.0 %")


def test_every_translate_module_has_the_floor(report: dict[str, Any]) -> None:
    report["files"]["connectors/web_portal/translate.py"] = {"summary": summary(90.0)}
    (sentence,) = coverage_floor.shortfalls(report)
    assert sentence.startswith("connectors/web_portal/translate.py: coverage is 90.0 %")


def test_renamed_strict_file_is_a_shortfall(report: dict[str, Any]) -> None:
    report["files"]["ticket_store/counter.py"] = report["files"].pop("ticket_store/desk.py")
    assert coverage_floor.shortfalls(report) == ["ticket_store/desk.py matches no measured file"]


def test_command_reads_a_report_and_answers_by_its_exit_code(
    report: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "coverage.json"
    path.write_text(json.dumps(report), encoding="utf-8")
    assert coverage_floor.main([str(path)]) == 0
    report["totals"]["percent_covered"] = 10.0
    path.write_text(json.dumps(report), encoding="utf-8")
    assert coverage_floor.main([str(path)]) == 1
    assert "total coverage is 10.0 %" in capsys.readouterr().err
    assert coverage_floor.main([]) == 2
