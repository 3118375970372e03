"""The chain notices what is changed, removed or added behind its back."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes

from schemas.errors import CommandRefused
from schemas.lifecycle import Action
from tests.schemas import cases
from tests.ticket_store.hub_case import Clock, command, opened, register
from ticket_store.audit import ticket_of
from ticket_store.digests import sm3
from ticket_store.store import Store
from ticket_store.writer import AuditEntry


async def filled(store: Store, tickets: int = 3) -> list[int]:
    """Each ticket leaves two rows in the chain, and one refusal stands at the end."""
    ids = [store.ids.next() for _ in range(tickets)]
    for ticket_id in ids:
        await store.desk.execute(register(ticket_id, f"N{ticket_id}"))
        await store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id, cause="m:7"))
    with pytest.raises(CommandRefused):
        await store.desk.execute(command(Action.ACCEPT, cases.OPERATOR, ids[0]))
    return ids


def test_sm3_of_the_standards_example() -> None:
    """GB/T 32905-2016, appendix A.1; our parts are led by their length."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(b"abc")
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert digest.finalize().hex() == expected
    digest = hashes.Hash(hashes.SM3())
    digest.update(b"1:a2:bc0:")
    assert sm3("a", b"bc", None) == digest.finalize()
    assert sm3("ab", "c") != sm3("a", "bc")


async def test_a_whole_chain_is_whole(store: Store) -> None:
    report = await store.audit.verify()
    assert (report.ok, report.rows, report.digest) == (True, 0, "00" * 32)
    await filled(store)
    report = await store.audit.verify()
    assert (report.ok, report.rows, report.first_bad) == (True, 7, None)
    await store.audit.append("u1", "export", "tickets", {"rows": 12, "query": "路灯"})
    longer = await store.audit.verify()
    assert (longer.ok, longer.rows) == (True, 8)
    assert longer.digest != report.digest


async def test_rows_name_actor_act_and_subject_without_personal_data(
    store: Store, store_file: Path
) -> None:
    ids = await filled(store, 1)
    with closing(sqlite3.connect(store_file)) as file:
        rows = file.execute("SELECT actor_id, action, subject, facts FROM audit").fetchall()
        (body,) = file.execute("SELECT body FROM registrations").fetchone()
    first = ids[0] << 10 | 1
    digest = sm3(first, body).hex()
    assert rows == [
        ("operator", "register", str(ids[0]), f'{{"body":"{digest}","events":[{first},2]}}'),
        ("operator", "remind", str(ids[0]), f'{{"cause":"m:7","events":[{first + 2},1]}}'),
        ("operator", "accept", str(ids[0]), '{"refused":"transition_refused"}'),
    ]


async def test_a_repeat_adds_no_row(store: Store) -> None:
    asked = register(store.ids.next())
    await store.desk.execute(asked)
    await store.desk.execute(asked)
    assert (await store.audit.verify()).rows == 1


async def test_a_long_chain_is_read_by_pages(store: Store) -> None:
    entries = [AuditEntry("u1", "look", str(number), "{}") for number in range(2_500)]
    await store.writer.run(lambda unit: unit.audit.extend(entries))
    report = await store.audit.verify()
    assert (report.ok, report.rows) == (True, 2_500)


