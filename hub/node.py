"""The number that makes this process's ticket ids its own, held as a lease while it lives.

Two processes of one number could give two tickets one id. So a number is a lease (decision 0008):
who starts takes a free one, or waits for the one that it was told; who loses it ends.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import structlog

from hub.assembly import Hub, build
from hub.process_name import ProcessName, gone
from hub.settings import Settings
from hub.stored import utc_now
from schemas.errors import HubError, StoreBusy
from schemas.ids import NODE_BITS, TicketIds, node_of
from ticket_store.leases import Held, Lease, LeaseBook

log = structlog.get_logger(__name__)

NODE_SECONDS = 10.0  # without a beat for so long a number is free
_BEAT_SECONDS = NODE_SECONDS / 5
_LOOK_SECONDS = 0.5  # while one is waited for
_PATIENCE_SECONDS = NODE_SECONDS + 2.0
_PREFIX = "node:"


class NodeTaken(HubError):
    """Another process has this one's number, or all are taken."""


class NodeLost(HubError):
    """Another process has taken this one's number: it must end, and be started again."""


class NodeIds(TicketIds):
    """Ticket ids under a number that is held; none without it."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        super().__init__(now_ms)
        self._held: Callable[[], bool] = lambda: False

    def hold(self, node: int, held: Callable[[], bool]) -> None:
        self._node, self._held = node, held

    def next(self) -> int:
        """Raises: StoreBusy while the number is not held: the store has taken no beat."""
        if not self._held():
            raise StoreBusy("the number of this process is not held now")
        return super().next()


@dataclass(frozen=True)
class HeldNode:
    """earlier: the holder before, when it is gone for certain."""

    number: int
    lease: Lease
    earlier: str | None
    lost: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class NodeTaker:
    """Takes a number for the process `me`. is_gone: of a holder, whether it has ended for certain.

    monotonic, pause: the time, in seconds.
    """

    book: LeaseBook
    me: ProcessName
    is_gone: Callable[[str], bool]
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def take(self, wanted: int | None) -> HeldNode:
        """Take `wanted`, or the first that is free: of the gone of this place before others.

        Raises: NodeTaken when none is free after a lease's time; StoreBusy.
        """
        numbers = range(1 << NODE_BITS) if wanted is None else [wanted]
        leases = {number: self._lease(number) for number in numbers}
        begun = self.monotonic()
        while True:
            found = await self._found()
            for number in self._in_order(numbers, found):
                if await leases[number].beat():
                    return HeldNode(number, leases[number], self._earlier(found.get(number)))
            if self.monotonic() - begun > _PATIENCE_SECONDS:
                raise NodeTaken(_taken(wanted, found))
            await self.pause(_LOOK_SECONDS)

    async def keep(self, node: HeldNode) -> None:
        """Beat until another process has the number."""
        name = f"{_PREFIX}{node.number}"
        while True:
            await self.pause(_BEAT_SECONDS)
            try:
                if await node.lease.beat():
                    continue
                found = await self.book.find(name)
            except StoreBusy:  # no ids until it takes a beat again; nobody else can take one either
                continue
            if found is not None and found.holder != str(self.me):
                log.error("node lost", node=node.number, holder=_shown(found.holder))
                node.lost.set()
                return

    def _lease(self, number: int) -> Lease:
        return Lease(
            self.book,
            f"{_PREFIX}{number}",
            str(self.me),
            seconds=NODE_SECONDS,
            monotonic=self.monotonic,
            is_gone=self.is_gone,
            nobody=self.me.left,
        )

    async def _found(self) -> dict[int, Held]:
        leases = await self.book.named(_PREFIX)
        return {int(name.removeprefix(_PREFIX)): held for name, held in leases.items()}

    def _earlier(self, was: Held | None) -> str | None:
        """Its name in other leases: it has stopped delivering before it gave its number up."""
        if was is None or not self.is_gone(was.holder):
            return None
        return str(ProcessName.read(was.holder))

    def _in_order(self, numbers: Sequence[int], found: dict[int, Held]) -> list[int]:
        """A number that is taken up again brings the deliveries of its last life along."""

        def rank(number: int) -> int:
            held = found.get(number)
            if held is None:
                return 1
            return 0 if self.is_gone(held.holder) else 2

        return sorted(numbers, key=lambda number: (rank(number), number))


def _taken(wanted: int | None, found: dict[int, Held]) -> str:
    if wanted is None:
        return f"all {1 << NODE_BITS} node numbers are held by living processes: stop one of them"
    return (
        f"node {wanted} is held by {_shown(found[wanted].holder)}: stop that process, or give this "
        "one another SUTONG_NODE, or none, and it takes one that is free"
    )


def _shown(holder: str) -> str:
    name = ProcessName.read(holder)
    return f"process {name.pid} on {name.host}" if name else holder


@asynccontextmanager
async def in_service(
    settings: Settings, *, migrating: bool = False
) -> AsyncIterator[tuple[Hub, HeldNode]]:
    """A hub that may give out ticket ids, while the block runs: built, with a number of its own.

    Raises: as `build` does; NodeTaken.
    """
    ids = NodeIds(lambda: int(utc_now().timestamp() * 1000))
    hub = await build(settings, migrating=migrating, ids=ids)
    try:
        me = ProcessName.mine()
        is_gone = gone(me, one_machine=settings.database.startswith("sqlite"))
        taker = NodeTaker(hub.store.leases, me, is_gone)
        node = await taker.take(settings.node)
        hub = replace(hub, node=node.number, holder=str(me), earlier=node.earlier, is_gone=is_gone)
        given = await hub.store.tickets.ids_from(utc_now())
        if own := [one for one in given if node_of(one) == node.number]:
            log.warning("the clock is behind tickets that are there", tickets=len(given))
            ids.go_on_after(max(own))
        ids.hold(node.number, lambda: node.lease.held)
        beating = asyncio.create_task(taker.keep(node), name="node")
        try:
            yield hub, node
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            with suppress(StoreBusy):
                await node.lease.give_up()
    finally:
        await hub.close()
