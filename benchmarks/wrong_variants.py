"""Hubs that are wrong on purpose, one mistake each: the kill loop must see every one of them.

The store's writer, desk and sender are altered while a variant is in force; where a mistake matters
only when the hub dies in a certain moment, the moment is made longer.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch
from uuid import UUID

from schemas.commands import Command
from schemas.outbound import Outbound, Receipt
from streams.register import Register
from ticket_store.deliveries import OwedDelivery
from ticket_store.desk import Desk, Outcome
from ticket_store.desk_rows import Rows
from ticket_store.lane import Lane
from ticket_store.sender import Sender
from ticket_store.writer import Job, Writer

_MOMENT_SECONDS = 0.15
_LONG_MOMENT_SECONDS = 0.4


@contextmanager
def acknowledge_before_commit() -> Iterator[None]:
    """Whoever waits is answered, and only then the transaction is committed."""
    do = Writer.do

    def answer_first(self: Writer, connection: Any, group: Sequence[Job]) -> list[Any]:
        results = do(self, connection, group)
        group[0].answer.get_loop().call_soon_threadsafe(self.answer, group, results)
        time.sleep(_MOMENT_SECONDS)
        return results

    with patch.object(Writer, "do", answer_first):
        yield


@contextmanager
def mark_sent_before_sending() -> Iterator[None]:
    """A delivery is settled as delivered, and then it is sent, however that ends."""

    async def mark_first(self: Sender, lane: Lane, owed: OwedDelivery) -> None:
        await self.settle(lane, owed, Receipt(peer_code="marked"))
        with suppress(Exception):
            await self.send(lane, owed.outbound)

    with patch.object(Sender, "_try", mark_first):
        yield


@contextmanager
def no_inbox() -> Iterator[None]:
    """Nobody remembers which commands were executed."""
    execute, settle, add = Desk.execute, Register._settle, Rows.add

    def forgotten(_self: Desk, *_args: Any) -> dict[UUID, Outcome]:
        return {}

    def not_written(self: Rows, *args: Any) -> None:
        add(self, *args)
        self.inbox.clear()

    async def answer_late(self: Desk, command: Command) -> Outcome:
        outcome = await execute(self, command)
        await asyncio.sleep(_LONG_MOMENT_SECONDS)
        return outcome

    async def settle_late(self: Register, *args: Any) -> None:
        await asyncio.sleep(_LONG_MOMENT_SECONDS)
        await settle(self, *args)

    with (
        patch.object(Desk, "_repeated", forgotten),
        patch.object(Rows, "add", not_written),
        patch.object(Desk, "execute", answer_late),
        patch.object(Register, "_settle", settle_late),
    ):
        yield


class _Rekeyed(Outbound):
    """The same delivery under another key."""

    another: str

    @property
    def key(self) -> str:
        return f"{super().key}-{self.another}"


@contextmanager
def new_key_per_try() -> Iterator[None]:
    """Each try goes out under a key of its own."""

    async def send(_self: Sender, lane: Lane, outbound: Outbound) -> Receipt:
        return await lane.peer.deliver(_Rekeyed(**dict(outbound), another=secrets.token_hex(4)))

    with patch.object(Sender, "send", send):
        yield


VARIANTS: Mapping[str, Callable[[], Any]] = {
    "acknowledge-before-commit": acknowledge_before_commit,
    "mark-sent-before-sending": mark_sent_before_sending,
    "no-inbox": no_inbox,
    "new-key-per-try": new_key_per_try,
}
