"""A city's day for somebody who looks on: it goes on until told to end, at a pace one can follow.

The lists of every desk are filled before long, and stay so: people take their time, as many
tickets come in as are done. Now and then one line says how it stands.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from hub.demo.people import People
from hub.demo.settlement import LEADER
from hub.demo.traffic import Traffic
from schemas.ticket import Source, State
from schemas.working_calendar import HUB_ZONE
from ticket_store.store import Store
from ticket_store.ticket_query import TicketQuery

# what comes in first, and how busily people begin, so that no desk is without work
_AT_ONCE, _PACE_AT_ONCE = 40, 0.05  # tickets; seconds between two
_SHARE_AT_FIRST, _FIRST_SECONDS = 0.35, 18.0
# then: of what waits, a share each round, so that a step takes a minute (more at a department)
# and can be watched
SHARE, REST_SECONDS, _HASTE_OF_DEPARTMENTS = 0.04, 2.4, 0.75
PACE_SECONDS = 6.0  # between two tickets
_SAY_SECONDS = 30.0
_DESKS: Mapping[str, frozenset[State]] = MappingProxyType(
    {
        "intake": frozenset({State.DRAFT, State.RECEIVED}),
        "dispatch": frozenset({State.ACCEPTED}),
        "departments": frozenset({State.DISPATCHED, State.ACKNOWLEDGED, State.SUSPENDED}),
        "review": frozenset({State.COMPLETED}),
        "reply": frozenset({State.AWAITING_REPLY, State.AWAITING_FOLLOW_UP, State.AWAITING_RATING}),
    }
)
_DONE = frozenset(State).difference(*_DESKS.values())
_SHORT: Mapping[Source, str] = MappingProxyType(
    {
        Source.HOTLINE12345: "12345",
        Source.PROVINCIAL: "province",
        Source.PHONE_LOG: "phone",
        Source.WEB_PORTAL: "portal",
    }
)


@dataclass(frozen=True)
class LiveDay:
    """now: for the time in each line. say: where lines for people go."""

    traffic: Traffic
    people: People
    store: Store
    now: Callable[[], datetime]
    say: Callable[[str], object]

    async def until_told(self) -> None:
        """Until SIGINT or SIGTERM."""
        async with _told() as stop:
            await self.run(stop)

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settle_in(stop))
            group.create_task(self._tell(stop))
            await self.traffic.send(_AT_ONCE, _PACE_AT_ONCE, stop)
            await self.traffic.send(None, PACE_SECONDS, stop)

    async def _settle_in(self, stop: asyncio.Event) -> None:
        self.people.share = _SHARE_AT_FIRST
        await _unless(stop, _FIRST_SECONDS)
        self.people.share, self.people.haste_of_departments = SHARE, _HASTE_OF_DEPARTMENTS

    async def _tell(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await _unless(stop, _SAY_SECONDS)
            if not stop.is_set():
                self.say(await self.line())

    async def line(self) -> str:
        """How it stands: what came in by which channel, what waits at which desk, what is done."""
        sent = self.traffic.sent
        waiting = {desk: await self._count(states) for desk, states in _DESKS.items()}
        done = await self._count(_DONE)
        came = ", ".join(f"{word} {sent[source]}" for source, word in _SHORT.items())
        waits = ", ".join(f"{desk} {number}" for desk, number in waiting.items())
        return (
            f"{self.now().astimezone(HUB_ZONE):%H:%M:%S}  in {sent.total()}: {came}"
            f"  |  waiting {sum(waiting.values())}: {waits}  |  done {done}"
        )

    async def _count(self, states: frozenset[State]) -> int:
        return (await self.store.search.count(TicketQuery(states=states), LEADER)).number


async def _unless(stop: asyncio.Event, seconds: float) -> None:
    """Let the time pass, unless it is the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


@asynccontextmanager
async def _told() -> AsyncIterator[asyncio.Event]:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
