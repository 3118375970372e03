"""`sutong migrate`, `audit verify` and `replay`."""

import asyncio
import json
import re
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.base import Body
from hub.assembly import build
from hub.settings import load
from hub.stored import stored
from schemas.ids import ticket_no
from schemas.lifecycle import Action
from schemas.outbound import DeliveryState
from schemas.ticket import Source
from tests.hub.commands import sutong
from tests.schemas.cases import NOW, OPERATOR, TICKET_ID, command, registration
from ticket_store.inbound import MessageOutcome

CITY = {"dialect": "hotline12345", "url": "http://127.0.0.1:9"}
PEERS = json.dumps({"city": {**CITY, "app_key": "k", "app_secret": "s"}})


def test_migrate_makes_a_store_and_then_has_nothing_to_do(home: Path) -> None:
    first = sutong("migrate", "--json")
    assert (first.code, first.json["applied"][0]) == (0, "0001")
    assert (home / "tickets.db").is_file()
    assert sutong("migrate", "--json").json == {"applied": [], "topics": []}
    assert "up to date" in sutong("migrate").out


NOTICE = 'year = 2027\nsource = "test"\ndays_off = ["2027-01-01"]\ndays_worked = []\n'
NEED_A_STORE = [
    ["audit", "verify"],
    ["replay"],
    ["replay", "--all"],
    ["replay", "--release", "city"],
    ["import", "-"],
    ["user", "list"],
    ["user", "add", "li", "--role", "leader"],
    ["user", "unlock", "li"],
    ["user", "reset", "li"],
    ["user", "token", "crm", "--role", "leader"],
    ["user", "tokens"],
    ["user", "revoke", "1"],
    ["calendar", "import", "notice.toml"],
    ["worker"],
    ["web"],
]


@pytest.mark.parametrize("args", NEED_A_STORE, ids=" ".join)
@pytest.mark.parametrize("there", ["no folder", "an empty folder", "an empty file"])
def test_a_store_at_the_wrong_place_is_not_made(
    home: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], there: str
) -> None:
    """It hid the hub's own store: an empty list of users looked like the truth."""
    monkeypatch.setenv("SUTONG_PORT", "0")
    (home.parent / "notice.toml").write_text(NOTICE)
    if there != "no folder":
        home.mkdir()
    if there == "an empty file":
        (home / "tickets.db").touch()
    before = sorted(home.parent.rglob("*"))
    ran = sutong(*args, *([] if args[0] in {"worker", "web"} else ["--json"]))
    assert (ran.code, ran.out) == (1, "")
    [line] = ran.err.splitlines()
    assert str(home) in line
    assert "SUTONG_HOME" in line
    assert "`sutong migrate` makes" in line
    assert sorted(home.parent.rglob("*")) == before


def test_a_calendar_needs_no_store_and_makes_none(home: Path) -> None:
    home.mkdir()
    assert sutong("due", "2026-09-24", "--working-days", "5").code == 0
    assert sutong("calendar", "list").code == 0
    assert sutong("check").code == 1
    assert list(home.iterdir()) == []


def test_a_row_altered_behind_the_hubs_back_breaks_the_chain(store: Path) -> None:
    for name in ("li", "wang", "zhang"):
        assert sutong("user", "add", name, "--role", "leader").code == 0
    whole = sutong("audit", "verify", "--json")
    assert (whole.code, whole.json["ok"], whole.json["first_bad"]) == (0, True, None)
    assert set(whole.json) == {"ok", "rows", "first_bad"}
    assert re.search(r"digest [0-9a-f]{64}$", sutong("audit", "verify").out.strip())
    connection = sqlite3.connect(store / "tickets.db")
    [(number,)] = connection.execute("SELECT min(row_no) FROM audit WHERE subject LIKE '%wang%'")
    connection.execute("UPDATE audit SET actor_id = 'somebody' WHERE row_no = ?", (number,))
    connection.commit()
    connection.close()
    broken = sutong("audit", "verify", "--json")
    assert (broken.code, broken.json["ok"], broken.json["first_bad"]) == (1, False, number)
    said = sutong("audit", "verify").out
    assert str(number) in said
    assert "the row was changed" in said


