"""Start, pause, resume and stop clocks: the table, and its projection in the store.

The table follows the events of its tickets; whatever is missing or repeated is put right by reading
the ticket's history again. The projection is saved before an event is acknowledged.
"""

import asyncio
import base64
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import faust

from schemas.events import Recorded
from schemas.evolve import HistoryBroken
from schemas.winding import Sheet, rebuild, wind
from streams.batches import Taken, in_batches
from streams.dead_letters import DeadLetters
from streams.deps import StreamDeps
from streams.waiting import when_free

_SHEETS_KEPT = 512  # of tickets with events just now; some kB each


class SlaClocks:
    def __init__(self, deps: StreamDeps, table: Any, dead_letters: DeadLetters) -> None:
        self._deps, self._table, self._dead = deps, table, dead_letters
        # what the newest texts of the table say; unpacking one costs as much as winding it
        self._read: OrderedDict[str, Sheet] = OrderedDict()

    async def prepare(self, event: Any) -> Sheet | None:
        """Wind the ticket's clocks and remember them; None when the record is a dead letter."""
        ticket_id = None
        try:
            recorded = Recorded.model_validate_json(event.value)
            ticket_id = recorded.ticket_id
            sheet = await when_free(lambda: self._wound(recorded))
        except Exception as error:  # noqa: BLE001 - one bad event must not stop all clocks
            await self._dead.of_ticket(event, error, ticket_id)
            return None
        key = str(ticket_id)
        if sheet is not None and not sheet.ended:
            self._table[key] = text = packed(sheet)
            self._remember(text, sheet)
        elif key in self._table:
            del self._table[key]  # an ended ticket is read from its history, should it go on
        return sheet

    async def _wound(self, recorded: Recorded) -> Sheet | None:
        policy = self._deps.policy()
        text = self._table.get(str(recorded.ticket_id))
        before = None if text is None else self._read.pop(text, None) or unpacked(text)
        if before is None or recorded.sequence > before.version:
            try:
                return wind(before, recorded, policy)
            except HistoryBroken:
                pass  # events are missing here: after a restart, or the ticket had ended
        # an event seen before: perhaps its clocks never reached the projection
        return rebuild(await self._deps.store.tickets.history(recorded.ticket_id), policy)

    def _remember(self, text: str, sheet: Sheet) -> None:
        self._read[text] = sheet
        if len(self._read) > _SHEETS_KEPT:
            self._read.popitem(last=False)

    async def save(self, batch: Sequence[Taken[Sheet | None]]) -> None:
        """Project the newest sheet of each ticket."""
        sheets = {
            taken.item.ticket.ticket_id: taken.item for taken in batch if taken.item is not None
        }
        await asyncio.gather(*(when_free(self._saving(sheet)) for sheet in sheets.values()))

    def _saving(self, sheet: Sheet) -> Any:
        book = self._deps.store.clocks
        return lambda: book.save(sheet.ticket.ticket_id, sheet.version, sheet.clocks)


def packed(sheet: Sheet) -> str:
    """A table holds texts, in memory: a quarter of the JSON."""
    text = sheet.model_dump_json(exclude_defaults=True)
    return base64.b64encode(zlib.compress(text.encode(), 1)).decode()


def unpacked(text: str) -> Sheet:
    return Sheet.model_validate_json(zlib.decompress(base64.b64decode(text)))


def attach(
    app: faust.App, topic: Any, table: Any, dead_letters: DeadLetters, deps: StreamDeps
) -> None:
    clocks = SlaClocks(deps, table, dead_letters)
    part = deps.progress.part("sla-clocks")

    async def keep_clocks(stream: Any) -> None:
        """Start, pause, resume and stop the clocks that an event touches."""
        await in_batches(stream, clocks.prepare, clocks.save, part)

    app.agent(topic, name="sla-clocks", concurrency=1)(keep_clocks)
