"""The made-up city: about every department, the same for the same seed, nobody's real number."""

import gzip
import json
from datetime import date
from itertools import islice
from pathlib import Path

import pytest

from hub.demo.city import City, Letter, LettersWrong, read_letters
from hub.demo.wording import WORDINGS
from routing.catalogue import load_catalogue


def test_every_department_of_the_catalogue_is_complained_about() -> None:
    catalogue = load_catalogue(lambda: date(2026, 11, 25))
    assert {one.code for one in catalogue.departments()} == set(WORDINGS)
    told = list(islice(City(1).matters(), len(WORDINGS)))
    assert {matter.department for matter in told} == set(WORDINGS)


def test_the_same_seed_tells_the_same_and_another_one_does_not() -> None:
    assert list(islice(City(4).matters(), 60)) == list(islice(City(4).matters(), 60))
    assert list(islice(City(4).matters(), 60)) != list(islice(City(5).matters(), 60))


def test_phones_are_of_the_block_that_belongs_to_nobody() -> None:
    told = list(islice(City(2).matters(), 300))
    assert all(matter.phone.startswith("1380000") for matter in told)
    assert all("{" not in matter.title + matter.text for matter in told)


def test_letters_replace_the_texts_in_turn(tmp_path: Path) -> None:
    rows = [{"id": 1, "title": "甲", "text": "甲的信"}, {"id": 2, "title": "", "text": "乙的信"}]
    file = tmp_path / "letters.jsonl.gz"
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    letters = read_letters(file)
    assert letters == [Letter("甲", "甲的信"), Letter("乙的信", "乙的信")]
    told = list(islice(City(1, letters).matters(), 3))
    assert [matter.text for matter in told] == ["甲的信", "乙的信", "甲的信"]


@pytest.mark.parametrize(
    ("content", "place"),
    [('{"id": 1, "title": "甲", "text": "信"}\n{"id": 2}\n', "line 2"), ("x\n", "line 1"),
     ("", "no letter"), ('{"title": "", "text": ""}\n', "line 1")],
)  # fmt: skip
def test_a_wrong_file_of_letters_names_its_place(tmp_path: Path, content: str, place: str) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(LettersWrong, match=place):
        read_letters(file)


def test_busy_departments_have_every_third_matter() -> None:
    told = [one.department for one in islice(City(5, busy=("scjg", "zjj")).matters(), 60)]
    assert told[2::3] == ["scjg", "zjj"] * 10
    assert len(set(told)) > 30, "the others are not forgotten"
