"""Who may see which tickets: one function for list, count, export and the single ticket."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, false, true

from schemas.parties import Actor, Role
from schemas.ticket import Ticket
from ticket_store.search_models import ticket_departments, ticket_rows

SEES_ALL = frozenset({Role.OPERATOR, Role.DISPATCHER, Role.REVIEWER, Role.LEADER})


class Reach(StrEnum):
    ALL = "all"
    DEPARTMENT = "department"  # tickets in which the department holds or ever held a share
    NOTHING = "nothing"  # administrators, citizens, peers, machines


@dataclass(frozen=True)
class Scope:
    reach: Reach
    department: str | None = None

    @property
    def sees_confidential(self) -> bool:
        """Whether a search by name or phone may find a citizen who asked to be kept secret."""
        return self.reach is Reach.ALL


NOTHING = Scope(Reach.NOTHING)


def scope_of(actor: Actor) -> Scope:
    if actor.has(*SEES_ALL):
        return Scope(Reach.ALL)
    if actor.has(Role.HANDLER) and actor.department:
        return Scope(Reach.DEPARTMENT, actor.department)
    return NOTHING


def within(scope: Scope) -> ColumnElement[bool]:
    """The scope as a condition on `ticket_rows`."""
    if scope.reach is Reach.ALL:
        return true()
    if scope.reach is Reach.DEPARTMENT and scope.department:
        return has_share(scope.department)
    return false()


def has_share(department: str) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            ticket_departments.c.department == department,
            ticket_departments.c.ticket_id == ticket_rows.c.ticket_id,
        )
        .correlate(ticket_rows)  # only: the statement outside may read ticket_departments, too
    )


def sees(scope: Scope, ticket: Ticket) -> bool:
    """The same for one head that is in hand."""
    if scope.reach is Reach.DEPARTMENT:
        return any(share.department == scope.department for share in ticket.assignments)
    return scope.reach is Reach.ALL
