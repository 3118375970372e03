"""`sutong due` answers with the vectors of the working-day calendar, whoever asks how."""

from pathlib import Path

import pytest

from tests.hub.commands import sutong, sutong_process

VECTORS = [
    ("2026-09-24", 5, "2026-10-09"),  # over National Day, with the Saturday of 10-10 not reached
    ("2026-02-13", 5, "2026-02-27"),  # 02-14 is a make-up Saturday
    ("2026-02-13", 15, "2026-03-12"),
    ("2025-09-26", 5, "2025-10-10"),
]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("start", "days", "due_on"), VECTORS)
def test_vectors(start: str, days: int, due_on: str) -> None:
    ran = sutong("due", start, "--working-days", str(days), "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json == {
        "start": f"{start}T00:00:00+08:00",
        "due_on": due_on,
        "due_at": f"{due_on}T23:59:59+08:00",
        "provisional": False,
    }


def test_as_a_process_it_prints_the_same_and_makes_nothing(tmp_path: Path) -> None:
    ran = sutong_process("due", "2026-09-24", "--working-days", "5", "--json", home=tmp_path / "h")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["due_on"] == "2026-10-09"
    assert not (tmp_path / "h").exists()


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("start", "option", "amount", "due_at"),
    [
        ("2026-09-30T16:00", "--working-hours", "2", "2026-10-08T10:00:00+08:00"),
        ("2026-09-30T08:00:00+00:00", "--working-hours", "2", "2026-10-08T10:00:00+08:00"),
        ("2026-10-01T23:00", "--hours", "2", "2026-10-02T01:00:00+08:00"),
    ],
)
def test_hours_of_opening_and_of_the_clock(
    start: str, option: str, amount: str, due_at: str
) -> None:
    assert sutong("due", start, option, amount, "--json").json["due_at"] == due_at


@pytest.mark.usefixtures("home")
def test_a_year_without_notice_is_said_to_be_provisional() -> None:
    assert sutong("due", "2026-12-31", "--working-days", "3", "--json").json["provisional"] is True
    assert "provisional" in sutong("due", "2026-12-31", "--working-days", "3").out


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "args",
    [
        ["2026-09-24"],
        ["2026-09-24", "--hours", "1", "--working-days", "1"],
        ["24.9.2026", "--hours", "1"],
        ["2026-09-24", "--hours", "0"],
        ["--hours", "1"],
    ],
    ids=["no limit", "two limits", "no date", "nothing", "no start"],
)
def test_wrong_usage_is_exit_2_with_a_reason(args: list[str]) -> None:
    ran = sutong("due", *args, "--json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


@pytest.mark.usefixtures("home")
def test_a_limit_beyond_the_last_year_is_a_line_not_a_trace() -> None:
    ran = sutong("due", "9998-01-01", "--working-days", "100000")
    assert ran.code != 0
    assert len(ran.err.splitlines()) == 1
