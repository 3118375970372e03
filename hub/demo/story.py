"""What happens to one ticket of the demo's day: the same seed and ticket, the same story."""

import random
from dataclasses import dataclass

from schemas.ticket import DispatchForm


@dataclass(frozen=True)
class Story:
    """The choices people make on a ticket. Shares follow what cities publish, roughly."""

    declined: bool
    answered_directly: bool
    form: DispatchForm
    departments: tuple[str, ...]
    sent_back: bool
    feedback: int
    extension: bool
    suspended: bool
    mediated: bool
    closure_returned: bool
    satisfied: bool
    reworked: bool

    @property
    def other_department(self) -> str:
        return self.departments[-1]


_FORMS = (DispatchForm.SINGLE,) * 7 + (DispatchForm.LEAD,) * 2 + (DispatchForm.PARALLEL,)
_SHARES = {
    "declined": 0.04,
    "answered_directly": 0.05,
    "sent_back": 0.08,
    "extension": 0.06,
    "suspended": 0.02,
    "mediated": 0.10,
    "closure_returned": 0.05,
    "satisfied": 0.9,
    "reworked": 0.04,
}


def story_of(seed: int, ticket_id: int, departments: tuple[str, ...]) -> Story:
    """departments: codes of all; the last of those chosen takes over when a ticket is sent back."""
    dice = random.Random(f"{seed}:{ticket_id}")
    form = dice.choice(_FORMS)
    few = 1 if form is DispatchForm.SINGLE else dice.randint(2, 3)
    chosen = tuple(dice.sample(departments, few + 1))
    happens = {name: dice.random() < share for name, share in _SHARES.items()}
    return Story(form=form, departments=chosen, feedback=dice.choice((0, 0, 1, 1, 2)), **happens)
