"""`sutong check`: each thing wrong once, each with what to do, none hiding the others."""

import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.signing import Keys
from hub.check import Finding, findings_of
from hub.demo.peers.faults import FaultPlan, Faults
from hub.demo.peers.hotline12345 import Hotline12345Peer
from hub.settings import load
from tests.hub.commands import sutong
from ticket_store.migrations import migrate

KEYS = Keys("hub-app", "hub secret")
Look = Callable[..., Any]


@pytest.fixture
async def platform() -> AsyncIterator[Hotline12345Peer]:
    peer = Hotline12345Peer(
        lambda: datetime.now(UTC),
        random.Random(1),  # noqa: S311 - a seed, to be repeated
        Faults(FaultPlan(), random.Random(2)),  # noqa: S311 - the same
        hub_keys=KEYS,
        push_keys=KEYS,
    )
    async with peer:
        yield peer


def city(url: str, **changes: str) -> dict[str, dict[str, Any]]:
    told = {"dialect": "hotline12345", "url": url, "app_key": KEYS.app_key}
    return {"city": told | {"app_secret": KEYS.secret} | changes}


async def wrong(**given: Any) -> list[Finding]:
    """What is wrong on an up-to-date store, beside what the test made wrong."""
    settings = load(**given)
    settings.home.mkdir(parents=True, exist_ok=True)
    await migrate(settings.database)
    found = [finding for finding in await findings_of(settings) if not finding.ok]
    assert all(finding.remedy for finding in found)
    return found


@pytest.mark.usefixtures("home")
def test_all_is_well_on_a_migrated_store() -> None:
    assert sutong("migrate").code == 0
    ran = sutong("check", "--json")
    assert (ran.code, ran.json["ok"], ran.err) == (0, True, "")
    parts = [finding["part"] for finding in ran.json["findings"]]
    assert {"settings", "home", "store", "broker", "calendar", "model", "peers"} <= set(parts)
    assert all(set(one) == {"part", "ok", "detail", "remedy"} for one in ran.json["findings"])


@pytest.mark.usefixtures("home")
def test_a_store_that_is_not_there_yet_asks_for_migrate() -> None:
    ran = sutong("check", "--json")
    [finding] = [one for one in ran.json["findings"] if not one["ok"]]
    assert (ran.code, finding["part"]) == (1, "store")
    assert "sutong migrate" in finding["remedy"]


def test_a_home_that_cannot_be_written(home: Path) -> None:
    home.write_text("a file stands in the way")
    ran = sutong("check", "--json")
    [finding] = [one for one in ran.json["findings"] if one["part"] == "home"]
    assert (ran.code, finding["ok"]) == (1, False)
    assert "SUTONG_HOME" in finding["remedy"]


def test_a_file_that_is_no_store(home: Path) -> None:
    home.mkdir()
    (home / "tickets.db").write_bytes(b"these are not the bytes of a database" * 100)
    [finding] = [one for one in sutong("check", "--json").json["findings"] if not one["ok"]]
    assert (finding["part"], finding["detail"]) == ("store", "file is not a database")


def test_a_store_of_a_newer_program(home: Path) -> None:
    sutong("migrate")
    with sqlite3.connect(home / "tickets.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    [finding] = [one for one in sutong("check", "--json").json["findings"] if not one["ok"]]
    assert finding["part"] == "store"
    assert "newer version" in finding["detail"]
    assert sutong("migrate").code == 1


@pytest.mark.usefixtures("home")
async def test_a_peer_that_answers_is_well(platform: Hotline12345Peer) -> None:
    assert await wrong(peers=city(platform.url)) == []


@pytest.mark.usefixtures("home")
async def test_a_peer_that_refuses_our_credentials(platform: Hotline12345Peer) -> None:
    [finding] = await wrong(peers=city(platform.url, app_secret="another"))
    assert finding.part == "peer city"
    assert "secret" in finding.remedy
    assert "another" not in finding.detail


@pytest.mark.usefixtures("home")
async def test_a_peer_that_cannot_be_reached(platform: Hotline12345Peer) -> None:
    url = platform.url
    await platform.stop()
    [finding] = await wrong(peers=city(url))
    assert finding.part == "peer city"
    assert "firewall" in finding.remedy


@pytest.mark.usefixtures("home")
async def test_a_wrong_key_of_a_peer_hides_nothing_else() -> None:
    found = await wrong(
        peers=city("http://127.0.0.1:9", colour="red") | {"other": {"dialect": "telex"}},
        clocks={"limits_file": "nowhere.json"},
    )
    assert [finding.part for finding in found] == ["limits", "peers", "peers"]
    assert "peers.city.colour" in found[1].detail
    assert "'telex'" in found[2].detail


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("content", ["[]", "not JSON", '[{"step": "nowhere"}]'])
async def test_broken_limits(tmp_path: Path, content: str) -> None:
    file = tmp_path / "limits.json"
    file.write_text(content)
    [finding] = await wrong(clocks={"limits_file": file})
    assert finding.part == "limits"
    assert str(file) in finding.detail


@pytest.mark.usefixtures("home")
async def test_a_broken_catalogue(tmp_path: Path) -> None:
    file = tmp_path / "departments.toml"
    file.write_text('[[department]]\ncode = "x"\n')
    found = await wrong(dispatch={"catalogue": file})
    assert {finding.part for finding in found} == {"routing"}
    assert all(str(file) in finding.remedy for finding in found)


@pytest.mark.usefixtures("home")
async def test_broken_areas_hide_no_peer(tmp_path: Path) -> None:
    file = tmp_path / "areas.toml"
    file.write_text('city = { code = "1", name = "某市" }\n')
    found = await wrong(dispatch={"areas": file}, peers={"other": {"dialect": "telex"}})
    assert [finding.part for finding in found] == ["routing", "peers"]
    assert str(file) in found[0].remedy


@pytest.mark.usefixtures("home")
async def test_a_broker_in_a_folder_that_is_not_there() -> None:
    [finding] = await wrong(broker_url="sqlite:////nowhere/at/all/log.db")
    assert finding.part == "broker"
    assert "SUTONG_BROKER_URL" in finding.remedy


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("today", "ok", "said"),
    [
        (datetime(2026, 3, 1, tzinfo=UTC), True, "2026 known"),
        (datetime(2026, 12, 1, tzinfo=UTC), True, "2027 provisional"),
        (datetime(2027, 1, 4, tzinfo=UTC), False, "2027 has no notice"),
    ],
)
async def test_the_calendar_of_this_year_must_be_known(
    today: datetime, ok: bool, said: str
) -> None:
    found = await findings_of(load(), now=lambda: today)
    [finding] = [one for one in found if one.part == "calendar"]
    assert finding.ok is ok
    assert said in finding.detail
