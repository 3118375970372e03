"""Delivers what is owed to peers: in order per ticket and peer, no peer stalling another.

One loop a peer takes what is due and starts a task for each delivery, up to the peer's limit.
The order of steps is what loses nothing and doubles nothing: the try is counted and marked as in
doubt (take), made (send), and its end noted (settle). Killed in between, the next one asks first.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from schemas.commands import NoteRefusal
from schemas.errors import CommandRefused, StoreBusy
from schemas.ids import derived_command_id
from schemas.outbound import DeliveryState, Outbound, Receipt
from schemas.parties import Actor, Role
from ticket_store.breaker import Breaker, BreakerRule, Circuit
from ticket_store.deliveries import DeliveryBook, OwedDelivery
from ticket_store.desk import Desk, Outcome
from ticket_store.endings import Ending, ending_of
from ticket_store.lane import Deliverer, Lane
from ticket_store.schedule import Schedule

log = structlog.get_logger(__name__)
_ACTOR = Actor(actor_id="system:deliveries", roles=frozenset({Role.SYSTEM}))
_LEAST_WAIT_SECONDS = 0.01
_SET_BACK = timedelta(seconds=5)  # of a clock; less is the ordinary correction


@dataclass(frozen=True)
class SenderRules:
    """per_peer: deliveries under way at once to one peer.

    attempt_seconds: a try (asking and sending) is given up then, in doubt; the lease outlasts it.
    poll_seconds: how soon what another process committed is noticed.
    grace_seconds: how long a stop waits for tries under way.
    """

    schedule: Schedule = field(default_factory=Schedule)
    breaker: BreakerRule = field(default_factory=BreakerRule)
    per_peer: int = 4
    attempt_seconds: float = 60.0
    lease_seconds: float = 90.0
    poll_seconds: float = 1.0
    grace_seconds: float = 3.0


class Sender:
    """The steps of a try (take, send, settle) are methods of their own, in that order."""

    def __init__(
        self,
        book: DeliveryBook,
        desk: Desk,
        peers: Mapping[str, Deliverer],
        *,
        holder: str,
        now: Callable[[], datetime],
        rng: random.Random,
        rules: SenderRules | None = None,
    ) -> None:
        """holder: names this process in leases. rng: spreads the waits."""
        self._book, self._desk = book, desk
        self._holder, self._now, self._rng = holder, now, rng
        self._rules = rules or SenderRules()
        self._stopping = False
        self._ended: asyncio.Event | None = None  # while it runs
        self.lanes = {
            name: Lane(name, peer, Breaker(self._rules.breaker, now))
            for name, peer in peers.items()
        }
        desk.on_commit(self.notice)

    def notice(self, outcomes: Sequence[Outcome]) -> None:
        """Wake the lanes of the peers that something is owed to now."""
        for outcome in outcomes:
            self.wake(outcome.owed)

    def wake(self, destinations: Iterable[str] | None = None) -> None:
        """Look at once for what is due; to all peers when none is named."""
        for name in self.lanes if destinations is None else destinations:
            if (lane := self.lanes.get(name)) is not None:
                lane.wake.set()

    async def recover(self, earlier: str | None = None) -> int:
        """Before `run`, for a holder that is alone: take up at once what its last life left.

        earlier: the name of another holder that is gone for certain.
        Raises: RuntimeError while it runs: the leases would be those of tries under way.
        """
        if self._ended is not None and not self._ended.is_set():
            raise RuntimeError("leases are given up before the sender runs, not while it does")
        lost = {self._holder, earlier} if earlier else {self._holder}
        return sum([await self._book.recover(holder, self._now()) for holder in sorted(lost)])

    async def run(self) -> None:
        """Deliver until `stop`."""
        self._ended = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                for lane in self.lanes.values():
                    group.create_task(self._run_lane(lane), name=f"deliveries-{lane.destination}")
        finally:
            await self._drain()
            self._ended.set()

    async def stop(self) -> None:
        """Begin no more tries; wait a little for those under way, then leave them in doubt."""
        self._stopping = True
        self.wake()
        if self._ended is not None:
            await self._ended.wait()

    async def _drain(self) -> None:
        under_way = [task for lane in self.lanes.values() for task in lane.tries]
        if not under_way:
            return
        _, late = await asyncio.wait(under_way, timeout=self._rules.grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def take(self, lane: Lane, limit: int) -> list[OwedDelivery]:
        """Step one: count the tries that are about to be made."""
        return await self._book.take(
            lane.destination,
            self._now(),
            self._holder,
            self._rules.lease_seconds,
            limit,
            self._rules.schedule.most_attempts,
        )

    async def send(self, lane: Lane, outbound: Outbound) -> Receipt:
        """Step two: the call that has an effect at the peer."""
        return await lane.peer.deliver(outbound)

    async def settle(self, lane: Lane, owed: OwedDelivery, ended: Receipt | Ending) -> None:
        """Step three: note how it ended."""
        if isinstance(ended, Receipt):
            await self._book.settle(owed, DeliveryState.DELIVERED, receipt=ended)
            return
        state, next_try_at = ended.state, None
        if state in (DeliveryState.PENDING, DeliveryState.UNCERTAIN):
            wait = self._rules.schedule.wait(owed.attempts, self._rng)
            if wait is None:
                state = DeliveryState.DEAD
            else:
                next_try_at = self._now() + wait
        if state is DeliveryState.REFUSED:
            await self._note_refusal(owed, ended)  # first: its repeat is harmless, its loss not
        settled = await self._book.settle(
            owed,
            state,
            receipt=Receipt(peer_code=ended.peer_code),
            next_try_at=next_try_at,
            detail=ended.detail,
            in_doubt=ended.in_doubt,
        )
        if settled and state is DeliveryState.HELD:
            log.error("credentials refused", peer=lane.destination, peer_code=ended.peer_code)
        elif settled and state is DeliveryState.DEAD:
            log.error("delivery dead", peer=lane.destination, ticket_id=owed.outbound.ticket_id)

    async def _run_lane(self, lane: Lane) -> None:
        while not self._stopping:
            lane.wake.clear()
            try:
                await self._mind_the_clock(lane)
                if not await self._start_due(lane):
                    await self._wait(lane)
            except StoreBusy:
                await _until(lane.wake, self._rules.poll_seconds)
            except Exception:  # a lane must not end before the hub does
                log.exception("lane failed", peer=lane.destination)
                await _until(lane.wake, self._rules.poll_seconds)

    async def _mind_the_clock(self, lane: Lane) -> None:
        """What waits for a later time waits for one that is far off once the clock is set back."""
        now, longest = self._now(), None
        if lane.seen is None:  # it may have been set back while nobody looked
            longest = self._rules.schedule.longest
        elif lane.seen - now > _SET_BACK:
            log.warning("clock was set back", seconds=(lane.seen - now).total_seconds())
            longest = timedelta(0)
        if longest is not None:
            await self._book.bring_near(lane.destination, now, longest, self._rules.lease_seconds)
        lane.seen = now

    async def _start_due(self, lane: Lane) -> int:
        """Start tries for what is due and has room; returns how many."""
        room = self._rules.per_peer - len(lane.tries)
        if lane.breaker.circuit is Circuit.OPEN:
            room = 0
        elif lane.breaker.circuit is Circuit.HALF_OPEN:
            room = 0 if lane.tries else 1
        if room <= 0:
            return 0
        taken = await self.take(lane, room)
        for owed in taken:
            # a clock that was set forward ends leases early: what we are at ourselves we know
            if owed.outbound.key in lane.keys:
                continue
            lane.keys.add(owed.outbound.key)
            task = asyncio.create_task(self._try(lane, owed))
            lane.tries.add(task)
            task.add_done_callback(partial(_let_go, lane, owed.outbound.key))
        return len(taken)

    async def _try(self, lane: Lane, owed: OwedDelivery) -> None:
        lane.tried += 1
        asking = owed.state is DeliveryState.UNCERTAIN
        ended: Receipt | Ending
        try:
            async with asyncio.timeout(self._rules.attempt_seconds):
                arrived = await lane.peer.ask(owed.outbound) if asking else None
                asking = False
                ended = arrived or await self.send(lane, owed.outbound)
        except Exception as error:  # noqa: BLE001  every error is an ending of the try
            ended = ending_of(error, asking=asking)
        with contextlib.suppress(StoreBusy):  # the lease runs out, and the peer is asked
            await self.settle(lane, owed, ended)
        await self._judge(lane, ended)

    async def _judge(self, lane: Lane, ended: Receipt | Ending) -> None:
        """Tell the breaker, and the log once when a peer is lost or back."""
        if isinstance(ended, Receipt):
            lane.delivered += 1
        else:
            lane.failed += 1
            if ended.silent is None:
                return
            if ended.silent:
                if lane.breaker.failed():
                    log.warning("peer lost", peer=lane.destination, peer_code=ended.peer_code)
                return
        if lane.breaker.succeeded():
            log.info("peer back", peer=lane.destination)
            with contextlib.suppress(StoreBusy):
                await self._book.hasten(lane.destination, self._now())

    async def _note_refusal(self, owed: OwedDelivery, ended: Ending) -> None:
        outbound = owed.outbound
        command = NoteRefusal(
            command_id=derived_command_id(outbound.at, "peer_refused", outbound.key, owed.replays),
            ticket_id=outbound.ticket_id,
            actor=_ACTOR,
            at=self._now(),
            destination=outbound.destination,
            peer_code=ended.peer_code,
            detail=ended.detail,
        )
        try:
            await self._desk.execute(command)
        except CommandRefused as refusal:  # a ticket that is full; the delivery's row says it too
            log.warning("refusal not noted", ticket_id=outbound.ticket_id, code=refusal.code)

    async def _wait(self, lane: Lane) -> None:
        """Until something may be due: told so, or by time."""
        seconds = self._rules.poll_seconds
        if (to_probe := lane.breaker.seconds_to_probe()) > 0:
            seconds = min(seconds, to_probe)
        elif len(lane.tries) < self._rules.per_peer:
            due = await self._book.next_due(lane.destination)
            if due is not None and (left := (due - self._now()).total_seconds()) > 0:
                seconds = min(seconds, left)
        await _until(lane.wake, max(seconds, _LEAST_WAIT_SECONDS))


async def _until(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _let_go(lane: Lane, key: str, done: asyncio.Task[None]) -> None:
    lane.tries.discard(done)
    lane.keys.discard(key)
    lane.wake.set()
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("try failed", peer=lane.destination, error=type(error).__name__)
