"""What the streams missed is put on its topic again: clocks behind their ticket, tickets without a
proposal. (Bodies without an outcome are offered again by the relay.) Bounded a round."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog

from schemas.events import Recorded
from streams.assign import wants_proposal
from streams.deps import StreamDeps
from streams.progress import Part

log = structlog.get_logger(__name__)

LIMIT = 100
_LONGEST_REST = timedelta(hours=1)


class Attempts:
    """Who is offered again: after a rest that doubles, so that one bad ticket spins nothing."""

    def __init__(self, first_rest: timedelta) -> None:
        self._first_rest = first_rest
        self._tried: dict[int, tuple[int, datetime]] = {}

    def ripe(self, ids: Iterable[int], now: datetime) -> list[int]:
        """Those whose rest is over; whoever is not named any more is forgotten."""
        known = {one: self._tried.get(one, (0, now)) for one in ids}
        ripe = [one for one, (_, at) in known.items() if at <= now]
        for one in ripe:
            tries = known[one][0] + 1
            rest = min(self._first_rest * 2.0 ** min(tries - 1, 16), _LONGEST_REST)
            known[one] = (tries, now + rest)
        self._tried = known
        return ripe


class Sweeps:
    def __init__(self, deps: StreamDeps, events: Any, part: Part) -> None:
        self._deps, self._events, self._part = deps, events, part
        rest = timedelta(seconds=deps.timing.reoffer)
        self._clocks, self._proposals = Attempts(rest), Attempts(rest)

    async def once(self) -> bool:
        deps, now = self._deps, self._deps.now()
        before = now - timedelta(seconds=deps.timing.reoffer)
        behind = [ticket_id for ticket_id, _ in await deps.store.clocks.behind(before, LIMIT)]
        waiting = await deps.store.tickets.waiting_for_proposal(before, LIMIT)
        self._part.owes(len(behind))
        await self._offer(self._clocks.ripe(behind, now), lambda _: True)
        await self._offer(
            self._proposals.ripe(waiting, now), lambda recorded: wants_proposal(recorded.event)
        )
        return False

    async def _offer(self, ids: list[int], fits: Callable[[Recorded], bool]) -> None:
        """The last event that fits is enough: the processors read the history themselves."""
        for ticket_id in ids:
            history = await self._deps.store.tickets.history(ticket_id)
            recorded = next((one for one in reversed(history) if fits(one)), None)
            if recorded is not None:
                await (
                    await self._events.send(
                        key=str(ticket_id), value=recorded.model_dump_json().encode()
                    )
                )
        if ids:
            log.info("offered again", tickets=len(ids))
