"""The writer: one commit for many, only the guilty one fails, busy is told from broken."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from schemas.errors import StoreBusy
from schemas.lifecycle import Action
from tests.schemas import cases
from tests.ticket_store.hub_case import Clock, command, opened, register
from ticket_store.batch import Decided
from ticket_store.busy import busy_reason
from ticket_store.desk import Outcome
from ticket_store.engine import connect
from ticket_store.store import Store
from ticket_store.writer import Unit


async def test_concurrent_commands_share_commits(store: Store) -> None:
    ids = [store.ids.next() for _ in range(150)]
    await asyncio.gather(*(store.desk.execute(register(one)) for one in ids))
    counters = store.writer.counters
    assert counters.jobs == 150
    assert counters.largest_group == 64
    assert counters.groups <= 4
    assert store.writer.queue_length == 0


def spoil(store: Store, bad: int) -> None:
    """Let every transaction that changes ticket `bad` run into a failing statement."""

    def follower(unit: Unit, changed: Sequence[Decided]) -> None:
        if any(one.command.ticket_id == bad for one in changed):
            unit.connection.exec_driver_sql("INSERT INTO no_such_table VALUES (1)")

    store.desk.follow(follower)


async def test_a_failing_statement_fails_only_its_own_command(store: Store) -> None:
    ids = [store.ids.next() for _ in range(8)]
    spoil(store, ids[3])
    outcomes = await asyncio.gather(
        *(store.desk.execute(register(one, f"N{one}")) for one in ids), return_exceptions=True
    )
    assert isinstance(outcomes[3], OperationalError)
    assert all(isinstance(one, Outcome) for place, one in enumerate(outcomes) if place != 3)
    assert store.writer.counters.replays == 1
    assert set(await store.tickets.heads(ids)) == set(ids) - {ids[3]}
    report = await store.audit.verify()
    assert (report.ok, report.rows) == (True, 7)


async def test_a_fault_in_one_decision_fails_only_its_own_command(store: Store) -> None:
    good, bad = store.ids.next(), store.ids.next()
    broken = register(bad).model_copy(update={"registration": None})
    outcomes = await asyncio.gather(
        store.desk.execute(register(good)), store.desk.execute(broken), return_exceptions=True
    )
    assert isinstance(outcomes[0], Outcome)
    assert isinstance(outcomes[1], AttributeError)


async def test_errands_and_commands_share_a_transaction(store: Store) -> None:
    def errand(unit: Unit) -> int:
        counted = unit.connection.exec_driver_sql("SELECT COUNT(*) FROM tickets")
        return int(counted.scalar_one())

    outcomes = await asyncio.gather(
        store.desk.execute(register(store.ids.next())), store.writer.run(errand)
    )
    assert outcomes[1] == 1  # it sees what is not committed yet
    assert store.writer.counters.groups == 1


async def test_an_asker_who_goes_away_changes_nothing(store: Store) -> None:
    ticket_id = store.ids.next()
    asker = asyncio.create_task(store.desk.execute(register(ticket_id)))
    await asyncio.sleep(0)
    asker.cancel()
    spoiled = store.ids.next()
    spoil(store, spoiled)
    gone = asyncio.create_task(store.desk.execute(register(spoiled)))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(asker, gone, return_exceptions=True)
    await store.desk.execute(command(Action.REMIND, cases.OPERATOR, ticket_id))
    head = await store.tickets.head(ticket_id)
    assert head is not None
    assert head.version == 3


async def test_what_waits_when_the_store_closes_is_written(store_file: Path, clock: Clock) -> None:
    async with opened(store_file, clock) as store:
        ids = [store.ids.next() for _ in range(100)]
        asked = [asyncio.create_task(store.desk.execute(register(one))) for one in ids]
        await asyncio.sleep(0)
        await store.writer.close()
        assert all(task.done() for task in asked)
        with pytest.raises(StoreBusy):
            await store.desk.execute(register(store.ids.next()))
    async with opened(store_file, clock, fresh=False) as store:
        assert len(await store.tickets.heads(ids)) == 100


async def pragma(store: Store, text: str) -> None:
    def errand(unit: Unit) -> None:
        unit.connection.exec_driver_sql(f"PRAGMA {text}")

    await store.writer.run(errand)


async def test_a_full_disk_is_busy_and_passes(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id))
    await pragma(store, "max_page_count=1")  # no file is made smaller: it cannot grow any more
    asked = [command(Action.REMIND, cases.OPERATOR, ticket_id, text="催" * 4000) for _ in range(40)]
    outcomes = await asyncio.gather(
        *(store.desk.execute(one) for one in asked), return_exceptions=True
    )
    assert {type(one) for one in outcomes} == {StoreBusy}
    assert "FULL" in str(outcomes[0])
    assert store.writer.counters.refused_busy == 40
    head = await store.tickets.head(ticket_id)  # reading goes on
    assert head is not None
    assert head.version == 2

    await pragma(store, "max_page_count=1073741823")
    repeated = await asyncio.gather(*(store.desk.execute(one) for one in asked))
    assert not any(one.repeated for one in repeated)


async def test_a_lock_held_too_long_is_busy(store: Store, store_file: Path) -> None:
    await pragma(store, "busy_timeout=20")
    other = sqlite3.connect(store_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    asked = register(store.ids.next())
    with pytest.raises(StoreBusy, match="BUSY") as caught:
        await store.desk.execute(asked)
    assert caught.value.retry_after_seconds > 0
    assert await store.tickets.head(asked.ticket_id) is None  # readers do not wait
    other.execute("ROLLBACK")
    other.close()
    assert not (await store.desk.execute(asked)).repeated


class _FromServer(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


def _wrapped(origin: Exception, *, invalidated: bool = False) -> DBAPIError:
    return DBAPIError("INSERT", {}, origin, connection_invalidated=invalidated)


@pytest.mark.parametrize(
    ("error", "busy"),
    [
        (ConnectionRefusedError(), True),
        (PoolTimeout(), True),
        (_wrapped(_FromServer("08006")), True),  # connection failure
        (_wrapped(_FromServer("53100")), True),  # disk full
        (_wrapped(_FromServer("57P03")), True),  # cannot connect now
        (_wrapped(_FromServer("23505")), False),  # unique violation
        (_wrapped(_FromServer("23505"), invalidated=True), True),
        (_wrapped(Exception()), False),
        (ValueError(), False),
    ],
)
def test_errors_of_a_server_are_sorted_too(error: Exception, busy: bool) -> None:
    assert (busy_reason(error) is not None) is busy


async def test_who_meets_others_again_and_again_is_told_to_come_again(store: Store) -> None:
    """A deadlock on the fifth try went to the asker as it was, who answered 500."""
    tries = 0

    def meets(_unit: Unit) -> None:
        nonlocal tries
        tries += 1
        raise _wrapped(_FromServer("40P01"))

    with pytest.raises(StoreBusy, match="same rows"):
        await store.writer.run(meets)
    assert tries == 5


async def test_a_database_that_is_away_for_reading_was_a_fault_of_the_message(
    tmp_path: Path,
) -> None:
    """The processors made dead letters of good messages, and pages failed instead of waiting."""
    database = connect(f"sqlite+aiosqlite:///{tmp_path}/no-such-folder/tickets.db")
    with pytest.raises(StoreBusy, match="CANTOPEN"):
        await database.read(lambda connection: connection.exec_driver_sql("SELECT 1").all())
    await database.close()


async def test_a_wrong_statement_is_no_busy_database(store: Store) -> None:
    with pytest.raises(OperationalError, match="no_such_table"):
        await store.database.read(lambda one: one.exec_driver_sql("SELECT * FROM no_such_table"))


def test_no_store_on_other_databases() -> None:
    with pytest.raises(ValueError, match="mysql"):
        connect("mysql+pymysql://localhost/hub")


async def test_groups_stay_single_while_nobody_else_asks(store: Store) -> None:
    for _ in range(3):
        await store.desk.execute(register(store.ids.next()))
    assert store.writer.counters.last_group == 1
    assert store.writer.counters.groups == 3
