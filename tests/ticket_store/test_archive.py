"""Old months go to files whole before anything leaves the store; a kill anywhere loses nothing."""

import asyncio
import base64
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from schemas.ids import TicketIds
from tests.postgresql import own_database
from tests.ticket_store.archive_case import (
    A_MONTH,
    BEFORE,
    NEXT,
    NOW,
    OLD,
    YOUNG,
    a_ticket,
    deliver_all,
    filled,
    store_at,
)
from tests.ticket_store.hub_case import Clock, migrated, url_of
from ticket_store.archive import Archive, archived_before, verify
from ticket_store.archive_files import MANIFEST, ArchiveRefused, Part, parts_in
from ticket_store.archive_rows import TABLES
from ticket_store.engine import connect
from ticket_store.inbound import MessageOutcome
from ticket_store.migrations import migrate
from ticket_store.months import Month
from ticket_store.partitions import ensure_months
from ticket_store.store import Store

MARCH = Month(2024, 3)
ON_BOTH = pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


@pytest.fixture
async def url(request: pytest.FixtureRequest, store_file: Path) -> AsyncIterator[str]:
    if getattr(request, "param", "sqlite") == "sqlite":
        await migrated(store_file)
        yield url_of(store_file)
        return
    async with own_database("archive_test") as one:
        await migrate(one, NOW)
        database = connect(one)
        await ensure_months(database, OLD, NEXT)  # the third month's rows have no partition
        await database.close()
        yield one


@pytest.fixture
async def old(url: str, clock: Clock) -> AsyncIterator[Store]:
    store = store_at(url, clock)
    await filled(store, clock)
    yield store
    await store.close()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "an archive"


def back_to_march(store: Store, clock: Clock) -> None:
    """Numbers never go back by themselves."""
    clock.now = OLD.replace(day=9)
    store.ids = TicketIds(clock.milliseconds)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*.gz")}


def partial(folder: Path) -> list[Path]:
    return list(folder.glob("*.partial"))


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o77 for path in [folder, *folder.rglob("*")]}


