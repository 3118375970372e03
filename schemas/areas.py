"""The administrative areas of a city 属地, dated: what a code stood for on a day. Pure.

A code that nobody knows is kept as it came: where a matter belongs is for a person to say, and no
reason to lose it.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import StringConstraints

from schemas.matter import Frozen

AreaCode = Annotated[str, StringConstraints(pattern=r"^\d{6}$")]
AreaName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class Area(Frozen):
    """An administrative area; its code is valid from `valid_from` to `valid_to`, both included.

    also:    codes of registers that mean this area without being in GB/T 2260.
    became:  the code that took its place; names the area of later days.
    """

    code: AreaCode
    name: AreaName
    also: tuple[AreaCode, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    became: AreaCode | None = None

    def valid(self, on: date) -> bool:
        return (self.valid_from is None or self.valid_from <= on) and (
            self.valid_to is None or on <= self.valid_to
        )


class City(Frozen):
    code: AreaCode
    name: AreaName


class AreaTable:
    """A city's areas by code.

    No `became` may lead in a circle: whoever reads the areas from a file sees to that.
    """

    def __init__(self, city: City, areas: Sequence[Area] = ()) -> None:
        self.city = city
        self._by_code = {area.code: area for area in areas}
        self._aliased = {other: area.code for area in areas for other in area.also}

    def all(self, on: date) -> tuple[Area, ...]:
        return tuple(area for area in self._by_code.values() if area.valid(on))

    def current(self, code: str, on: date) -> Area | None:
        """The area that answers for `code` on that day; None for the city itself and for others."""
        area = self._known(code)
        while area is not None and not area.valid(on):
            area = self._by_code.get(area.became) if area.became else None
        return area

    def in_force(self, code: str, on: date) -> str:
        """The code that stands for `code` on that day, or `code` itself where no area answers."""
        area = self.current(code, on)
        return area.code if area else code

    def name(self, code: str) -> str:
        """The name that `code` had or has; an unknown code is its own name."""
        if code == self.city.code:
            return self.city.name
        known = self._known(code)
        return known.name if known else code

    def inside(self, code: str) -> bool | None:
        """Whether the code lies in the city; None for a province or country that holds the city."""
        if code.startswith(self.city.code[:4]):
            return True
        return None if self.city.code.startswith(code.rstrip("0")) else False

    def _known(self, code: str) -> Area | None:
        return self._by_code.get(self._aliased.get(code, code))


# for whoever was given no table: every code is kept as it came
NO_AREAS = AreaTable(City(code="000000", name="未知"))
