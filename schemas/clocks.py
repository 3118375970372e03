"""Clock: one running time limit of a ticket, as it is shown and as its next firing is found."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from schemas.matter import Frozen
from schemas.sla import Step
from schemas.working_time import Limit, Pause

# Until when a department may send back, or a citizen rate, is nobody's duty: nothing is late by it.
NO_DUTY = frozenset({Step.SEND_BACK, Step.RATING})


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"  # 挂起: never fires until it runs again
    STOPPED = "stopped"  # the step is done, or no longer wanted


class Level(StrEnum):
    """What a clock sets off; each fires once an episode."""

    NEAR = "near"  # 预警
    OVER = "over"  # 超期
    REMINDER = "reminder"  # 系统催办


class Clock(Frozen):
    """One step's limit for one ticket, or for one department's share of it.

    Made by schemas.winding only; the store keeps it whole, as a projection found by `next_at`.
    about:        what it belongs to besides the department: round of dispatch, number of a review.
    ordered:      a stricter limit set by the dispatcher; it competes with the rows of the table.
    remind_at:    when the hub reminds by itself; None: this step is not reminded of.
    episode:      counts granted extensions: after one, every level may fire once more.
    rule_id:      the row of the table of limits that applies.
    next_at:      the next instant at which something must fire; None when nothing is left to fire.
    fired:        what has fired already, by name; each fires once.
    paused_at:    since when it is paused; None while it runs.
    pauses:       pauses that have ended.
    extension_working_days: granted so far, all together.
    arithmetic:   how due_at came about (schemas.sla.Arithmetic.as_texts).
    provisional:  due_at depends on a calendar year without a published notice.
    """

    clock_id: str = Field(min_length=1, max_length=120)  # stable: the same step, the same id
    ticket_id: int
    step: Step
    department: str | None = None
    about: int = 0
    rule_id: str
    ordered: Limit | None = None
    started_at: AwareDatetime
    due_at: AwareDatetime
    warn_at: AwareDatetime
    remind_at: AwareDatetime | None = None
    next_at: AwareDatetime | None = None
    state: ClockState = ClockState.RUNNING
    fired: tuple[Level, ...] = ()
    episode: int = Field(default=0, ge=0)
    paused_at: AwareDatetime | None = None
    stopped_at: AwareDatetime | None = None
    pauses: tuple[Pause, ...] = ()
    extension_working_days: int = Field(default=0, ge=0)
    arithmetic: dict[str, str] = Field(default_factory=dict)
    provisional: bool = False

    @property
    def is_open(self) -> bool:
        return self.state is not ClockState.STOPPED

    @property
    def obliges(self) -> bool:
        """Whether somebody is late once it is over."""
        return self.step not in NO_DUTY
