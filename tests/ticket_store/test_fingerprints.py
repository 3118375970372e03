"""What counts as asking for the same again, and that the store keeps it with the id."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.errors import CommandRefused
from schemas.lifecycle import Action
from tests.schemas import cases
from tests.ticket_store.hub_case import START, Clock, command, opened, register
from ticket_store.fingerprints import asks_for_other, fingerprint
from ticket_store.store import Store


def test_who_when_and_why_may_differ() -> None:
    first = command(Action.REMIND, cases.OPERATOR, 5 << 20, text="请尽快")
    again = first.model_copy(
        update={"at": START + timedelta(days=1), "cause": "m:7", "actor": cases.MACHINE}
    )
    assert len(fingerprint(first)) == 16
    assert fingerprint(again) == fingerprint(first)
    assert not asks_for_other(fingerprint(first), again)
    assert not asks_for_other(None, again), "what is not known any more cannot differ"
    for changes in ({"text": "请"}, {"ticket_id": 6 << 20}, {"expected_version": 3}):
        assert asks_for_other(fingerprint(first), first.model_copy(update=changes))


def test_a_new_ticket_is_told_by_its_body() -> None:
    first, later = register(5 << 20, "N1"), register(6 << 20, "N1", at=START + timedelta(hours=1))
    received = later.registration.model_copy(update={"received_at": START + timedelta(hours=1)})
    assert fingerprint(later.model_copy(update={"registration": received})) == fingerprint(first)
    assert fingerprint(register(5 << 20, "N2")) != fingerprint(first)
    assert fingerprint(register(5 << 20, "N1", accept=False)) != fingerprint(first)


async def test_the_first_one_is_kept_with_the_id(store_file: Path, clock: Clock) -> None:
    async with opened(store_file, clock) as store:
        ticket_id = store.ids.next()
        asked = register(ticket_id)
        first = await store.desk.execute(asked)
        wrong = command(Action.COMPLETE, cases.handler("d1"), ticket_id)
        with pytest.raises(CommandRefused) as refused:
            await store.desk.execute(wrong)
        assert refused.value.fingerprint is None, "it is no repeat"
    async with opened(store_file, clock, fresh=False) as store:
        again = await store.desk.execute(asked)
        assert first.fingerprint == again.fingerprint == fingerprint(asked)
        other = wrong.model_copy(update={"result": "别的"})
        with pytest.raises(CommandRefused) as refused:
            await store.desk.execute(other)
        assert refused.value.fingerprint == fingerprint(wrong)
    with closing(sqlite3.connect(store_file)) as file, file:
        file.execute("UPDATE inbox SET fingerprint = NULL")  # as a row of an early release
    async with opened(store_file, clock, fresh=False) as store:
        assert (await store.desk.execute(asked)).fingerprint is None


async def test_a_repeat_within_the_group_is_told_too(store: Store) -> None:
    ticket_id = store.ids.next()
    await store.desk.execute(register(ticket_id))
    first = command(Action.REMIND, cases.OPERATOR, ticket_id, text="一")
    other = first.model_copy(update={"text": "二"})
    wrong = command(Action.COMPLETE, cases.handler("d1"), ticket_id)
    results = await store.writer.run(
        lambda unit: store.desk.execute_group(unit, [first, other, wrong, wrong])
    )
    assert [one.fingerprint for one in results] == [
        fingerprint(first), fingerprint(first), None, fingerprint(wrong),
    ]  # fmt: skip
