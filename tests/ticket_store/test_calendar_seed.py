"""Years from chinesecalendar, and notices from files with errors that say where and what to do."""

import json
from datetime import date
from pathlib import Path

import pytest

from ticket_store.calendar_seed import NoticeRefused, notice_from_file, seed_years

GOOD = """
year = 2027
source = "constructed for this test"
days_off = ["2027-10-01..2027-10-07", 2027-01-01]
days_worked = ["2027-10-09"]
"""


def write(folder: Path, text: str, name: str = "notice.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_seed_covers_2004_to_2026_with_published_notices() -> None:
    years = {year.year: year for year in seed_years()}
    assert sorted(years) == list(range(2004, 2027))
    assert not any(year.provisional for year in years.values())
    assert sorted(day.strftime("%m-%d") for day in years[2026].days_worked) == [
        "01-04", "02-14", "02-28", "05-09", "09-20", "10-10",
    ]  # fmt: skip
    assert sorted(day.strftime("%m-%d") for day in years[2026].days_off) == [
        "01-01", "01-02", "02-16", "02-17", "02-18", "02-19", "02-20", "02-23", "04-06", "05-01",
        "05-04", "05-05", "06-19", "09-25", "10-01", "10-02", "10-05", "10-06", "10-07",
    ]  # fmt: skip
    assert date(2020, 1, 31) in years[2020].days_off  # the Spring Festival that was prolonged


def test_a_range_is_written_as_the_notice_reads(tmp_path: Path) -> None:
    year = notice_from_file(write(tmp_path, GOOD), version=3)
    assert (year.year, year.version, year.provisional) == (2027, 3, False)
    off = ["01-01", "10-01", "10-04", "10-05", "10-06", "10-07"]  # the 2nd and 3rd: a weekend
    assert sorted(day.strftime("%m-%d") for day in year.days_off) == off
    assert year.days_worked == {date(2027, 10, 9)}


def test_json_says_the_same_as_toml(tmp_path: Path) -> None:
    notice = {
        "year": 2027,
        "source": "constructed for this test",
        "days_off": ["2027-10-01..2027-10-07", "2027-01-01"],
        "days_worked": ["2027-10-09"],
    }
    path = write(tmp_path, json.dumps(notice), "notice.json")
    assert notice_from_file(path) == notice_from_file(write(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("old", "new", "place", "detail"),
    [
        ("year = 2027", "year = 27", "line 2", "27 is not a year"),
        ("year = 2027", "year = true", "line 2", "True is not a year"),
        ('"constructed for this test"', '" "', "line 3", "source is empty"),
        ("2027-10-09", "2027-10-08", "line 5", "2027-10-08 is a Friday"),
        ("2027-10-09", "2027-10-32", "line 5", "'2027-10-32' is no day"),
        ("2027-10-09", "2028-10-07", "line 5", "2028-10-07 is not a day of 2027"),
        ("..2027-10-07", "..2027-09-01", "line 4", "runs backwards"),
        ("..2027-10-07", "..2027-12-01", "line 4", "over a month"),
        ("2027-01-01", "2026-12-31", "line 4", "2026-12-31 is not a day of 2027"),
        ("2027-01-01", "20270101", "line 4", "20270101 is no day"),
        ("2027-01-01", "2027-10-09", "line 4", "2027-10-09 is both off and worked"),
        ('["2027-10-09"]', '"2027-10-09"', "line 5", "is not a list"),
        ("days_worked", "worked", "line 5", "worked is not a key"),
        ('days_worked = ["2027-10-09"]', "", "notice.toml", "days_worked is missing"),
        ("constructed for this test", "x" * 501, "source", "at most 500"),
        ("year = 2027", "year = ", "notice.toml", "line 2"),
    ],
)
def test_a_bad_notice_is_refused_with_place_and_remedy(
    tmp_path: Path, old: str, new: str, place: str, detail: str
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(NoticeRefused) as refused:
        notice_from_file(path)
    assert str(path) in refused.value.place
    assert refused.value.place.endswith(place)
    assert detail in refused.value.detail
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("name", "content", "detail"),
    [
        ("notice.txt", b"", ".txt is not known"),
        ("notice.json", b'{\n"year": 2027,,\n}', "Expecting"),
        ("notice.json", b"[2027]", "not an object"),
        ("notice.toml", "年".encode("gbk"), "not UTF-8"),
    ],
)
def test_a_file_that_is_no_notice_is_refused(
    tmp_path: Path, name: str, content: bytes, detail: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NoticeRefused) as refused:
        notice_from_file(path)
    assert detail in refused.value.detail
    if content.count(b"\n"):
        assert refused.value.place.endswith("line 2")


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NoticeRefused, match=r"absent\.toml: No such file"):
        notice_from_file(tmp_path / "absent.toml")
