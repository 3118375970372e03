"""The files of the catalogue: their shape, and errors that name file, entry, key and remedy."""

import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, StringConstraints, ValidationError

from schemas.areas import Area, AreaCode, City
from schemas.errors import HubError
from schemas.matter import Frozen

DATA = Path(__file__).parent / "data"

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
M = TypeVar("M", bound=BaseModel)


class CatalogueWrong(HubError):
    """A file of the catalogue cannot be used. Each problem names its entry, key and remedy."""

    def __init__(self, file: Path, problems: Sequence[str]) -> None:
        super().__init__("; ".join(f"{file.name}: {problem}" for problem in problems))
        self.file, self.problems = file, tuple(problems)


class Limit(Frozen):
    """Words that look like the department's matter and are another's."""

    words: tuple[Word, ...] = Field(min_length=1)
    to: Code
    text: Word  # Chinese, shown as a reason


class Department(Frozen):
    """A handling department 承办部门; departments.toml explains the keys."""

    code: Code
    name: Word
    aliases: tuple[Word, ...] = ()
    duties: tuple[Word, ...] = Field(min_length=1)
    keywords: dict[Annotated[int, Field(ge=1, le=5)], tuple[Word, ...]] = Field(
        default_factory=dict
    )
    categories: tuple[Word, ...] = ()
    areas: tuple[AreaCode, ...] = ()
    limits: tuple[Limit, ...] = ()
    volume: float = Field(default=1.0, gt=0, le=10)
    last_resort: bool = False
    abolished_on: date | None = None
    successor: Code | None = None

    def exists(self, on: date) -> bool:
        """Abolished on a day means gone from that day on."""
        return self.abolished_on is None or on < self.abolished_on


class AddressedArea(Area):
    """An area with what names it in an address or a letter; areas.toml explains the keys."""

    aliases: tuple[Word, ...] = ()
    places: tuple[Word, ...] = ()
    government: Code | None = None


class DepartmentsFile(Frozen):
    department: tuple[Department, ...] = Field(min_length=1)


class AreasFile(Frozen):
    city: City
    area: tuple[AddressedArea, ...] = ()


class CategoriesFile(Frozen):
    tree: dict[Word, tuple[Word, ...]]


_REMEDIES = {
    "missing": "add it",
    "extra_forbidden": "no such key: correct its spelling or remove it",
    "string_too_short": "write at least one character",
    "too_short": "write at least one entry",
    "string_pattern_mismatch": "use ASCII letters, digits, - and _ (area codes: six digits)",
    "greater_than_equal": "weights run from 1 to 5",
    "less_than_equal": "use a smaller number (weights run from 1 to 5)",
}


def read_toml(file: Path, shape: type[M]) -> M:
    """One file as `shape`.

    Raises: CatalogueWrong (unreadable, not TOML, not of that shape).
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueWrong(file, [f"cannot be read as UTF-8 text: {error}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise CatalogueWrong(file, [f"is not TOML: {error}; correct that place"]) from error
    try:
        return shape.model_validate(raw)
    except ValidationError as error:
        raise CatalogueWrong(file, [_problem(raw, each) for each in error.errors()]) from error


def _problem(raw: dict[str, Any], error: Any) -> str:
    """One sentence: which entry, which key, what is wrong, what to do."""
    place = list(error["loc"])
    if place[:1] == ["city"] or len(place) < 2 or not isinstance(place[1], int):  # noqa: PLR2004  kind, number
        entry, keys = "", place
    else:
        item = raw[place[0]][place[1]]
        known = item.get("code") if isinstance(item, dict) else None
        entry, keys = f"{place[0]} {known or f'number {place[1] + 1}'}: ", place[2:]
    key = ".".join(str(part) for part in keys if part != "[key]") or "entry"
    remedy = _REMEDIES.get(error["type"], "correct the value")
    return f"{entry}{key}: {error['msg']} — {remedy}"
