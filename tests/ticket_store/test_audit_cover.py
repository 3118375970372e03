"""The chain covers what citizens wrote, and heads are what their events lead to."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from schemas.lifecycle import Action
from tests.schemas import cases
from tests.ticket_store.hub_case import Clock, command, opened, register
from ticket_store.store import Store


async def filled(store: Store, tickets: int = 3) -> list[int]:
    """A ticket leaves four rows: registered, amended, supplemented, dispatched."""
    ids = [store.ids.next() for _ in range(tickets)]
    for ticket_id in ids:
        await store.desk.execute(register(ticket_id, f"N{ticket_id}"))
        await store.desk.execute(command(Action.AMEND, cases.OPERATOR, ticket_id))
        await store.desk.execute(
            command(Action.SUPPLEMENT, cases.OPERATOR, ticket_id, text="又停水了")
        )
        await store.desk.execute(command(Action.DISPATCH, cases.DISPATCHER, ticket_id))
    return ids


# the second ticket; its name stands in the scripts
SECOND = "(SELECT ticket_id FROM tickets ORDER BY ticket_id LIMIT 1 OFFSET 1)"
_DETAIL = "UPDATE tickets SET detail = {} WHERE ticket_id = SECOND"
# what is done to the file -> which row verify names, and the words it says
TAMPERED = {
    "a registration": (
        "UPDATE registrations SET body = replace(body, '1', '2') "
        "WHERE event_id = (SECOND << 10) + 1", 5, "a body was changed",
    ),
    "an earlier registration cut out": (
        "DELETE FROM registrations WHERE event_id = (SECOND << 10) + 1", 5, "a body was",
    ),
    "an amended registration": (
        "UPDATE registrations SET body = body || ' ' "
        "WHERE event_id = (SECOND << 10) + 3", 6, "a body was changed",
    ),
    "a supplement": ("UPDATE supplements SET body = replace(body, '停', '来')", 3, "a body was"),
    "a supplement cut out": ("DELETE FROM supplements", 3, "a body was"),
    "bodies that changed places": (
        "UPDATE supplements SET event_id = -event_id; UPDATE supplements "
        "SET event_id = CASE event_id WHEN (SELECT max(event_id) FROM supplements) "
        "THEN -(SELECT min(event_id) FROM supplements) ELSE -event_id END "
        "WHERE event_id = (SELECT max(event_id) FROM supplements)", 3, "a body was",
    ),
    "a registration slipped in": (
        "INSERT INTO registrations SELECT event_id + 4, body FROM registrations "
        "WHERE event_id = (SECOND << 10) + 1", 8, "a body was",
    ),
    "a registration slipped in after the last event": (
        "INSERT INTO registrations SELECT event_id + 900, body FROM registrations LIMIT 1",
        13, "10 bodies, 9 of them audited",
    ),
    "a state": ("UPDATE tickets SET state = 'closed' WHERE ticket_id = SECOND", 8, "state"),
    "a version": ("UPDATE tickets SET version = 4 WHERE ticket_id = SECOND", 8, "version"),
    "a time": (
        "UPDATE tickets SET updated_at = updated_at + 1 WHERE ticket_id = SECOND",
        8, "updated_at",
    ),
    "a field of the head": (
        _DETAIL.format("json_set(detail, '$.satisfied', json('true'))"), 8, "satisfied is not",
    ),
    "what the head says of its assignments": (
        _DETAIL.format("json_remove(detail, '$.assignments')"), 8, "assignments is not",
    ),
    "a head of no sense": (_DETAIL.format("'{}'"), 8, "detail is no head"),
    "a head cut out": ("DELETE FROM tickets WHERE ticket_id = SECOND", 8, "head is missing"),
    "a head slipped in": (
        "INSERT INTO tickets SELECT max(ticket_id) + 1, version, state, updated_at, "
        "unproposed_since, detail FROM tickets", 13, "it has no events",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
async def test_tampering_is_noticed(what: str, store_file: Path, clock: Clock) -> None:
    script, first_bad, word = TAMPERED[what]
    async with opened(store_file, clock) as store:
        ids = await filled(store)
        assert (await store.audit.verify()).ok
    with closing(sqlite3.connect(store_file)) as file:
        file.executescript(script.replace("SECOND", SECOND))
    async with opened(store_file, clock, fresh=False) as store:
        report = await store.audit.verify()
    assert (report.ok, report.first_bad) == (False, first_bad)
    assert word in report.detail
    if "UPDATE tickets" in script:
        assert f"ticket {ids[1]}: " in report.detail


async def test_many_heads_are_read_by_pages(store: Store, store_file: Path) -> None:
    ids = [store.ids.next() for _ in range(100)]
    await asyncio.gather(*(store.desk.execute(register(one)) for one in ids))
    assert (await store.audit.verify()).ok
    with closing(sqlite3.connect(store_file)) as file, file:
        file.execute("UPDATE tickets SET version = 9 WHERE ticket_id = ?", (ids[77],))
    assert f"ticket {ids[77]}: version" in (await store.audit.verify()).detail


async def test_tickets_may_be_worked_on_meanwhile(store: Store) -> None:
    ids = [store.ids.next() for _ in range(40)]
    await asyncio.gather(*(store.desk.execute(register(one)) for one in ids))
    async with asyncio.TaskGroup() as group:
        reports = [group.create_task(store.audit.verify()) for _ in range(3)]
        for _ in range(5):
            for one in ids:
                group.create_task(
                    store.desk.execute(command(Action.SUPPLEMENT, cases.OPERATOR, one, text="又"))
                )
    assert [one.result() for one in reports if not one.result().ok] == []


async def test_bodies_from_before_they_were_covered_are_let_be(
    store_file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(store_file, clock) as store:
        with monkeypatch.context() as early:
            early.setattr("ticket_store.desk_rows.body_digest", lambda *_: None)
            await filled(store, 1)
        await filled(store, 1)
        assert (await store.audit.verify()).ok
        with monkeypatch.context() as early:
            early.setattr("ticket_store.desk_rows.body_digest", lambda *_: None)
            await filled(store, 1)
        report = await store.audit.verify()
    assert (report.first_bad, report.detail) == (9, "a body was changed or is missing")
