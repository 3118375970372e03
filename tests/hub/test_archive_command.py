"""`sutong archive`: what it prints, what it refuses, and how it ends."""

import asyncio
from pathlib import Path

import pytest

from hub.settings import load
from hub.stored import utc_now
from tests.hub.commands import sutong
from tests.ticket_store.archive_case import filled, store_at
from tests.ticket_store.hub_case import Clock
from ticket_store.archive_rows import TABLES
from ticket_store.months import Month


@pytest.fixture
async def old(store: Path) -> Path:
    """The home of a hub with tickets of 2024."""
    clock = Clock()
    one = store_at(load().database, clock)
    await filled(one, clock)
    await one.close()
    return store


@pytest.mark.usefixtures("old")
async def test_months_are_archived_and_the_archive_is_whole(tmp_path: Path) -> None:
    output = tmp_path / "archive"
    given = ("archive", "--before", "2024-06", "--output", str(output))
    ran = await asyncio.to_thread(sutong, *given, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert set(ran.json) == {"months", "tickets", "rows", "bytes_written", "removed"}
    assert (ran.json["months"], ran.json["tickets"]) == (["2024-03", "2024-04"], 6)
    assert set(ran.json["rows"]) == set(TABLES)
    assert ran.json["removed"] == {"deliveries": 18, "inbound": 6}
    again = await asyncio.to_thread(sutong, *given)
    assert again.out.splitlines()[0] == "0 month(s), 0 ticket(s), 0 row(s) written"
    looked = await asyncio.to_thread(sutong, "archive", "verify", str(output), "--json")
    assert looked.json == {
        "ok": True, "months": ["2024-03", "2024-04"], "tickets": 6, "problems": [],
    }  # fmt: skip
    assert (await asyncio.to_thread(sutong, "audit", "verify")).code == 0


@pytest.mark.usefixtures("old")
async def test_a_damaged_archive_is_said(tmp_path: Path) -> None:
    output = tmp_path / "archive"
    given = ("--before", "2024-06", "--output", str(output))
    assert (await asyncio.to_thread(sutong, "archive", *given)).code == 0
    damaged = output / "2024-03-1" / "events.jsonl.gz"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    ran = await asyncio.to_thread(sutong, "archive", "verify", str(output))
    assert ran.code == 1
    assert f"WRONG {damaged}: its SHA-256 is another one" in ran.out
    ran = await asyncio.to_thread(sutong, "archive", *given)
    assert (ran.code, ran.out) == (1, "")
    assert str(damaged) in ran.err


@pytest.mark.usefixtures("store")
def test_a_month_that_is_kept_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    young = Month.of(utc_now()).plus(-23)
    output = str(tmp_path / "archive")
    ran = sutong("archive", "--before", str(young), "--output", output)
    assert (ran.code, ran.out) == (2, "")
    assert f"retention.keep_months is 24, so {young.plus(-1)} at most" in ran.err
    monkeypatch.setenv("SUTONG_RETENTION__KEEP_MONTHS", "6")
    assert sutong("archive", "--before", str(young), "--output", output).code == 0
    monkeypatch.setenv("SUTONG_RETENTION__KEEP_MONTHS", "5")
    assert sutong("archive", "--before", str(young), "--output", output).code == 2


@pytest.mark.parametrize(
    "given", [("--before", "2024-06"), ("--before", "June", "--output", "x"), ("--output", "x")]
)
@pytest.mark.usefixtures("store")
def test_what_cannot_be_meant_is_refused(given: tuple[str, ...]) -> None:
    ran = sutong("archive", *given)
    assert (ran.code, ran.out) == (2, "")
    assert "--before" in ran.err


def test_a_folder_that_is_no_archive_is_said(tmp_path: Path) -> None:
    ran = sutong("archive", "verify", str(tmp_path / "none"), "--json")
    assert (ran.code, ran.json["ok"]) == (1, False)
    assert "no folder" in ran.json["problems"][0]
