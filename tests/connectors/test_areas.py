from datetime import date

import pytest

from connectors.areas import SUZHOU, Area, AreaTable
from routing.areas import load_areas

TODAY = date(2026, 11, 25)
CITY = "320500"
OLD, NEW = date(2012, 8, 31), date(2012, 9, 1)


@pytest.mark.parametrize(
    ("code", "on", "stands"),
    [
        ("320508", TODAY, "320508"),
        ("320571", TODAY, "320571"),
        ("320502", TODAY, "320508"),
        ("320503", NEW, "320508"),
        ("320504", OLD, "320504"),
        ("320584", TODAY, "320509"),
        ("320584", OLD, "320584"),
        ("320508", date.max, "320508"),
    ],
)
def test_a_code_stands_for_the_one_in_force(code: str, on: date, stands: str) -> None:
    assert AreaTable().in_force(code, on) == stands


@pytest.mark.parametrize(("code", "on"), [("320599", TODAY), ("", TODAY), ("320508", OLD)])
def test_an_unknown_code_and_one_not_in_force_yet_are_refused(code: str, on: date) -> None:
    with pytest.raises(ValueError, match="code"):
        AreaTable().in_force(code, on)


def test_a_code_abolished_without_successor_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing took its place"):
        AreaTable((Area("111111", "某区", valid_to=OLD),)).in_force("111111", TODAY)


def test_every_successor_is_in_the_table_and_in_force() -> None:
    codes = {area.code: area for area in SUZHOU}
    for area in SUZHOU:
        if area.successor is not None:
            assert codes[area.successor].valid_to is None


@pytest.mark.parametrize("on", [OLD, NEW, TODAY])
@pytest.mark.parametrize("code", sorted({area.code for area in SUZHOU} - {CITY}))
def test_peers_and_routing_read_a_code_alike(code: str, on: date) -> None:
    known = load_areas().current(code, on)
    try:
        read = AreaTable().in_force(code, on)
    except ValueError:  # not in force yet
        read = None
    assert read == (known.code if known else None)
    assert load_areas().name(code) == next(area.name for area in SUZHOU if area.code == code)


def test_every_area_of_routing_is_known_to_peers() -> None:
    areas = load_areas()
    table = AreaTable()
    codes = {one for area in areas.all(TODAY) for one in (area.code, *area.also)}
    assert all(table.in_force(code, TODAY) for code in codes | {areas.city.code})
