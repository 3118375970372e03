"""What goes wrong at a simulated peer on purpose: seeded, so that a run can be repeated."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Fault(StrEnum):
    UNAVAILABLE = "unavailable"  # 503 (SOAP: Server fault), and nothing is done
    SLOW = "slow"  # answers after `slow_seconds`
    ANSWER_LOST = "answer_lost"  # applied, then the connection is closed without an answer
    DUPLICATE = "duplicate"  # the same message is sent once more
    STALE = "stale"  # an older version is sent after a newer one
    ECHO = "echo"  # our own update is mirrored back
    GARBAGE = "garbage"  # a body off the contract, beside the good ones
    WRONG_CLOCK = "wrong_clock"  # the peer's times are off by `clock_error_seconds`


@dataclass(frozen=True)
class FaultPlan:
    """The share (0 to 1) of calls or messages that each fault strikes."""

    unavailable: float = 0.0
    slow: float = 0.0
    answer_lost: float = 0.0
    duplicate: float = 0.0
    stale: float = 0.0
    echo: float = 0.0
    garbage: float = 0.0
    wrong_clock: float = 0.0
    slow_seconds: float = 0.4
    clock_error_seconds: float = 60.0


PLANS: Mapping[str, FaultPlan] = MappingProxyType(
    {
        "none": FaultPlan(),
        "some": FaultPlan(
            unavailable=0.05,
            slow=0.02,
            answer_lost=0.03,
            duplicate=0.05,
            stale=0.02,
            echo=0.5,
            garbage=0.005,
            wrong_clock=0.02,
        ),
        "hard": FaultPlan(
            unavailable=0.15,
            slow=0.05,
            answer_lost=0.10,
            duplicate=0.20,
            stale=0.10,
            echo=1.0,
            garbage=0.02,
            wrong_clock=0.10,
        ),
    }
)


class Faults:
    """Rolls the dice of one peer and counts what struck.

    `next_only(fault)` lets a test strike exactly once, whatever the plan says.
    """

    def __init__(self, plan: FaultPlan, rng: random.Random) -> None:
        self.plan = plan
        self.struck: Counter[Fault] = Counter()
        self._rng = rng
        self._ordered: Counter[Fault] = Counter()

    def next_only(self, fault: Fault, times: int = 1) -> None:
        """Let `fault` strike at its next `times` chances."""
        self._ordered[fault] += times

    def stop(self) -> None:
        """From now on nothing goes wrong: lets a demo come to its end."""
        self.plan = FaultPlan()
        self._ordered.clear()

    def strikes(self, fault: Fault) -> bool:
        if self._ordered[fault]:
            self._ordered[fault] -= 1
        elif not self._rolls(fault):
            return False
        self.struck[fault] += 1
        return True

    def _rolls(self, fault: Fault) -> bool:
        share: float = getattr(self.plan, fault.value)
        return share > 0 and self._rng.random() < share
