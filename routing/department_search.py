"""Department search (R3.1): by code, name, alias, pinyin initials, full pinyin, keyword, duty."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from routing.catalogue_file import Department
from routing.text import normalised

_MISS = 99  # worse than every kind of match
_LONGEST_QUERY = 60  # characters


@dataclass(frozen=True)
class _Spelling:
    """One name of a department, as people type it."""

    name: str
    initials: str
    pinyin: str


@dataclass(frozen=True)
class _Entry:
    department: Department
    spellings: tuple[_Spelling, ...]  # the name first
    keywords: tuple[str, ...]
    duties: str


class DepartmentSearch:
    """Ranks departments for what a person typed. Pinyin is spelled at the first search."""

    def __init__(self, departments: Sequence[Department]) -> None:
        self._departments = departments
        self._entries: tuple[_Entry, ...] | None = None
        self._once = threading.Lock()

    def ranked(self, words: str) -> Iterator[Department]:
        """Best first; equals in the order of the file. No words: all of them, in that order."""
        asked = [word.lower() for word in normalised(words, _LONGEST_QUERY).split()]
        if not asked:
            yield from self._departments
            return
        scored = []
        for place, entry in enumerate(self._spelled()):
            ranks = [_rank(entry, word) for word in asked]
            if all(rank < _MISS for rank in ranks):
                scored.append((sum(ranks), place, entry.department))
        for _rank_sum, _place, department in sorted(scored, key=lambda found: found[:2]):
            yield department

    def _spelled(self) -> tuple[_Entry, ...]:
        with self._once:
            if self._entries is None:
                self._entries = tuple(_entry(each) for each in self._departments)
            return self._entries


def _entry(department: Department) -> _Entry:
    return _Entry(
        department,
        tuple(_spelling(name) for name in (department.name, *department.aliases)),
        tuple(word.lower() for group in department.keywords.values() for word in group),
        " ".join(department.duties).lower(),
    )


def _spelling(name: str) -> _Spelling:
    # imported here: its tables take a moment, and a process that never searches does without
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415  see above

    return _Spelling(
        name.lower(),
        "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower(),
        "".join(lazy_pinyin(name)).lower(),
    )


def _rank(entry: _Entry, word: str) -> int:
    """How well one word fits; the smaller the better."""
    ranks = [_MISS]
    if entry.department.code.lower() == word:
        ranks.append(0)
    for place, spelling in enumerate(entry.spellings):
        alias = 1 if place else 0  # a name before an alias
        if word in {spelling.name, spelling.initials, spelling.pinyin}:
            ranks.append(0 + alias)
        elif spelling.name.startswith(word) or spelling.initials.startswith(word):
            ranks.append(2 + alias)
        elif spelling.pinyin.startswith(word):
            ranks.append(4 + alias)
        elif word in spelling.name or word in spelling.initials:
            ranks.append(6 + alias)
    if word in entry.keywords:
        ranks.append(8)
    elif any(keyword.startswith(word) for keyword in entry.keywords):
        ranks.append(9)
    elif any(word in keyword for keyword in entry.keywords):
        ranks.append(10)
    elif word in entry.duties:
        ranks.append(11)
    return min(ranks)
