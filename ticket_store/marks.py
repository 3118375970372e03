"""What a ticket is marked with: conditions of lists that no state and no to-do expresses."""

from enum import StrEnum

from schemas.ticket import ENDED, ReminderKind, Ticket


class Mark(StrEnum):
    REMINDED = "reminded"  # 催办未答复, whoever must answer
    REMINDED_FROM_ABOVE = "reminded_from_above"  # 上级催办未答复, the national platform's too
    MEDIATED = "mediated"  # 有调解: for good, from the first mediation on
    EVALUATED = "evaluated"  # 已评价: at a follow-up or by stars
    DISSATISFIED = "dissatisfied"  # 不满意
    UNRESOLVED = "unresolved"  # 未解决
    POORLY_RATED = "poorly_rated"  # 差评


POOR_STARS = 2  # of five; this many or fewer
_FROM_ABOVE = frozenset({ReminderKind.NATIONAL, ReminderKind.SUPERIOR})


def marks_of(ticket: Ticket) -> frozenset[Mark]:
    """The marks that the head tells; MEDIATED is known from the events only."""
    found = set()
    open_kinds = {one.kind for one in ticket.reminders if one.answered_at is None}
    if open_kinds and ticket.state not in ENDED:
        found.add(Mark.REMINDED)
        if open_kinds & _FROM_ABOVE:
            found.add(Mark.REMINDED_FROM_ABOVE)
    if ticket.satisfied is not None or ticket.rating is not None:
        found.add(Mark.EVALUATED)
    if ticket.satisfied is False:
        found.add(Mark.DISSATISFIED)
    if ticket.resolved is False:
        found.add(Mark.UNRESOLVED)
    if ticket.rating is not None and ticket.rating <= POOR_STARS:
        found.add(Mark.POORLY_RATED)
    return frozenset(found)
