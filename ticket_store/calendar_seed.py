"""Where calendar years come from: chinesecalendar for the past, a notice file for what is new.

chinesecalendar is a seed only: it ends with the last notice its release knew. A newer year is
imported from a file as soon as the State Council's notice is out (about November).
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import chinese_calendar
from pydantic import ValidationError

from schemas.calendar_year import FIRST_WEEKEND_DAY, CalendarYear
from schemas.errors import HubError

FIRST_SEED_YEAR = 2004
_KEYS = {"year", "source", "days_off", "days_worked"}
_RANGE = "Write dates as 2027-10-01, ranges as 2027-10-01..2027-10-07."


class NoticeRefused(HubError):
    """A notice file cannot be used; nothing was imported. Do what `remedy` says.

    place:  file, then line or key.
    """

    def __init__(self, place: str, detail: str, remedy: str) -> None:
        super().__init__(f"{place}: {detail}. {remedy}")
        self.place, self.detail, self.remedy = place, detail, remedy


def seed_years() -> list[CalendarYear]:
    """Every year that the installed chinesecalendar knows, from 2004 on, as version 1."""
    source = f"chinesecalendar {version('chinesecalendar')}"
    years = []
    number = FIRST_SEED_YEAR
    while _known(date(number, 1, 1)):
        off: set[date] = set()
        worked: set[date] = set()
        for day in _days(date(number, 1, 1), date(number, 12, 31)):
            weekend = day.weekday() >= FIRST_WEEKEND_DAY
            if chinese_calendar.is_workday(day) is weekend:
                (worked if weekend else off).add(day)
        years.append(
            CalendarYear(
                year=number,
                source=source,
                days_off=frozenset(off),
                days_worked=frozenset(worked),
            )
        )
        number += 1
    return years


def notice_from_file(path: Path, version: int = 1) -> CalendarYear:
    """Read a year's notice from TOML or JSON: year, source, days_off, days_worked.

    Days are dates or ranges with both ends included; weekend days within `days_off` are dropped,
    so that a notice's "1 to 7 October" can be written as it reads.
    version:  the number this year's row gets; the importer counts on from the newest one it has.
    Raises:   NoticeRefused with file, line or key, and remedy.
    """
    text = _text(path)
    notice = _parsed(path, text)
    if unknown := sorted(set(notice) - _KEYS):
        raise _refused(path, text, unknown[0], "is not a key of a notice", f"Keys: {_listed()}.")
    if missing := sorted(_KEYS - set(notice)):
        raise NoticeRefused(
            str(path), f"the key {missing[0]} is missing", f"A notice has all of {_listed()}."
        )
    year, source = notice["year"], notice["source"]
    if not isinstance(year, int) or isinstance(year, bool) or not 1949 < year < 2200:  # noqa: PLR2004 - a plausible year
        raise _refused(path, text, "year", f"{year!r} is not a year", "Write it as year = 2027.")
    if not isinstance(source, str) or not source.strip():
        raise _refused(
            path, text, "source", "is empty", "Name the notice, such as 国办发明电〔2026〕1 号."
        )
    off = _day_set(path, text, "days_off", notice["days_off"], year)
    worked = _day_set(path, text, "days_worked", notice["days_worked"], year)
    if both := sorted(off & worked):
        raise _refused(
            path,
            text,
            both[0].isoformat(),
            "is both off and worked",
            "Keep it in one of the lists.",
        )
    for day in sorted(worked):
        if day.weekday() < FIRST_WEEKEND_DAY:
            raise _refused(
                path,
                text,
                day.isoformat(),
                f"days_worked: {day} is a {day:%A}",
                "Only make-up Saturdays and Sundays belong there; weekdays are worked anyway.",
            )
    try:
        return CalendarYear(
            year=year,
            version=version,
            source=source.strip(),
            days_off=frozenset(day for day in off if day.weekday() < FIRST_WEEKEND_DAY),
            days_worked=frozenset(worked),
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = f"{path}, {'.'.join(map(str, first['loc'])) or 'year'}"
        raise NoticeRefused(place, first["msg"], "Correct the file and import again.") from error


def _known(day: date) -> bool:
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:  # how it says that no notice is built in
        return False
    return True


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise NoticeRefused(str(path), reason, "Give the path of a readable file.") from error
    except UnicodeDecodeError as error:
        raise NoticeRefused(
            f"{path}, byte {error.start}", "is not UTF-8", "Save the file as UTF-8."
        ) from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    readers: dict[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".json": json.loads}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise NoticeRefused(
            str(path), f"{path.suffix or 'no suffix'} is not known", "Name it .toml or .json."
        )
    try:
        notice = reader(text)
    except json.JSONDecodeError as error:
        raise NoticeRefused(
            f"{path}, line {error.lineno}", error.msg, "Correct the JSON there."
        ) from error
    except tomllib.TOMLDecodeError as error:  # its message names line and column
        raise NoticeRefused(str(path), str(error), "Correct the TOML there.") from error
    if not isinstance(notice, dict):
        raise NoticeRefused(str(path), "is not an object", f"Keys: {_listed()}.")
    return notice


def _day_set(path: Path, text: str, key: str, entries: object, year: int) -> set[date]:
    if not isinstance(entries, list):
        raise _refused(path, text, key, "is not a list", _RANGE)
    days: set[date] = set()
    for entry in entries:
        for day in _entry_days(path, text, key, entry):
            if day.year == year:
                days.add(day)
            elif key == "days_worked" or day.weekday() < FIRST_WEEKEND_DAY:
                raise _refused(
                    path,
                    text,
                    str(entry),
                    f"{key}: {day} is not a day of {year}",
                    f"Put it into a file for {day.year} that repeats that year's days, "
                    "and import that as its next version.",
                )
    return days


def _entry_days(path: Path, text: str, key: str, entry: object) -> Iterator[date]:
    if type(entry) is date:  # TOML has dates of its own
        return iter([entry])
    try:
        if not isinstance(entry, str):
            raise TypeError(type(entry).__name__)  # noqa: TRY301 - the same answer as for a bad text
        first, _, last = (part.strip() for part in entry.partition(".."))
        start = date.fromisoformat(first)
        end = date.fromisoformat(last) if last else start
    except (TypeError, ValueError) as error:
        raise _refused(path, text, str(entry), f"{key}: {entry!r} is no day", _RANGE) from error
    if end < start or (end - start).days > 31:  # noqa: PLR2004 - no holiday lasts a month
        raise _refused(
            path, text, entry, f"{key}: {entry!r} runs backwards or over a month", _RANGE
        )
    return _days(start, end)


def _refused(path: Path, text: str, found: str, detail: str, remedy: str) -> NoticeRefused:
    """Name the line on which `found`, a key or a value, first stands."""
    wanted = re.compile(rf"(?<![\w-]){re.escape(found)}(?![\w-])")
    for number, line in enumerate(text.splitlines(), start=1):
        if wanted.search(line):
            subject = "" if found in detail else f"{found} "
            return NoticeRefused(f"{path}, line {number}", f"{subject}{detail}", remedy)
    return NoticeRefused(str(path), f"{found} {detail}", remedy)


def _listed() -> str:
    return ", ".join(sorted(_KEYS))
