"""Areas: dated codes, places in addresses, registration codes."""

from datetime import date
from pathlib import Path

import pytest

from routing.areas import Areas, load_areas, registration_code
from routing.catalogue_file import CatalogueWrong
from tests.routing.letters import TODAY

AREAS = load_areas()


@pytest.mark.parametrize(
    ("old", "new"),
    [("320502", "320508"), ("320503", "320508"), ("320504", "320508"), ("320584", "320509")],
)
def test_old_codes_lead_to_the_area_that_took_their_place(old: str, new: str) -> None:
    area = AREAS.current(old, TODAY)
    assert area is not None
    assert area.code == new
    before = AREAS.current(old, date(2010, 1, 1))
    assert before is not None
    assert before.code == old
    assert AREAS.current(new, date(2010, 1, 1)) is None


def test_ten_areas_are_in_force() -> None:
    assert len(AREAS.all(TODAY)) == 10


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("虎丘街道某小区", "320508"),
        ("虎丘区某路", "320505"),
        ("斜塘街道某路，靠近吴中区，斜塘街道", "320571"),
        ("平江区某巷", "320508"),
        ("苏州市", None),
        ("", None),
    ],
)
def test_an_address_names_its_area(text: str, code: str | None) -> None:
    area = AREAS.locate(text, TODAY)
    assert (area.code if area else None) == code


def test_names_of_codes() -> None:
    assert AREAS.name("320500") == "苏州市"
    assert AREAS.name("320584") == "吴江市"
    assert AREAS.name("320594") == "苏州工业园区"
    assert AREAS.name("999999") == "999999"


@pytest.mark.parametrize(
    ("uscc", "code"),
    [
        ("91320594MA00000002", "320594"),
        ("91320594MA00000003", None),
        ("91100000MA0000000D", None),
        ("x", None),
        (None, None),
    ],
)
def test_registration_area_is_read_from_valid_codes_only(
    uscc: str | None, code: str | None
) -> None:
    assert registration_code(uscc) == code


_CITY = 'city = { code = "320500", name = "苏州市" }\n'


@pytest.mark.parametrize(
    ("areas", "message"),
    [
        ('[[area]]\ncode = "1"\nname = "a"', r"area 1: code: .*six digits"),
        (
            '[[area]]\ncode = "320501"\nname = "a"\n[[area]]\ncode = "320501"\nname = "b"',
            r"area 320501: code: stands there twice — remove one",
        ),
        ('[[area]]\ncode = "320501"\nname = "a"\nbecame = "320599"', r"became: no area 320599"),
        (
            '[[area]]\ncode = "320501"\nname = "a"\nbecame = "320502"\n'
            '[[area]]\ncode = "320502"\nname = "b"\nbecame = "320501"',
            r"became: leads back to itself",
        ),
        (
            '[[area]]\ncode = "320501"\nname = "a"\nvalid_from = 2020-01-02\nvalid_to = 2020-01-01',
            r"valid_to: before valid_from",
        ),
    ],
)
def test_a_wrong_table_is_refused(areas: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "areas.toml"
    file.write_text(_CITY + areas, encoding="utf-8")
    with pytest.raises(CatalogueWrong, match=message) as refused:
        load_areas(file)
    assert str(refused.value).startswith("areas.toml: ")


def test_a_city_without_areas_locates_nothing(tmp_path: Path) -> None:
    file = tmp_path / "areas.toml"
    file.write_text(_CITY, encoding="utf-8")
    areas: Areas = load_areas(file)
    assert areas.locate("姑苏区", TODAY) is None
