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
    assert sutong("migrate", "--json").json == {"applied": []}
    assert "up to date" in sutong("migrate").out


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("args", [["audit", "verify"], ["replay"]])
def test_what_needs_a_store_says_how_to_make_one(args: list[str]) -> None:
    ran = sutong(*args, "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "sutong migrate" in ran.err


def test_a_row_altered_behind_the_hubs_back_breaks_the_chain(home: Path) -> None:
    for name in ("li", "wang", "zhang"):
        assert sutong("user", "add", name, "--role", "leader").code == 0
    whole = sutong("audit", "verify", "--json")
    assert (whole.code, whole.json["ok"], whole.json["first_bad"]) == (0, True, None)
    assert set(whole.json) == {"ok", "rows", "first_bad"}
    assert re.search(r"digest [0-9a-f]{64}$", sutong("audit", "verify").out.strip())
    connection = sqlite3.connect(home / "tickets.db")
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


async def a_dead_delivery() -> str:
    hub = await build(load(), migrating=True)
    try:
        written = registration().model_copy(update={"peer": "city", "source_ticket_no": "C1"})
        asked = command(Action.REGISTER, OPERATOR, registration=written)
        await hub.store.desk.execute(asked)
        await hub.store.desk.execute(command(Action.ACCEPT, OPERATOR))
        later = hub.now() + timedelta(hours=1)
        book = hub.store.deliveries
        taken, *_ = await book.take("city", later, "test", 60, limit=1, most_attempts=9)
        assert await book.settle(taken, DeliveryState.DEAD, detail="gave up")
        dead = taken.outbound
        return f"{ticket_no(TICKET_ID)}:{dead.sequence}:city"
    finally:
        await hub.close()


@pytest.mark.usefixtures("home")
def test_a_dead_delivery_is_listed_and_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTONG_PEERS", PEERS)
    key = asyncio.run(a_dead_delivery())
    [listed] = sutong("replay", "--json").json["deliveries"]
    assert f"{listed['ticket_no']}:{listed['event']}:{listed['peer']}" == key
    assert listed["reason"] == "gave up"
    monkeypatch.setenv("SUTONG_PEERS", '{"city": {"dialect": "broken"}}')  # no matter to a repair
    assert sutong("replay", "--all", "--json").json["deliveries"] == 1
    assert sutong("replay", "--json").json["deliveries"] == []
    assert sutong("replay", "--delivery", key).code == 1


@pytest.mark.usefixtures("home")
def test_a_delivery_is_named_by_ticket_event_and_peer() -> None:
    ran = sutong("replay", "--delivery", "what")
    assert (ran.code, ran.out) == (2, "")
    assert "TICKET:EVENT:PEER" in ran.err
