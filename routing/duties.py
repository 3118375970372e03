"""Cold start: departments ranked by their published duties and keywords against a text.

The shares are a softmax over points. They say how the evidence in the text divides among the
departments; they are not calibrated: .6 does not mean right in six of ten cases.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from routing.catalogue_file import Department
from routing.clues import Clues
from routing.rules import below
from routing.segment import Segmenter

TEMPERATURE = 5.0  # points that multiply a share by e; docs/routing.md says what it was set by
_TITLE = 1.0  # a word in the title counts once more
_REPEATS = 0.4  # of the logarithm of how often a word stands in the text
_DUTY_WORD = 0.8  # points of a word of the duties that only one department has
_CATEGORY = 2.5  # points a level of the branch that the operator chose
_LIMIT = 3.0  # points that a limit moves to the department it names
_HOME = 1.5  # points of the government of the ticket's area
_REASON_WORDS = 5
_SHORTEST_DUTY_WORD = 2  # characters
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass
class Weighing:
    """Points of one department, and what they come from."""

    points: float = 0.0
    words: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add_word(self, word: str, points: float) -> None:
        self.points += points
        self.words[word] = self.words.get(word, 0.0) + points


@dataclass(frozen=True)
class Evidence:
    """How much of the evidence is for one department."""

    department: str
    share: float  # of all evidence; all departments together 1
    points: float  # 0: nothing in the matter speaks for it
    reasons: tuple[str, ...]  # Chinese


class Duties:
    """Ranks the departments it is given. Pure once built; building asks the segmenter."""

    def __init__(self, departments: Sequence[Department], segmenter: Segmenter) -> None:
        self._departments = departments
        self._segmenter = segmenter
        self._keywords, self._by_start = _keyword_index(departments)
        self._duty_words = _duty_index(departments, segmenter)
        # fewer points than any word brings: it orders only what the text leaves open
        self._prior = [math.log(each.volume) for each in departments]

    def rank(self, clues: Clues) -> tuple[Evidence, ...]:
        """Every department, by falling share; equals in the order of the catalogue."""
        weighed: dict[int, Weighing] = defaultdict(Weighing)
        self._weigh_keywords(clues, weighed)
        self._weigh_duty_words(clues, weighed)
        self._weigh_category(clues, weighed)
        self._weigh_limits(clues, weighed)
        self._weigh_home(clues, weighed)
        points = [max(0.0, weighed[place].points) for place in range(len(self._departments))]
        shares = _softmax(
            [(own + prior) / TEMPERATURE for own, prior in zip(points, self._prior, strict=True)]
        )
        found = [
            Evidence(department.code, share, own, _reasons(weighed[place]))
            for place, (department, share, own) in enumerate(
                zip(self._departments, shares, points, strict=True)
            )
        ]
        return tuple(sorted(found, key=lambda each: -each.share))

    def _serves(self, place: int, clues: Clues) -> bool:
        areas = self._departments[place].areas
        return not areas or (clues.area is not None and clues.area.code in areas)

    def _weigh_keywords(self, clues: Clues, weighed: dict[int, Weighing]) -> None:
        hits: dict[int, dict[str, tuple[int, float]]] = defaultdict(dict)
        for word in self._in_text(clues.whole):
            times = clues.whole.count(word)
            for place, weight in self._keywords[word]:
                if self._serves(place, clues):
                    hits[place][word] = times, weight
        for place, own in hits.items():
            for word, (times, weight) in own.items():
                inside_longer = sum(
                    count for other, (count, _) in own.items() if word != other and word in other
                )
                if (alone := times - inside_longer) > 0:
                    title = _TITLE if word in clues.title else 0.0
                    factor = 1 + title + _REPEATS * math.log(alone)
                    weighed[place].add_word(word, weight * factor)

    def _in_text(self, text: str) -> Iterator[str]:
        """Keywords that stand in the text; only those whose first two characters do are tried."""
        starts = {text[at : at + 2] for at in range(len(text))} | set(text)
        for start in starts & self._by_start.keys():
            yield from (word for word in self._by_start[start] if word in text)

    def _weigh_duty_words(self, clues: Clues, weighed: dict[int, Weighing]) -> None:
        for word in set(self._segmenter.words(clues.whole)) & self._duty_words.keys():
            for place, weight in self._duty_words[word]:
                if self._serves(place, clues) and word not in weighed[place].words:
                    weighed[place].add_word(word, weight)

    def _weigh_category(self, clues: Clues, weighed: dict[int, Weighing]) -> None:
        for place, department in enumerate(self._departments):
            fitting = [code for code in department.categories if below(clues.category, code)]
            if fitting:
                branch = max(fitting, key=len)
                weighed[place].points += _CATEGORY * (1 + branch.count("/"))
                weighed[place].notes.append(f"诉求分类：{branch}")

    def _weigh_limits(self, clues: Clues, weighed: dict[int, Weighing]) -> None:
        places = {each.code: place for place, each in enumerate(self._departments)}
        for place, department in enumerate(self._departments):
            if place not in weighed or weighed[place].points <= 0:
                continue
            for limit in department.limits:
                if limit.to in places and any(word in clues.whole for word in limit.words):
                    weighed[place].points -= _LIMIT
                    weighed[place].notes.append(f"职责边界：{limit.text}")
                    weighed[places[limit.to]].points += _LIMIT
                    weighed[places[limit.to]].notes.append(f"职责边界：{limit.text}")

    def _weigh_home(self, clues: Clues, weighed: dict[int, Weighing]) -> None:
        if clues.area is None:
            return
        for place, department in enumerate(self._departments):
            if department.last_resort and clues.area.code in department.areas:
                weighed[place].points += _HOME
                weighed[place].notes.append(f"属地兜底：{clues.area.name}（{clues.area_origin}）")


_Index = dict[str, list[tuple[int, float]]]


def _keyword_index(departments: Sequence[Department]) -> tuple[_Index, dict[str, list[str]]]:
    """word -> departments and weights, shared words counting less; first characters -> words."""
    raw: _Index = defaultdict(list)
    for place, department in enumerate(departments):
        for weight, words in department.keywords.items():
            for word in words:
                raw[word].append((place, float(weight)))
        own = {word for words in department.keywords.values() for word in words}
        for name in {department.name, *department.aliases} - own:
            # a letter also names those it is angry with: a name is weak evidence
            raw[name].append((place, 2.0))
    index: _Index = {}
    for word, holders in raw.items():
        # the governments share their words, and at most one of them serves a place
        kinds = {-1 if departments[place].last_resort else place for place, _ in holders}
        index[word] = [(place, weight / math.sqrt(len(kinds))) for place, weight in holders]
    by_start: dict[str, list[str]] = defaultdict(list)
    for word in sorted(index):
        by_start[word[:2]].append(word)
    return index, by_start


def _duty_index(departments: Sequence[Department], segmenter: Segmenter) -> _Index:
    """word of the duties -> departments and weights: the fewer have it, the more it says."""
    holders: dict[str, list[int]] = defaultdict(list)
    for place, department in enumerate(departments):
        if department.last_resort:
            continue
        for word in sorted(set(segmenter.words(" ".join(department.duties)))):
            if len(word) >= _SHORTEST_DUTY_WORD and _CHINESE.match(word):
                holders[word].append(place)
    all_of_them = 1 + len(departments)
    index: _Index = {}
    for word, places in holders.items():
        rarity = math.log(all_of_them / len(places)) / math.log(all_of_them)
        index[word] = [(place, _DUTY_WORD * rarity) for place in places]
    return index


def _softmax(values: list[float]) -> list[float]:
    highest = max(values)
    powers = [math.exp(value - highest) for value in values]
    total = sum(powers)
    return [power / total for power in powers]


def _reasons(weighing: Weighing) -> tuple[str, ...]:
    """Words are the catalogue's, never the letter's: no personal data can stand here."""
    heaviest = sorted(weighing.words.items(), key=lambda each: (-each[1], each[0]))
    words = [word for word, _ in heaviest[:_REASON_WORDS]]
    return ((f"相关词语：{'、'.join(words)}",) if words else ()) + tuple(weighing.notes)
