"""The catalogue: departments, categories and areas of a city, as they are on a day."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from routing.areas import Areas, load_areas
from routing.catalogue_file import (
    DATA,
    CatalogueWrong,
    CategoriesFile,
    Department,
    DepartmentsFile,
    read_toml,
)
from routing.department_search import DepartmentSearch

DEPARTMENTS = DATA / "departments.toml"


class Catalogue:
    """Departments that exist today, and the names of those that did.

    today: the clock that decides which departments and areas are in force, as an argument.
    """

    def __init__(
        self,
        departments: tuple[Department, ...],
        areas: Areas,
        categories: tuple[str, ...],
        today: Callable[[], date],
    ) -> None:
        self.areas, self.categories, self.today = areas, categories, today
        self._by_code = {department.code: department for department in departments}
        self._search = DepartmentSearch(departments)

    def departments(self) -> tuple[Department, ...]:
        """Those that exist today, in the order of the file."""
        on = self.today()
        return tuple(each for each in self._by_code.values() if each.exists(on))

    def get(self, code: str) -> Department | None:
        """The department, abolished or not."""
        return self._by_code.get(code)

    def name(self, code: str) -> str:
        """Its name for screens, also after it was abolished; an unknown code is its own name."""
        known = self._by_code.get(code)
        return known.name if known else code

    def knows(self, code: str) -> bool:
        """Whether such a department exists today: the only ones a ticket may be dispatched to."""
        known = self._by_code.get(code)
        return known is not None and known.exists(self.today())

    def current(self, code: str) -> Department | None:
        """The department, or whoever took over from it; None when nobody did."""
        on, known = self.today(), self._by_code.get(code)
        while known is not None and not known.exists(on):
            known = self._by_code.get(known.successor) if known.successor else None
        return known

    def government(self, area_code: str) -> Department | None:
        """The government of an area: the department of last resort 兜底."""
        for department in self.departments():
            if department.last_resort and area_code in department.areas:
                return department
        return None

    def search(self, words: str, limit: int = 20) -> tuple[Department, ...]:
        """Departments that exist today, best match first; without words, the list itself.

        Every word (separated by spaces) must fit: code, name, alias, pinyin, initials, keyword
        or duty.
        """
        on = self.today()
        found = (each for each in self._search.ranked(words) if each.exists(on))
        return tuple(each for each, _ in zip(found, range(max(0, limit)), strict=False))

    def words(self) -> Iterator[str]:
        """Names that a segmenter should leave whole."""
        yield from self.areas.words()
        for department in self._by_code.values():
            yield department.name
            yield from department.aliases


def load_catalogue(
    today: Callable[[], date],
    *,
    departments: Path | None = None,
    areas: Path | None = None,
    categories: Path | None = None,
) -> Catalogue:
    """The catalogue from files; a file that is not named is the built-in one.

    Raises: CatalogueWrong.
    """
    table = load_areas(areas)
    codes = _category_codes(categories or DATA / "categories.toml")
    file = departments or DEPARTMENTS
    listed = read_toml(file, DepartmentsFile).department
    if problems := list(_problems(listed, table, frozenset(codes), today())):
        raise CatalogueWrong(file, problems)
    return Catalogue(listed, table, codes, today)


def _category_codes(file: Path) -> tuple[str, ...]:
    tree = read_toml(file, CategoriesFile).tree
    return tuple(
        code for first, below in tree.items() for code in (first, *(f"{first}/{b}" for b in below))
    )


def _problems(
    listed: tuple[Department, ...], areas: Areas, categories: frozenset[str], on: date
) -> Iterator[str]:
    """What no single entry can know of itself."""
    by_code = {department.code: department for department in listed}
    for what, values in (("code", [d.code for d in listed]), ("name", [d.name for d in listed])):
        for value, times in Counter(values).items():
            if times > 1:
                yield f"department {value}: {what}: stands there {times} times — keep one"
    for own in listed:
        yield from _problems_of(own, by_code, areas, categories, on)


def _problems_of(
    own: Department,
    by_code: dict[str, Department],
    areas: Areas,
    categories: frozenset[str],
    on: date,
) -> Iterator[str]:
    """What one department names that does not exist."""
    at = f"department {own.code}"
    words = [word for group in own.keywords.values() for word in group]
    for word, times in Counter(words).items():
        if times > 1:
            yield f"{at}: keywords: {word} has {times} weights — keep one"
    for code in own.categories:
        if code not in categories:
            yield f"{at}: categories: no category {code} — add it to the categories or correct"
    for code in own.areas:
        if areas.current(code, on) is None:
            yield f"{at}: areas: no area {code} — add it to the areas or correct"
    for limit in own.limits:
        if limit.to not in by_code or limit.to == own.code:
            yield f"{at}: limits.to: {limit.to} is no other department — correct the code"
    yield from _problems_of_standing(own, by_code)


def _problems_of_standing(own: Department, by_code: dict[str, Department]) -> Iterator[str]:
    """What its being abolished or of last resort demands."""
    at = f"department {own.code}"
    if own.last_resort and not own.areas:
        yield f"{at}: areas: a government of last resort needs its area — name it"
    if own.successor is not None and own.abolished_on is None:
        yield f"{at}: successor: the department is not abolished — add abolished_on"
    if own.successor is not None and _leads_nowhere(own, by_code):
        yield f"{at}: successor: {own.successor} leads to no department — correct the code"


def _leads_nowhere(own: Department, by_code: dict[str, Department]) -> bool:
    """The chain of successors ends at an unknown code or turns in a circle."""
    seen, step = {own.code}, own
    while step.successor is not None:
        if step.successor in seen or step.successor not in by_code:
            return True
        seen.add(step.successor)
        step = by_code[step.successor]
    return False
