"""The few numbers that decisions depend on; a city sets its own."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """extensions_allowed: granted extensions a ticket may have (default once [A]).

    send_backs_before_ruling: after so many granted send-backs the next one that is asked goes to a
    leader for the final ruling 终裁 (domain.md: the second send-back of a ticket).
    knows_department: whether a department code exists today.
    """

    extensions_allowed: int = 1
    send_backs_before_ruling: int = 1
    knows_department: Callable[[str], bool] = lambda _code: True