async def rows(store: Store, table: str) -> list[tuple[Any, ...]]:
    query = text(f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608  a name of ours
    return [tuple(row) for row in await store.database.read(lambda one: one.execute(query).all())]


async def stand(store: Store) -> dict[str, Any]:
    """All that an archive may read or change."""
    return {name: await rows(store, name) for name in TABLES if name != "audit"}


def archive(store: Store, output: Path, step: Callable[[str], None] = lambda _: None) -> Archive:
    return Archive(store, output, "cli", step)


@ON_BOTH
async def test_ended_tickets_are_written_and_then_lose_what_is_heavy(
    old: Store, output: Path
) -> None:
    before = await stand(old)
    done = (await archive(old, output).run(BEFORE)).as_json()
    after = await stand(old)
    count = 2 * A_MONTH
    assert (done["months"], done["tickets"]) == (["2024-03", "2024-04"], count)
    assert done["rows"] == {
        "tickets": count, "events": 3 * count, "registrations": count, "supplements": 0,
        "deliveries": 3 * count, "inbound": count, "audit": 2 * count,
    }  # fmt: skip
    assert done["removed"] == {"deliveries": 3 * count, "inbound": count}
    parts, problems = verify(output)
    assert (problems, sum(part.bytes_written for part in parts)) == ([], done["bytes_written"])
    for name in ("tickets", "events", "registrations", "supplements"):
        assert after[name] == before[name], name
    assert len(after["deliveries"]) == len(before["deliveries"]) - 3 * count
    assert len(after["inbound"]) == len(before["inbound"])
    assert (await old.audit.verify()).ok
    # a body that came in is in the archive byte by byte
    (line, *_) = parts[0].lines("inbound")
    content = base64.b64decode(line["content"])
    assert content == f"<{line['peer_message_no']}>".encode() * 50
    told = parts[0].manifest
    assert (told["month"], told["tickets"], told["revision"]) == ("2024-03", A_MONTH, "0006")
    assert told["audit"]["rows"] > 0


@ON_BOTH
async def test_open_tickets_and_younger_months_keep_everything(old: Store, output: Path) -> None:
    await archive(old, output).run(BEFORE)
    for message in await old.inbound.browse(limit=100):
        assert message.ticket_id is not None
        head = await old.tickets.head(message.ticket_id)
        assert head is not None
        delivered = await old.deliveries.of_ticket(message.ticket_id)
        gone = head.state == "withdrawn" and head.updated_at in {OLD, NEXT}
        assert (message.archived, delivered == []) == (gone, gone)


@ON_BOTH
async def test_a_second_call_finds_nothing_to_do(old: Store, output: Path) -> None:
    await archive(old, output).run(BEFORE)
    files = contents(output)
    state, chain = await stand(old), await rows(old, "audit")
    again = (await archive(old, output).run(BEFORE)).as_json()
    assert (again["months"], again["tickets"], again["bytes_written"]) == ([], 0, 0)
    assert not any(again["removed"].values())
    assert (await stand(old), await rows(old, "audit")) == (state, chain)
    assert contents(output) == files


@pytest.mark.usefixtures("old")
async def test_a_repeat_of_an_archived_message_is_known_and_not_read_again(
    old: Store, output: Path
) -> None:
    await archive(old, output).run(BEFORE)
    (message,) = [one for one in await old.inbound.browse(limit=100) if one.archived][:1]
    assert not await old.inbound.replay(message.message_id, "li")
    assert (await old.inbound.read(message.message_id)).outcome is MessageOutcome.REGISTERED


@ON_BOTH
async def test_what_waits_for_a_person_stays(old: Store, clock: Clock, output: Path) -> None:
    """A dead letter, a delivery that is still owed, and a message that is read again meanwhile."""
    back_to_march(old, clock)
    ticket_id = await a_ticket(old, clock)
    (message,) = await old.inbound.browse(ticket_id=ticket_id)
    assert await old.inbound.replay(message.message_id, "li")
    await old.inbound.settle(message.message_id, MessageOutcome.DEAD)
    clock.now = NOW
    await archive(old, output).run(BEFORE)
    (kept,) = await old.inbound.browse(ticket_id=ticket_id)
    assert (kept.content, kept.archived) == (message.content, False)
    assert len(await old.deliveries.of_ticket(ticket_id)) == 3
    assert ticket_id in {line["ticket_id"] for line in parts_in(output)[0].lines("tickets")}


@ON_BOTH
async def test_what_changes_between_files_and_removal_stays(old: Store, output: Path) -> None:
    replayed: list[int] = []

    async def replay_all() -> None:
        for message in await old.inbound.browse(limit=100):
            if await old.inbound.replay(message.message_id, "li"):
                replayed.append(message.message_id)

    one = archive(old, output)
    first = one._leave

    async def leave(part: Part) -> None:
        if not replayed:
            await replay_all()
        await first(part)

    one._leave = leave  # type: ignore[method-assign]  # the moment between
    done = await one.run(BEFORE)
    assert done.removed["inbound"] == 0
    assert all([(await old.inbound.read(number)).content for number in replayed])


@ON_BOTH
async def test_what_ended_later_is_a_part_of_its_own(
    old: Store, clock: Clock, output: Path
) -> None:
    await archive(old, output).run(BEFORE)
    back_to_march(old, clock)
    late = await a_ticket(old, clock)
    await deliver_all(old, clock)
    clock.now = NOW
    done = await archive(old, output).run(BEFORE)
    assert (done.months, done.tickets, done.removed["inbound"]) == (["2024-03"], 1, 1)
    part = next(one for one in parts_in(output) if one.path.name == "2024-03-2")
    assert [line["ticket_id"] for line in part.lines("tickets")] == [late]


async def test_a_ticket_that_was_touched_since_is_left(
    old: Store, clock: Clock, output: Path
) -> None:
    """Its logs are younger than its number."""
    back_to_march(old, clock)
    ticket_id = await a_ticket(old, clock)
    await old.database.write(
        lambda one: one.execute(
            text("UPDATE tickets SET updated_at = :at WHERE ticket_id = :key"),
            {"at": int(YOUNG.timestamp()) * 1_000_000, "key": ticket_id},
        )
    )
    clock.now = NOW
    assert (await archive(old, output).run(BEFORE)).tickets == 2 * A_MONTH


async def test_into_another_folder_only_what_is_left_goes(old: Store, output: Path) -> None:
    await archive(old, output).run(BEFORE)
    done = await archive(old, output.with_name("another")).run(BEFORE)
    assert (done.months, done.tickets) == ([], 0)
    assert verify(output.with_name("another")) == ([], [])


async def test_the_audit_says_what_was_archived_and_by_whom(old: Store, output: Path) -> None:
    assert await archived_before(old, MARCH) is None
    await archive(old, output).run(BEFORE)
    (row, _) = [one for one in await old.audit.rows() if one.action == "archive_month"][::-1]
    assert (row.actor_id, row.subject) == ("cli", "archive:2024-03")
    assert row.facts["manifest"] == parts_in(output)[0].digest
    assert await archived_before(old, MARCH) == BEFORE.begins_at


class Fault(BaseException):
    """Ends a run as a kill does: nothing of ours catches it."""


@ON_BOTH
async def test_stopped_between_any_two_steps_it_goes_on(old: Store, output: Path) -> None:
    whole, steps = await stand(old), 0
    while True:
        steps += 1
        left = steps  # each life gets one step further

        def step(_what: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Fault

        one = archive(old, output, step)
        try:
            await one.run(BEFORE)
        except Fault:
            state = await stand(old)
            archived = {
                (row["event_id"], row["destination"])
                for part in parts_in(output)
                for row in part.lines("deliveries")
            }
            missing = {row[:2] for row in whole["deliveries"]} - {
                row[:2] for row in state["deliveries"]
            }
            assert missing <= archived  # nothing has left that is not in a whole part
            assert verify(output)[1] == []
            assert steps < 30
            continue
        break
    assert steps > 4
    assert len([one for one in await old.inbound.browse(limit=100) if one.archived]) == 2 * A_MONTH
    assert partial(output) == []
    notes = [one for one in await old.audit.rows() if one.action == "archive_month"]
    assert len(notes) == 2
    assert (await old.audit.verify()).ok


@pytest.mark.parametrize("step_no", [1, 2, 3, 5])
async def test_killed_it_goes_on_when_called_again(
    old: Store, url: str, output: Path, step_no: int
) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.ticket_store.archive_case", url, str(output), str(step_no)
    )
    assert await child.wait() == -signal.SIGKILL
    done = await archive(old, output).run(BEFORE)
    assert done.removed["inbound"] > 0
    parts, problems = verify(output)
    assert ([str(part.month) for part in parts], problems) == (["2024-03", "2024-04"], [])
    messages = await old.inbound.browse(limit=100)
    assert sum(one.archived for one in messages) == 2 * A_MONTH
    assert partial(output) == []
    assert (await old.audit.verify()).ok


@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "manifest"])
async def test_a_damaged_part_is_named_and_nothing_leaves(
    old: Store, output: Path, harm: str
) -> None:
    def stop(what: str) -> None:
        if what == "written":
            raise Fault

    with pytest.raises(Fault):
        await archive(old, output, stop).run(BEFORE)
    damage(output / "2024-03-1", harm)
    before = await stand(old)
    with pytest.raises(ArchiveRefused, match=r"2024-03-1"):
        await archive(old, output).run(BEFORE)
    assert await stand(old) == before
    if harm == "manifest":
        with pytest.raises(ArchiveRefused):
            verify(output)
    else:
        assert len(verify(output)[1]) == 1


def damage(part: Path, harm: str) -> None:
    file = part / "events.jsonl.gz"
    content = file.read_bytes()
    match harm:
        case "cut":
            file.write_bytes(content[:-9])
        case "changed":
            file.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
        case "gone":
            file.unlink()
        case _:
            (part / MANIFEST).write_text("{")


async def test_two_calls_do_not_write_into_one_folder(old: Store, output: Path) -> None:
    refused: list[str] = []

    def step(_what: str) -> None:
        if not refused:
            other = archive(old, output).run(BEFORE)
            with pytest.raises(ArchiveRefused) as told:
                other.send(None)
            refused.append(str(told.value))

    await archive(old, output, step).run(BEFORE)
    assert "another archive is being written" in refused[0]


async def test_files_are_private(old: Store, output: Path) -> None:
    await archive(old, output).run(BEFORE)
    assert modes(output) == {0}
