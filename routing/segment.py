"""Words of a text: jieba's dictionary and ours. Built once, on first use or in a thread."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from routing.catalogue_file import DATA, CatalogueWrong

DICTIONARY = DATA / "dictionary.txt"
_DICTIONARY_COLUMNS = 3  # word, frequency, part of speech
_NAME_FREQUENCY = 3_000  # high enough that jieba leaves a name of the catalogue whole


class Segmenter:
    """Cuts texts into words; safe to call from several threads.

    Building takes about a second. `warm_up` does it in a thread of its own; whoever asks for words
    before it is done waits for it.
    """

    def __init__(self, names: Iterable[str] = (), dictionary: Path | None = None) -> None:
        self._own = (*_own_words(dictionary or DICTIONARY), *((n, _NAME_FREQUENCY) for n in names))
        self._once = threading.Lock()
        self._tokenizer: Any = None  # jieba is published without types

    def warm_up(self) -> threading.Thread:
        """Start building in a thread; join it to wait."""
        thread = threading.Thread(target=self._ready, name="segmenter", daemon=True)
        thread.start()
        return thread

    def words(self, text: str) -> list[str]:
        """The words in their order, without blanks and punctuation."""
        cut = self._ready().cut(text, HMM=False)  # no guessed words: names are not ours to keep
        return [word for word in cut if word[0].isalnum()]

    def _ready(self) -> Any:
        with self._once:
            if self._tokenizer is None:
                self._tokenizer = self._build()
            return self._tokenizer

    def _build(self) -> Any:
        # imported here: it takes its time, and nothing needs it before the first text
        import jieba  # noqa: PLC0415  see above

        tokenizer = jieba.Tokenizer()
        # jieba's own start reads a marshalled cache from the shared temporary folder, which any
        # user of the machine could have put there; the dictionary itself takes half a second more
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
        tokenizer.initialized = True
        for word, frequency in self._own:
            tokenizer.add_word(word, frequency)
        return tokenizer


def _own_words(file: Path) -> list[tuple[str, int]]:
    """Words and frequencies of a user dictionary: word, frequency, part of speech a line.

    Raises: CatalogueWrong that names the line.
    """
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        columns = line.split()
        if not columns:
            continue
        if len(columns) != _DICTIONARY_COLUMNS or not columns[1].isdigit():
            problem = f"line {number}: needs word, frequency, part of speech — correct the line"
            raise CatalogueWrong(file, [problem])
        found.append((columns[0], int(columns[1])))
    return found
