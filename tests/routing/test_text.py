"""Normalising, and keeping personal data out of whatever is stored or shown."""

import pytest

from routing.text import READ_CHARACTERS, normalised, without_personal_data


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("ＡＢＣ１２３", "ABC123"),
        ("一\u3000二\t三\r\n\r\n四", "一 二 三 四"),
        ("拖\u200b欠\u0000工\ufeff资", "拖欠工资"),
        ("\ue000\ud800好", "好"),
        ("  ", ""),
        ("", ""),
    ],
)
def test_texts_become_comparable(raw: str, read: str) -> None:
    assert normalised(raw) == read


def test_normalising_twice_changes_nothing() -> None:
    once = normalised("Ａ\u0301 ﷺ ㎏ ½ \x07好")
    assert normalised(once) == once


def test_a_text_is_read_up_to_a_limit_even_when_characters_grow() -> None:
    assert len(normalised("ﷺ" * 100_000)) <= READ_CHARACTERS


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("电话138" + "00001234请回电", "电话〔电话〕请回电"),
        ("+86 138-" + "0000-1234", "〔电话〕"),
        ("座机0512-" + "60000000", "座机〔电话〕"),
        ("身份证00010119900101123X号", "身份证〔证件号〕号"),
        ("证000101 1990 0101 1234", "证〔证件号〕"),
        ("卡号6200000000000000000", "卡号〔证件号〕"),
        ("写信a.b-c@example.com.cn谢谢", "写信〔邮箱〕谢谢"),
        ("车牌苏E·12345停在", "车牌〔车牌〕停在"),
        ("苏e00A00F", "〔车牌〕"),
    ],
)
def test_personal_data_becomes_a_word(written: str, kept: str) -> None:
    assert without_personal_data(written) == kept


@pytest.mark.parametrize("text", ["拨打12345热线", "2026年11月25日", "苏州ABCDEFG", "5000000元"])
def test_other_numbers_and_words_stay(text: str) -> None:
    assert without_personal_data(text) == text