async def a_dead_message() -> int:
    async with stored(load(), migrating=True) as store:
        body = Body(b"what is this", "m1")
        [kept] = await store.inbound.keep("city", Source.HOTLINE12345, [body], NOW)
        await store.inbound.settle(kept.message_id, MessageOutcome.DEAD, detail="no such code 99")
        return kept.message_id


@pytest.mark.usefixtures("home")
def test_a_dead_message_is_listed_and_replayed() -> None:
    number = asyncio.run(a_dead_message())
    [listed] = sutong("replay", "--json").json["messages"]
    assert (listed["message"], listed["reason"]) == (number, "no such code 99")
    assert "no such code 99" in sutong("replay").out
    done = sutong("replay", "--message", str(number), "--json")
    assert (done.code, done.json["messages"]) == (0, 1)
    assert sutong("replay", "--json").json["messages"] == []
    again = sutong("replay", "--message", str(number + 1), "--json")
    assert (again.code, again.json["not_dead"]) == (1, [f"message {number + 1}"])


async def a_settled_delivery(state: DeliveryState = DeliveryState.DEAD) -> str:
    hub = await build(load(), migrating=True)
    try:
        written = registration().model_copy(update={"peer": "city", "source_ticket_no": "C1"})
        asked = command(Action.REGISTER, OPERATOR, registration=written)
        await hub.store.desk.execute(asked)
        await hub.store.desk.execute(command(Action.ACCEPT, OPERATOR))
        later = hub.now() + timedelta(hours=1)
        book = hub.store.deliveries
        taken, *_ = await book.take("city", later, "test", 60, limit=1, most_attempts=9)
        assert await book.settle(taken, state, detail="gave up")
        dead = taken.outbound
        return f"{ticket_no(TICKET_ID)}:{dead.sequence}:city"
    finally:
        await hub.close()


@pytest.mark.usefixtures("home")
def test_a_dead_delivery_is_listed_and_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTONG_PEERS", PEERS)
    key = asyncio.run(a_settled_delivery())
    [listed] = sutong("replay", "--json").json["deliveries"]
    assert f"{listed['ticket_no']}:{listed['event']}:{listed['peer']}" == key
    assert listed["reason"] == "gave up"
    monkeypatch.setenv("SUTONG_PEERS", '{"city": {"dialect": "broken"}}')  # no matter to a repair
    assert sutong("replay", "--all", "--json").json["deliveries"] == 1
    assert sutong("replay", "--json").json["deliveries"] == []
    assert sutong("replay", "--delivery", key).code == 1


@pytest.mark.usefixtures("store")
def test_a_peer_to_release_is_one_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTONG_PEERS", PEERS)
    ran = sutong("replay", "--release", "citty", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "sutong: --release: no peer 'citty'; the peers are: city\n"
    done = sutong("replay", "--release", "city")
    assert done.code == 0
    assert "0 held delivery(ies) released" in done.out
    assert all(line[-1] not in ",;" for line in done.out.splitlines())
    monkeypatch.setenv("SUTONG_PEERS", "{}")
    assert "none in the settings" in sutong("replay", "--release", "city").err


@pytest.mark.usefixtures("store")
def test_a_held_peer_that_has_left_the_settings_is_released(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUTONG_PEERS", PEERS)
    asyncio.run(a_settled_delivery(DeliveryState.HELD))
    monkeypatch.setenv("SUTONG_PEERS", "{}")
    assert [one["peer"] for one in sutong("replay", "--json").json["holds"]] == ["city"]
    assert sutong("replay", "--release", "city", "--json").json["released"] == 1
    assert sutong("replay", "--json").json["holds"] == []


@pytest.mark.usefixtures("home")
def test_a_delivery_is_named_by_ticket_event_and_peer() -> None:
    ran = sutong("replay", "--delivery", "what")
    assert (ran.code, ran.out) == (2, "")
    assert "TICKET:EVENT:PEER" in ran.err
