"""Masks and check digits."""

import pytest

from schemas.parties import Citizen, mask_id_no, mask_name, mask_phone, masked, uscc_is_valid


def test_masks_by_convention() -> None:
    assert mask_phone("13800001234") == "138****1234"
    assert mask_phone("12345") == "****45"
    assert mask_name("张三") == "张*"
    assert mask_name("张") == "张*"
    assert mask_id_no("001122199001011234") == "001122********1234"
    assert mask_id_no("G1234") == "***"


def test_masked_citizen_shows_nothing_that_identifies() -> None:
    citizen = Citizen(name="欧阳某", phone="13800001234", id_no="001122199001011234")
    shown = masked(citizen).model_dump_json()
    assert "0000" not in shown.replace("********", "")
    assert "某" not in shown


@pytest.mark.parametrize(
    ("code", "valid"),
    [
        ("91350100M000100Y43", True),  # vector of domain.md
        ("91350100M000100Y44", False),
        ("91350100M000100Y4", False),
        ("91350100I000100Y43", False),  # I is not among the letters
    ],
)
def test_check_character_of_a_credit_code(code: str, valid: bool) -> None:
    assert uscc_is_valid(code) is valid
