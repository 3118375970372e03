"""A lease by heartbeat: whoever holds it counts its beat on; who sees no beat for a while takes it.

No clock of any machine is compared with another's: the database keeps a number, and each process
measures with its own monotonic clock how long that number has stood.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from ticket_store.book import Book
from ticket_store.engine import Database
from ticket_store.lease_models import leases
from ticket_store.statements import Statement
from ticket_store.upsert import insert_missing
from ticket_store.writer import Writer

_LEASE = leases.c
_NOBODY = ""  # holds a lease that was given up


@dataclass(frozen=True)
class Held:
    """A lease as it was read."""

    holder: str
    beat: int


class LeaseBook(Book):
    def __init__(self, database: Database, writer: Writer) -> None:
        super().__init__(database, writer)
        dialect = database.dialect
        self._find = Statement(
            select(_LEASE.holder, _LEASE.beat).where(_LEASE.name == bindparam("wanted")), dialect
        )
        self._named = Statement(
            select(_LEASE.name, _LEASE.holder, _LEASE.beat).where(
                _LEASE.name.startswith(bindparam("begins"))
            ),
            dialect,
        )
        self._add = Statement(insert_missing(dialect, leases), dialect, leases.c.keys())
        self._take = Statement(
            update(leases)
            .where(
                _LEASE.name == bindparam("wanted"),
                _LEASE.holder == bindparam("was_holder"),
                _LEASE.beat == bindparam("was_beat"),
            )
            .values(holder=bindparam("new_holder"), beat=bindparam("new_beat")),
            dialect,
        )

    async def find(self, name: str) -> Held | None:
        """Raises: StoreBusy."""
        rows = await self._read(lambda connection: self._find.rows(connection, wanted=name))
        return Held(rows[0].holder, rows[0].beat) if rows else None

    async def named(self, prefix: str) -> dict[str, Held]:
        """All leases whose names begin so. Raises: StoreBusy."""
        rows = await self._read(lambda connection: self._named.rows(connection, begins=prefix))
        return {row.name: Held(row.holder, row.beat) for row in rows}

    async def take(self, name: str, holder: str, was: Held | None) -> Held | None:
        """The lease, `holder`'s from now on; None when it is not any more as it `was`.

        Raises: StoreBusy.
        """
        beat = 0 if was is None else was.beat + 1
        if was is None:
            done = await self._write(
                lambda connection: self._add.run(connection, name=name, holder=holder, beat=beat)
            )
        else:
            done = await self._write(
                lambda connection: self._take.run(
                    connection,
                    wanted=name,
                    was_holder=was.holder,
                    was_beat=was.beat,
                    new_holder=holder,
                    new_beat=beat,
                )
            )
        return Held(holder, beat) if done == 1 else None


class Lease:
    """One process's view of one lease. `seconds`: without a beat for so long it is free.

    A holder counts itself out after half of that, long before anybody takes over.
    is_gone: of a holder, whether it has ended for certain, so that nobody need wait.
    nobody: what stands in a lease that was given up.
    """

    def __init__(
        self,
        book: LeaseBook,
        name: str,
        holder: str,
        *,
        seconds: float,
        monotonic: Callable[[], float],
        is_gone: Callable[[str], bool] = lambda holder: False,
        nobody: str = _NOBODY,
    ) -> None:
        self._book, self._name, self._holder = book, name, holder
        self._is_gone, self._nobody = is_gone, nobody
        self._seconds, self._monotonic = seconds, monotonic
        self._seen: Held | None = None
        self._since = 0.0  # when what is seen was seen first
        self._until = float("-inf")

    @property
    def held(self) -> bool:
        return self._monotonic() < self._until

    async def beat(self) -> bool:
        """Renew or try to take; whether it is held. Call it every quarter of `seconds`.

        Raises: StoreBusy; what is held then runs out by itself.
        """
        begun = self._monotonic()
        found = await self._book.find(self._name)
        free = (
            found is None or found.holder in {self._holder, _NOBODY} or self._is_gone(found.holder)
        )
        if not free and not self._stands(found, begun):
            self._until = float("-inf")
            return False
        taken = await self._book.take(self._name, self._holder, found)
        # counted from before the write: it may have taken long
        self._until = begun + self._seconds / 2 if taken else float("-inf")
        self._seen = taken
        return self.held

    def _stands(self, found: Held | None, now: float) -> bool:
        """Whether somebody else's beat has stood for the whole time."""
        if found != self._seen:
            self._seen, self._since = found, now
        return now - self._since >= self._seconds

    async def give_up(self) -> None:
        """Let the next one take over at once. Raises: StoreBusy."""
        if self.held and self._seen is not None:
            self._until = float("-inf")
            await self._book.take(self._name, self._nobody, self._seen)
