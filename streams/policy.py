"""Limits and calendar as they stand now: read again when another process has imported a notice."""

from collections.abc import Sequence

from schemas.card_policy import CardPolicy
from schemas.sla import LimitRule
from schemas.winding import ClockPolicy, MovedClock, rewind
from ticket_store.calendars import CalendarBook
from ticket_store.clocks import ClockBook

_PAGE = 200  # tickets


class CurrentPolicy:
    """Called for the policy by the processors; kept fresh by a loop of the worker."""

    def __init__(
        self, book: CalendarBook, rules: Sequence[LimitRule], cards: CardPolicy, now: ClockPolicy
    ) -> None:
        self._book, self._rules, self._cards = book, tuple(rules), cards
        self._policy = now

    def __call__(self) -> ClockPolicy:
        return self._policy

    async def refresh(self) -> bool:
        """Read the calendar; False, as a loop's round that leaves nothing to do at once."""
        self._policy = ClockPolicy(self._rules, await self._book.load(), self._cards)
        return False


async def current_policy(
    book: CalendarBook, rules: Sequence[LimitRule], cards: CardPolicy
) -> CurrentPolicy:
    policy = ClockPolicy(tuple(rules), await book.load(), cards)
    return CurrentPolicy(book, rules, cards, policy)


async def recount_open_clocks(book: ClockBook, policy: ClockPolicy) -> list[MovedClock]:
    """After a notice was imported: save the deadlines that it changes, and say which they are.

    A ticket that changes meanwhile is counted on the new calendar by its own event, whose version
    is the newer one and stays. Safe to repeat: what is up to date does not move.
    """
    moved: list[MovedClock] = []
    after = 0
    while page := await book.open_tickets(after, _PAGE):
        held = await book.of([ticket_id for ticket_id, _ in page])
        for ticket_id, version in page:
            changes = rewind(held[ticket_id], policy)
            if changes:
                fresh = {change.after.clock_id: change.after for change in changes}
                clocks = [fresh.get(clock.clock_id, clock) for clock in held[ticket_id]]
                if await book.save(ticket_id, version, clocks):
                    moved += changes
        after = page[-1][0]
    return moved
