"""Chinese full text as pairs of characters: text -> index words, query -> index terms and a check.

A run of Chinese characters becomes its overlapping pairs and its last character; Latin words and
numbers stay whole. The index keeps no positions, so a query of more than one term finds candidates
only, and `Query.holds` decides on their text.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"(?P<han>[{_HAN}]+)|(?:(?![{_HAN}])[^\W_])+")
_SPACE = re.compile(r"\s+")
_LONGEST_QUERY = 200  # characters; more is not a search but a letter


def folded(text: str) -> str:
    """The text as it is compared: one width, one case, one kind of space."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def words_of(text: str) -> str:
    """The index words of a text, each once, separated by spaces."""
    return words_of_folded(folded(text))


def words_of_folded(text: str) -> str:
    """The same of a text that `folded` gave."""
    words: dict[str, None] = {}
    for match in _RUN.finditer(text):
        run = match[0]
        if match["han"]:
            words.update(dict.fromkeys(map("".join, pairwise(run))))
            words[run[-1]] = None
        else:
            words[run] = None
    return " ".join(words)


@dataclass(frozen=True)
class Term:
    """A word of the index; prefix: all words that begin with it (one Chinese character alone)."""

    word: str
    prefix: bool = False


@dataclass(frozen=True)
class Query:
    """What somebody typed: pieces, separated by spaces, that must all be in the text.

    exact:  the terms alone prove a hit, no text need be read.
    """

    pieces: tuple[str, ...]
    terms: tuple[Term, ...]
    exact: bool
    patterns: tuple[re.Pattern[str], ...]

    def holds(self, folded_text: str) -> bool:
        """Whether a text (as `folded` gives it) has every piece."""
        return all(pattern.search(folded_text) for pattern in self.patterns)


def parsed(text: str) -> Query:
    """Read a query; without a letter or digit it has no terms and finds nothing."""
    pieces = tuple(dict.fromkeys(folded(text[:_LONGEST_QUERY]).split()))
    terms: dict[Term, None] = {}
    exact = True
    for piece in pieces:
        runs = list(_RUN.finditer(piece))
        here = [term for run in runs for term in _terms(run[0], han=bool(run["han"]))]
        terms.update(dict.fromkeys(here))
        exact = exact and len(here) == 1 and runs[0][0] == piece
    return Query(pieces, tuple(terms), exact, tuple(map(_pattern, pieces)))


def _terms(run: str, *, han: bool) -> Iterable[Term]:
    if not han:
        return [Term(run)]
    if len(run) == 1:
        return [Term(run, prefix=True)]
    return [Term(a + b) for a, b in pairwise(run)]


def _pattern(piece: str) -> re.Pattern[str]:
    """The piece anywhere in the text; a Latin word or number at its edge must be whole there."""
    word = rf"(?:(?![{_HAN}])[^\W_])"
    before = rf"(?<!{word})" if re.match(word, piece) else ""
    after = rf"(?!{word})" if re.match(word, piece[-1]) else ""
    return re.compile(before + re.escape(piece) + after)