# what is done to the file -> which row verify names, and the word it says
TAMPERED = {
    "a changed actor": ("UPDATE audit SET actor_id = 'x' WHERE row_no = 3", 3, "changed"),
    "changed facts": ("UPDATE audit SET facts = 'not json' WHERE row_no = 2", 2, "changed"),
    "facts of another form": ("UPDATE audit SET facts = '[]' WHERE row_no = 2", 2, "changed"),
    "a digest of its own": ("UPDATE audit SET digest = x'00' WHERE row_no = 4", 4, "changed"),
    "a row cut out": ("DELETE FROM audit WHERE row_no = 4", 4, "missing"),
    "the first row cut out": ("DELETE FROM audit WHERE row_no = 1", 1, "missing"),
    "a tail cut off": ("DELETE FROM audit WHERE row_no > 5", 6, "end"),
    "all rows cut off": ("DELETE FROM audit", 1, "end"),
    "a tail cut off and the count with it": (
        "DELETE FROM audit WHERE row_no > 5; UPDATE audit_head SET rows = 5", 6, "end",
    ),
    "a changed event": (
        "UPDATE events SET body = replace(body, 'operator', 'x'), kind = 'x' "
        "WHERE event_id = (SELECT min(event_id) FROM events)", 1, "event",
    ),
    "an event cut out": (
        "DELETE FROM events WHERE event_id = (SELECT max(event_id) FROM events)", 6, "event",
    ),
    "an event slipped in": (
        "INSERT INTO events SELECT event_id + 1, at, command_id, actor, kind, body FROM events "
        "WHERE event_id = (SELECT max(event_id) FROM events)", 8, "audited",
    ),
    "a count of events changed": ("UPDATE audit_head SET events = 4", 8, "count"),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
async def test_tampering_is_noticed(what: str, store_file: Path, clock: Clock) -> None:
    script, first_bad, word = TAMPERED[what]
    async with opened(store_file, clock) as store:
        await filled(store)
    with closing(sqlite3.connect(store_file)) as file:
        file.executescript(script)
    async with opened(store_file, clock, fresh=False) as store:
        report = await store.audit.verify()
    assert not report.ok
    assert report.first_bad == first_bad
    assert word in report.detail


async def test_the_chain_may_be_read_while_it_grows(store: Store) -> None:
    await filled(store)
    async with asyncio.TaskGroup() as group:
        report = group.create_task(store.audit.verify())
        for _ in range(20):
            group.create_task(store.audit.append("u1", "look", "x", {}))
    assert report.result().ok


async def test_acts_are_read_newest_first_page_by_page(store: Store) -> None:
    assert await store.audit.rows() == []
    assert await store.audit.last_row_no() == 0
    ids = await filled(store)
    await store.audit.append("u1", "unmask", f"ticket:{ids[1]}", {"fields": "citizen"})
    assert await store.audit.last_row_no() == 8
    pages = [await store.audit.rows(before, 3) for before in (None, 6, 3)]
    assert [[row.row_no for row in page] for page in pages] == [[8, 7, 6], [5, 4, 3], [2, 1]]
    newest, refused = pages[0][0], pages[0][1]
    assert (newest.actor_id, newest.action, newest.facts) == ("u1", "unmask", {"fields": "citizen"})
    assert refused.facts["refused"] == "transition_refused"
    of_ticket = await store.audit.rows(ticket_id=ids[1])
    assert [row.action for row in of_ticket] == ["unmask", "remind", "register"]
    assert await store.audit.rows(ticket_id=ids[1], actor_id="u1") == [newest]
    assert await store.audit.rows(actor_id="u1") == [newest]
    assert await store.audit.rows(actor_id="nobody") == []


@pytest.mark.parametrize(
    ("subject", "ticket_id"),
    [
        ("245278310400000", 245278310400000),
        ("ticket:245278310400000", 245278310400000),
        ("2026", None),  # a calendar
        ("message:245278310400000", None),
        ("lin", None),
        ("ticket:\N{SUPERSCRIPT TWO}", None),
    ],
)
def test_which_ticket_a_subject_names(subject: str, ticket_id: int | None) -> None:
    assert ticket_of(subject) == ticket_id


async def test_acts_since_a_row_are_told_oldest_first(store: Store) -> None:
    ids = await filled(store)
    subjects = [str(one) for one in ids for _ in range(2)] + [str(ids[0])]
    assert await store.audit.since(0, 100) == list(enumerate(subjects, 1))
    assert await store.audit.since(5, 1) == [(6, str(ids[2]))]
    assert await store.audit.since(7, 100) == []
