"""`sutong import`: what comes in, what is refused, and that each ticket comes in once."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import TicketRegistered
from schemas.ids import created_at
from schemas.lifecycle import Action
from schemas.ticket import State
from tests.hub.commands import sutong, sutong_process
from tests.hub.old_tickets.import_case import any_store, counted, found, imported, opened
from tests.hub.old_tickets.rows import DEPARTMENT, SYSTEM, bare, row, write
from tests.schemas.cases import DISPATCHER, OPERATOR, command, registration
from ticket_store.to_dos import ToDo

__all__ = ["any_store"]  # a fixture
CITY = (
    '{"city": {"dialect": "hotline12345", "url": "http://127.0.0.1:9",'
    ' "app_key": "k", "app_secret": "s"}}'
)


async def test_a_closed_ticket_is_there_as_if_it_had_always_been(
    any_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTONG_PEERS", CITY)
    rows = [
        row("OLD-1"),
        row("OLD-2", peer="city", peer_ticket_no="GD7", source="hotline12345"),
    ]
    ran = await imported(str(write(any_store / "old.jsonl", rows)), "--json")
    assert ran.code == 0
    assert set(ran.json) == {"imported", "repeated", "refused", "seconds", "tickets_per_s"}
    assert (ran.json["imported"], ran.json["repeated"], ran.json["refused"]) == (2, 0, 0)
    async with opened() as hub:
        store = hub.store
        for table in ("outbox", "deliveries", "ticket_clocks", "ticket_to_dos"):
            assert await counted(hub, table) == 0, table
        ticket_id = await store.tickets.by_source_no(SYSTEM, "OLD-1")
        other = await store.tickets.by_source_no("city", "GD7")
        assert ticket_id is not None
        assert other == await store.tickets.by_source_no(SYSTEM, "OLD-2")
        head = await store.tickets.head(ticket_id)
        assert head is not None
        assert (head.state, head.version, head.peer) == (State.CLOSED, 6, SYSTEM)
        history = await store.tickets.history(ticket_id)
        assert isinstance(history[0].event, TicketRegistered)
        assert history[-1].actor.actor_id == f"import:{SYSTEM}"
        at = head.received_at
        assert abs((created_at(ticket_id) - at).total_seconds()) < 62
        both = {ticket_id, other}
        may = {
            "created_from": datetime(2016, 4, 30, 16, tzinfo=UTC),
            "created_before": datetime(2016, 5, 31, 16, tzinfo=UTC),
        }
        for asked in (
            {"text": "路灯"}, {"phone": "13800001234"}, {"department": DEPARTMENT}, may,
            {"text": "灯不亮"} | may, {"states": frozenset({State.CLOSED})},
        ):  # fmt: skip
            assert set(await found(hub, **asked)) == both, asked
        assert await found(hub, text="OLD-1") == [ticket_id]
        assert await found(hub, created_from=may["created_before"]) == []
        assert await store.clocks.behind(hub.now(), 10) == []
        report = await store.audit.verify()
        assert (report.ok, report.rows) == (True, 2 * 6 + 1)
        last = (await store.audit.rows(limit=1))[0]
        assert (last.actor_id, last.action, last.subject) == ("cli", "import", f"system:{SYSTEM}")
        assert last.facts["imported"] == 2


async def test_an_open_ticket_goes_on_with_clocks_and_proposal(any_store: Path) -> None:
    rows = [
        bare("D", "dispatched", departments=[DEPARTMENT]),
        bare("A", "accepted"),
        bare("R", "received"),
    ]
    assert (await imported(str(write(any_store / "old.jsonl", rows)))).code == 0
    async with opened() as hub:
        store, now = hub.store, hub.now()
        dispatched, accepted, received = [
            await store.tickets.by_source_no(SYSTEM, number) or 0 for number in "DAR"
        ]
        due = {one.ticket_id for one in await store.clocks.due(now, 100)}
        assert due == {dispatched, accepted, received}
        assert await store.clocks.behind(now, 10) == []
        assert await store.tickets.waiting_for_proposal(now, 10) == [accepted]
        lists = {
            dispatched: {"to_do": ToDo.PENDING, "department": DEPARTMENT},
            accepted: {"to_do": ToDo.ACCEPTED},
            received: {"to_do": ToDo.RECEIVED},
        }
        for ticket_id, asked in lists.items():
            assert await found(hub, **asked) == [ticket_id]
        assert set(await found(hub, overdue=True)) == due
        # it goes on by the desk
        outcome = await store.desk.execute(
            command(Action.DISPATCH, DISPATCHER, ticket_id=accepted, departments=(DEPARTMENT,))
        )
        assert outcome.ticket is not None
        assert outcome.ticket.state is State.DISPATCHED
        assert (await store.audit.verify()).ok


async def test_broken_lines_stop_no_others(any_store: Path) -> None:
    broken = [
        '{"number": "B1"', "[]", "null", "42", '"text"', '{"number": "B2", "state": "closed"}',
        "\ufeff", "{}", '{"number": "B3", "text": "\\ud800"}',
    ]  # fmt: skip
    rows = [row("OLD-1"), *broken, "", "   ", row("OLD-2"), row("OLD-1")]
    file, refused = write(any_store / "old.jsonl", rows), any_store / "refused.jsonl"
    ran = await imported(str(file), "--json", "--refused", str(refused))
    assert ran.code == 1
    assert (ran.json["imported"], ran.json["repeated"], ran.json["refused"]) == (2, 1, len(broken))
    said = [line for line in ran.err.splitlines() if line.startswith(str(file))]
    assert [line.split(":")[0] for line in said] == [
        f"{file}, line {number}" for number in range(2, 2 + len(broken))
    ]
    assert all(" -> mend the row" in line for line in said)
    assert refused.read_text(encoding="utf-8").splitlines() == [one.strip() for one in broken]
    assert (any_store / "refused.jsonl.reasons").read_text(encoding="utf-8").splitlines() == said
    assert refused.stat().st_mode & 0o077 == 0
    async with opened() as hub:
        assert await counted(hub, "tickets") == 2


async def test_a_file_of_something_else_ends_early(any_store: Path) -> None:
    file = write(any_store / "old.jsonl", ["{}"] * 3000)
    ran = await imported(str(file), "--json", "--most-refused", "10")
    assert ran.code == 1
    assert 10 < ran.json["refused"] < 3000
    assert "Is it the right file?" in ran.err


async def test_the_same_again_makes_nothing(any_store: Path) -> None:
    first = write(any_store / "old.jsonl", [row(f"OLD-{n}") for n in range(40)])
    more = write(any_store / "more.jsonl.gz", [row(f"OLD-{n}") for n in range(30, 60)])
    assert (await imported(str(first), "--json")).json["imported"] == 40
    again = (await imported(str(first), "--json")).json
    assert (again["imported"], again["repeated"]) == (0, 40)
    packed = (await imported(str(more), "--json")).json
    assert (packed["imported"], packed["repeated"]) == (20, 10)
    piped = (await imported("-", "--json", stdin=more.with_suffix("").name)).code
    assert piped == 1  # a name is no row
    text = first.read_text(encoding="utf-8").splitlines()[0].replace("OLD-0", "OLD-99")
    assert (await imported("-", "--json", stdin=f"{text}\n")).json["imported"] == 1
    other = (await imported(str(first), "--system", "other", "--json")).json
    assert other["imported"] == 40
    async with opened() as hub:
        assert await counted(hub, "tickets") == 40 + 20 + 1 + 40
        assert (await hub.store.audit.verify()).ok


async def test_many_at_the_same_instant_have_ids_of_their_own(any_store: Path) -> None:
    rows = [row(f"OLD-{n}", received_at="2016-05-07") for n in range(2000)]
    assert (await imported(str(write(any_store / "old.jsonl", rows)), "--json")).json[
        "imported"
    ] == 2000


async def test_a_hub_beside_it_goes_on(any_store: Path) -> None:
    file = write(any_store / "old.jsonl", [row(f"OLD-{n}") for n in range(1500)])
    running, done = asyncio.create_task(imported(str(file), "--json")), 0
    async with opened() as hub:
        while not running.done():
            asked = command(Action.REGISTER, OPERATOR, ticket_id=hub.ids.next())
            await hub.store.desk.execute(asked)
            done += 1
        assert running.result().json["imported"] == 1500
        assert await counted(hub, "tickets") == 1500 + done
        assert (await hub.store.audit.verify()).ok


async def test_a_number_that_the_hub_has_from_its_peer_is_refused(
    any_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTONG_PEERS", CITY)
    body = registration(peer="city", source_ticket_no="GD7")
    async with opened() as hub:
        await hub.store.desk.execute(command(Action.REGISTER, OPERATOR, registration=body))
    file = write(any_store / "o.jsonl", [row(peer="city", peer_ticket_no="GD7")])
    ran = await imported(str(file), "--json")
    assert (ran.code, ran.json["refused"]) == (1, 1)
    assert "already_registered" in ran.err


@pytest.mark.usefixtures("store")
def test_a_gzip_that_ends_in_the_middle_is_said(home: Path) -> None:
    file = write(home / "old.jsonl.gz", [row(f"OLD-{n}") for n in range(400)])
    file.write_bytes(file.read_bytes()[:-20])
    ran = sutong("import", "--workers", "1", str(file))
    assert ran.code == 1
    assert "is not a whole gzip file" in ran.err


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nothing.jsonl"], "there is no file nothing.jsonl"),
        (["-", "--system", ""], "--system is a name"),
        (["-", "--system", "city"], "is a peer of the settings"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_usage_is_2(args: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTONG_PEERS", CITY)
    ran = sutong("import", *args)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_as_a_process_with_its_own_workers(home: Path) -> None:
    file = write(home / "old.jsonl", [row(f"OLD-{n}") for n in range(600)])
    ran = sutong_process("import", str(file), "--workers", "2", "--json", home=home)
    assert (ran.code, ran.json["imported"]) == (0, 600)
    assert ran.out.count("\n") == 1
