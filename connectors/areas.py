"""Area codes 属地 as a dated table: an abolished code is read as the one that took its place.

Pure. The built-in rows are Suzhou's (GB/T 2260, and 320571, which is statistical); a test holds
that they say the same as `routing/data/areas.toml`. `AreaTable` takes other rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Area:
    """valid_from, valid_to: first and last day in force; None is open. successor: since then."""

    code: str
    name: str
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str | None = None


# [A] the day on which the merger of the inner districts and of Wujiang was announced
_MERGED = date(2012, 9, 1)
_BEFORE = date(2012, 8, 31)
_NEVER = date.min  # codes of registers that are in no standard: read as the area that they mean

SUZHOU: tuple[Area, ...] = (
    Area("320500", "苏州市"),
    Area("320502", "沧浪区", valid_to=_BEFORE, successor="320508"),
    Area("320503", "平江区", valid_to=_BEFORE, successor="320508"),
    Area("320504", "金阊区", valid_to=_BEFORE, successor="320508"),
    Area("320505", "虎丘区"),
    Area("320506", "吴中区"),
    Area("320507", "相城区"),
    Area("320508", "姑苏区", valid_from=_MERGED),
    Area("320509", "吴江区", valid_from=_MERGED),
    Area("320571", "苏州工业园区"),
    Area("320592", "张家港市", valid_to=_NEVER, successor="320582"),  # [A]
    Area("320594", "苏州工业园区", valid_to=_NEVER, successor="320571"),  # [A]
    Area("320581", "常熟市"),
    Area("320582", "张家港市"),
    Area("320583", "昆山市"),
    Area("320584", "吴江市", valid_to=_BEFORE, successor="320509"),
    Area("320585", "太仓市"),
)


class AreaTable:
    """Reads codes as of a day."""

    def __init__(self, areas: tuple[Area, ...] = SUZHOU) -> None:
        self._areas: Mapping[str, Area] = {area.code: area for area in areas}

    def in_force(self, code: str, on: date) -> str:
        """The code that stands for `code` on that day.

        Raises: ValueError when it is unknown, not in force yet, or abolished without a successor.
        """
        area = self._areas.get(code)
        if area is None:
            raise ValueError(f"unknown area code {code}")
        if area.valid_from is not None and on < area.valid_from:
            raise ValueError(f"area code {code} was not in force on {on.isoformat()}")
        if area.valid_to is None or on <= area.valid_to:
            return code
        if area.successor is None:
            raise ValueError(f"area code {code} was abolished and nothing took its place")
        return self.in_force(area.successor, on)
