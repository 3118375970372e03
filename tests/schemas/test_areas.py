"""Areas: dated codes, successors, what lies in the city; a code nobody knows is kept."""

from datetime import date

import pytest

from schemas.areas import NO_AREAS, Area, AreaTable, City

OLD, NEW, TODAY = date(2012, 8, 31), date(2012, 9, 1), date(2026, 11, 25)
TABLE = AreaTable(
    City(code="320500", name="苏州市"),
    [
        Area(code="320503", name="平江区", valid_to=date(2012, 8, 31), became="320508"),
        Area(code="320508", name="姑苏区", valid_from=date(2012, 9, 1)),
        Area(code="320571", name="苏州工业园区", also=("320594",)),
        Area(code="320598", name="某区", valid_to=date(2012, 8, 31)),
    ],
)


@pytest.mark.parametrize(
    ("code", "on", "stands"),
    [
        ("320508", TODAY, "320508"),
        ("320508", date.max, "320508"),
        ("320503", OLD, "320503"),
        ("320503", NEW, "320508"),
        ("320594", TODAY, "320571"),
    ],
)
def test_a_code_stands_for_the_one_in_force(code: str, on: date, stands: str) -> None:
    assert TABLE.in_force(code, on) == stands
    area = TABLE.current(code, on)
    assert area is not None
    assert area.code == stands


@pytest.mark.parametrize(
    ("code", "on"),
    [
        ("320508", OLD),  # not in force yet
        ("320598", TODAY),  # nothing took its place
        ("320599", TODAY),
        ("310104", TODAY),
        ("320500", TODAY),  # the city itself
    ],
)
def test_a_code_for_which_no_area_answers_is_kept(code: str, on: date) -> None:
    assert TABLE.current(code, on) is None
    assert TABLE.in_force(code, on) == code


@pytest.mark.parametrize(
    ("code", "inside"),
    [("320571", True), ("320500", True), ("320200", False), ("310100", False), ("320000", None)],
)
def test_what_lies_in_the_city(code: str, inside: bool | None) -> None:
    assert TABLE.inside(code) is inside


def test_names_of_codes() -> None:
    assert TABLE.name("320500") == "苏州市"
    assert TABLE.name("320503") == "平江区"
    assert TABLE.name("320594") == "苏州工业园区"
    assert TABLE.name("999999") == "999999"


def test_the_areas_of_a_day() -> None:
    assert [area.code for area in TABLE.all(OLD)] == ["320503", "320571", "320598"]
    assert [area.code for area in TABLE.all(TODAY)] == ["320508", "320571"]


@pytest.mark.parametrize("code", ["320503", "110000"])
def test_without_a_table_every_code_is_kept(code: str) -> None:
    assert NO_AREAS.in_force(code, TODAY) == code
