"""The areas of a city from their file, by code and by their names in addresses; firms' codes."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from routing.catalogue_file import DATA, AddressedArea, AreasFile, CatalogueWrong, read_toml
from schemas.areas import Area, AreaTable, City
from schemas.parties import uscc_is_valid


class Areas(AreaTable):
    """Areas by code and by the names that stand in addresses."""

    def __init__(self, city: City, areas: tuple[AddressedArea, ...]) -> None:
        super().__init__(city, areas)
        self._named = {
            name: area.code for area in areas for name in (area.name, *area.aliases, *area.places)
        }
        longest_first = sorted(self._named, key=lambda name: (-len(name), name))
        self._names = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def locate(self, text: str, on: date) -> Area | None:
        """The area that a text names most often, the first of equals; longer names win."""
        codes = [
            area.code
            for found in self._names.finditer(text)
            if (area := self.current(self._named[found[0]], on)) is not None
        ]
        return self._by_code[Counter(codes).most_common(1)[0][0]] if codes else None

    def words(self) -> tuple[str, ...]:
        return tuple(self._named)


def registration_code(uscc: str | None) -> str | None:
    """The area code inside a unified social credit code (characters 3 to 8, GB 32100-2015)."""
    if uscc is None or not uscc_is_valid(uscc):
        return None
    code = uscc[2:8]
    # 100000 is the national register: it says nothing about a place
    return code if code.isdigit() and code != "100000" else None


def load_areas(file: Path | None = None) -> Areas:
    """Areas from a file, or the built-in ones.

    Raises: CatalogueWrong.
    """
    file = file or DATA / "areas.toml"
    table = read_toml(file, AreasFile)
    known = [area.code for area in table.area]
    problems = [
        f"area {code}: code: stands there twice — remove one"
        for code, times in Counter(known).items()
        if times > 1
    ]
    by_code = {area.code: area for area in table.area}
    for area in table.area:
        if area.became is not None and area.became not in by_code:
            problems.append(f"area {area.code}: became: no area {area.became} — add it or correct")
        if _turns_in_a_circle(area, by_code):
            problems.append(f"area {area.code}: became: leads back to itself — correct one of them")
        if area.valid_from and area.valid_to and area.valid_to < area.valid_from:
            problems.append(f"area {area.code}: valid_to: before valid_from — swap or correct them")
    if problems:
        raise CatalogueWrong(file, problems)
    return Areas(table.city, table.area)


def _turns_in_a_circle(area: Area, by_code: Mapping[str, Area]) -> bool:
    seen = {area.code}
    step: Area | None = area
    while step is not None and step.became is not None:
        if step.became in seen:
            return True
        seen.add(step.became)
        step = by_code.get(step.became)
    return False
