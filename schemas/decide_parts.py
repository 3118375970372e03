"""What the decisions share: the facts before them, and the looks that most of them take."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from schemas import commands as cmd
from schemas import events as ev
from schemas.errors import NotEntitled, RuleBroken, UnknownTicket
from schemas.lifecycle import ASSIGNMENT, TICKET, Action
from schemas.parties import Role
from schemas.rules import Rules
from schemas.ticket import (
    Assignment,
    DispatchForm,
    Part,
    Review,
    ReviewKind,
    Ticket,
)

C = TypeVar("C", bound=cmd.Command)
E = TypeVar("E", bound=ev.Event)


@dataclass(frozen=True)
class Facts(Generic[C]):
    """The ticket as it stands, what is asked, and the rules."""

    head: Ticket | None
    command: C
    rules: Rules

    @property
    def ticket(self) -> Ticket:
        if self.head is None:
            raise UnknownTicket(f"no ticket {self.command.ticket_id}")
        return self.head

    @property
    def acts_as_handler_only(self) -> bool:
        """The table lets the actor do this only because he is a handler."""
        row = TICKET[self.ticket.state, self.command.action]
        return self.command.actor.roles & row.roles == {Role.HANDLER}

    def own_assignment(self) -> Assignment:
        """The share of the department that acts.

        Raises: NotEntitled when the actor's department has none, or he names another's.
        """
        own = self.command.actor.department
        named = getattr(self.command, "department", None) or own
        if named is None or named != own:
            raise NotEntitled(
                "a handler acts for the own department only", code="other_department",
                department=str(named), own=str(own),
            )  # fmt: skip
        if (held := self.ticket.assignment_of(named)) is None:
            raise NotEntitled(
                f"{named} has no share in this ticket", code="no_assignment", department=named
            )
        return held

    def own_assignment_for(self, action: Action) -> Assignment:
        """The own share, if the assignments' table allows `action` on it.

        Raises: NotEntitled (not ours), RuleBroken (not from this state of the share).
        """
        held = self.own_assignment()
        if (held.state, action) not in ASSIGNMENT:
            raise RuleBroken(
                f"{action} is not possible while the share is {held.state}",
                code="assignment_state", assignment_state=held.state, action=action,
            )  # fmt: skip
        return held

    def open_review(self, kind: ReviewKind) -> Review:
        """The open review of `kind` that the command decides.

        Raises: RuleBroken when there is none, or it was decided meanwhile.
        """
        review_no = getattr(self.command, "review_no", None)
        for review in self.ticket.open_reviews:
            if review.kind is kind and review_no in (None, review.review_no):
                return review
        raise RuleBroken(f"no open {kind} review", code="no_open_review", kind=kind)

    def assignments(
        self, form: DispatchForm, departments: tuple[str, ...]
    ) -> tuple[ev.NewAssignment, ...]:
        """Who gets which part.

        Raises: RuleBroken when the number does not fit the form, a department is named twice, or
        does not exist.
        """
        if len(set(departments)) != len(departments):
            raise RuleBroken("a department is named twice", code="department_twice")
        for code in departments:
            if not self.rules.knows_department(code):
                raise RuleBroken(
                    f"no department {code}", code="department_unknown", department=code
                )
        few, many, first, rest = _FORMS[form]
        if not few <= len(departments) <= many:
            raise RuleBroken(
                f"{form} dispatch takes {few} to {many} departments, not {len(departments)}",
                code="department_count", form=form,
            )  # fmt: skip
        return tuple(
            ev.NewAssignment(department=code, part=rest if place else first)
            for place, code in enumerate(departments)
        )


_FORMS = {
    DispatchForm.SINGLE: (1, 1, Part.SINGLE, Part.SINGLE),
    DispatchForm.LEAD: (2, 20, Part.LEAD, Part.ASSISTING),
    DispatchForm.PARALLEL: (2, 20, Part.PARALLEL, Part.PARALLEL),
}


def keeping(kind: type[E], facts: "Facts[C]", *names: str) -> E:
    """An event that leaves the state and takes the named fields from the command."""
    taken = {name: getattr(facts.command, name) for name in names}
    return kind(state=facts.ticket.state, **taken)
