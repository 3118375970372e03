"""What goes on round a running hub: traffic comes in, people work, citizens rate, peers push.

The hub is reached over HTTP only; the store is read beside it, so it may run anywhere.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from hub.demo.peers.web_portal import Taken
from hub.demo.settlement import LEADER
from hub.demo.town import Town
from hub.demo.traffic import Traffic
from schemas.outbound import DeliveryState
from schemas.ticket import State
from ticket_store.store import Store
from ticket_store.ticket_query import TicketQuery

_WAITS = (DeliveryState.PENDING, DeliveryState.UNCERTAIN, DeliveryState.HELD)
_LOOK_SECONDS = 0.2
_RESULTS_SECONDS = 1.0  # the folder of results is long at the end of a day
_LAST_WORDS_SECONDS = 10.0  # for calls that are under way at the end
_MAY_RATE = "AWAITING_RATING"  # as the portal's callback says it
_RATED = 5, 4, 3, 5, 2, 5, 4  # what citizens give, in turn


class Workers(Protocol):
    """Who works in the centre and the departments: hub.demo.people.People, or nobody out here."""

    @property
    def states(self) -> tuple[str, ...]:
        """In which a ticket waits for them."""

    async def work_once(self) -> int:
        """Do what waits; how many acts."""


@dataclass
class CityLife:
    """rest_seconds: of the people between two rounds."""

    town: Town
    traffic: Traffic
    people: Workers
    store: Store
    hub_url: str
    now: Callable[[], datetime]
    look_seconds: float = _LOOK_SECONDS
    rest_seconds: float = 0.0
    _rated: set[str] = field(default_factory=set)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, sending: Coroutine[Any, Any, None], limit_seconds: float) -> list[str]:
        """Live until `sending` is done and all is settled; what was not settled in time, in words.

        limit_seconds: after `sending` has ended.
        """
        self.town.portal.connect(self.hub_url)
        async with asyncio.TaskGroup() as group:
            living = [
                group.create_task(self._push()),
                group.create_task(self._work()),
                group.create_task(self._rate()),
                group.create_task(self._read_results()),
            ]
            await sending
            left = await self._until_settled(limit_seconds)
            self._over.set()
            _, late = await asyncio.wait(living, timeout=_LAST_WORDS_SECONDS)
            for task in late:
                task.cancel()
        self._over.clear()
        return left

    async def unsettled(self) -> list[str]:
        """What still waits for somebody, in words; looked for in the order in which it goes on."""
        inbound, found = self.store.inbound, await self.town.unread(self.store.inbound)
        if waiting := (await inbound.tally())["waiting"]:
            found.append(f"{waiting} messages without outcome")
        waits = frozenset({*map(State, self.people.states), State.AWAITING_RATING})
        for peer in self.town.names:  # a store may hold what other towns left
            query = TicketQuery(states=waits, peer=peer)
            if count := (await self.store.search.count(query, LEADER)).number:
                found.append(f"{count} tickets of {peer} that wait for people")
        # last: what the looks above saw on its way has become a delivery by now
        owed = await self.store.deliveries.owed_counts()
        for peer in self.town.names:
            states = owed.get(peer, {})
            found += [f"{states[one]} {one} for {peer}" for one in _WAITS if states.get(one)]
        if behind := await self.store.clocks.behind(self.now(), 1000):
            found.append(f"clocks of {len(behind)} tickets")
        return found

    async def _until_settled(self, limit_seconds: float) -> list[str]:
        ends = asyncio.get_running_loop().time() + limit_seconds
        while True:
            left = await self.unsettled()
            if not left or asyncio.get_running_loop().time() > ends:
                return left
            await asyncio.sleep(self.look_seconds)

    async def _rest(self, seconds: float) -> None:
        """Until the time is up, or all is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    async def _push(self) -> None:
        while not self._over.is_set():
            await self.town.hotline.push_waiting(self.hub_url, self.town.hotline_name)
            await self._rest(self.look_seconds)

    async def _work(self) -> None:
        while not self._over.is_set():
            acts = await self.people.work_once()
            await self._rest(self.rest_seconds if acts else self.look_seconds)

    async def _rate(self) -> None:
        """Whoever is told by the portal that he may rate does so.

        Only what has arrived since is looked at: the book of a whole day is long.
        """
        portal, read = self.town.portal, 0
        asked: set[str] = set()  # numbers that were told, whether the citizen knows his yet or not
        while not self._over.is_set():
            fresh, read = portal.book.arrived[read:], len(portal.book.arrived)
            asked = {
                number
                for number in asked.union(fresh)
                if number not in self._rated and portal.book.state_of(number) == _MAY_RATE
            }
            known = [portal.by_number[number] for number in asked if number in portal.by_number]
            await asyncio.gather(*map(self._rate_one, known))
            await self._rest(self.look_seconds)

    async def _rate_one(self, taken: Taken) -> None:
        if "rate" in (await self.town.portal.progress(taken))["can"]:
            rating = _RATED[len(self._rated) % len(_RATED)]
            self._rated.add(taken.ticket_no)
            await self.town.portal.rate(taken, rating, "谢谢")

    async def _read_results(self) -> None:
        while not self._over.is_set():
            self.town.switch.read_results()
            await self._rest(max(self.look_seconds, _RESULTS_SECONDS))
