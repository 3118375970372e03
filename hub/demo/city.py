"""A seeded city whose citizens complain: plausible matters about every department, all made up."""

import gzip
import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.demo.wording import AREAS, ESTATES, FAMILY_NAMES, FIRMS, GIVEN_NAMES, WORDINGS
from schemas.errors import HubError
from schemas.matter import MatterKind, Urgency

_PHONES = 10_000  # 138 0000 xxxx: a block that is given to nobody
_URGENCIES = (Urgency.NORMAL,) * 82 + (Urgency.URGENT,) * 11 + (Urgency.CRITICAL,) * 7
_MOST_TITLE, _MOST_TEXT = 200, 15_000
_ACCUSED_SHARE = 0.5


class LettersWrong(HubError):
    """The file of letters cannot be used; the message names the line."""


@dataclass(frozen=True)
class Letter:
    """A text from outside in place of the city's own."""

    title: str
    text: str


@dataclass(frozen=True)
class Matter:
    """What a citizen brings. department: whom the text is about; "" for letters from outside."""

    department: str
    kind: MatterKind
    title: str
    text: str
    urgency: Urgency
    area_code: str
    place: str
    citizen: str
    phone: str
    accused: str | None


class City:
    """matters() never ends; the same seed tells the same.

    busy: departments that citizens write about more than about others.
    """

    def __init__(self, seed: int, letters: Sequence[Letter] = (), busy: Sequence[str] = ()) -> None:
        self._rng = random.Random(f"city:{seed}")
        self._letters, self._busy = tuple(letters), tuple(busy)

    def matters(self) -> Iterator[Matter]:
        yield from map(self._matter, self._departments(), itertools.count())

    def _departments(self) -> Iterator[str]:
        """Each round goes through all departments once, in another order.

        After every second of them it is the turn of a busy one.
        """
        busy, turns = itertools.cycle(self._busy), itertools.count(1)
        while True:
            for department in self._rng.sample(sorted(WORDINGS), len(WORDINGS)):
                yield department
                if self._busy and next(turns) % 2 == 0:
                    yield next(busy)

    def _matter(self, department: str, number: int) -> Matter:
        rng = self._rng
        kind, title, text = rng.choice(WORDINGS[department])
        estate, firm = rng.choice(ESTATES), rng.choice(FIRMS)
        area = rng.choice(sorted(AREAS))
        words = {"place": f"{AREAS[area]}{estate}", "firm": firm, "days": rng.randint(2, 9)}
        about_firm = "{firm}" in text + title and rng.random() < _ACCUSED_SHARE
        title, text = title.format(**words), text.format(**words)
        if self._letters:
            letter = self._letters[number % len(self._letters)]
            department, title, text = "", letter.title, letter.text
        return Matter(
            department=department,
            kind=MatterKind(kind),
            title=title,
            text=text,
            urgency=rng.choice(_URGENCIES),
            area_code=area,
            place=f"{estate}{rng.randint(1, 60)}号",
            citizen=rng.choice(FAMILY_NAMES) + rng.choice(GIVEN_NAMES),
            phone=f"1380000{rng.randrange(_PHONES):04d}",
            accused=firm if about_firm else None,
        )


def read_letters(file: Path) -> list[Letter]:
    """Rows with id, title, text: JSON Lines, gzipped if the name ends in .gz.

    Raises: LettersWrong.
    """
    opened = gzip.open if file.suffix == ".gz" else open
    letters = []
    try:
        with opened(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    letters.append(_letter(line, f"{file}: line {number}"))
    except OSError as error:
        raise LettersWrong(f"{file}: {error.strerror or error}") from error
    if not letters:
        raise LettersWrong(f"{file}: no letter in it")
    return letters


def _letter(line: str, place: str) -> Letter:
    try:
        row = json.loads(line)
        title, text = str(row["title"]).strip(), str(row["text"]).strip()
    except (ValueError, KeyError, TypeError) as error:
        raise LettersWrong(f"{place}: a row has id, title and text") from error
    text = text or title
    if not text:
        raise LettersWrong(f"{place}: neither title nor text")
    return Letter((title or text)[:_MOST_TITLE], text[:_MOST_TEXT])
