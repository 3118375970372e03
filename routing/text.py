"""The text of a letter made comparable: one width, no control characters, no personal data."""

import re
import unicodedata

READ_CHARACTERS = 1_500  # of a text; what follows is not read, so that any text takes about as long

_SPACES = re.compile(r"\s+")
_NOT_A_DIGIT_BEFORE, _NOT_A_DIGIT_AFTER = r"(?<!\d)", r"(?!\d)"
# the order matters: an ID number holds what looks like a telephone number
_PERSONAL = (
    ("〔邮箱〕", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}", re.ASCII)),
    (
        "〔证件号〕",
        re.compile(
            _NOT_A_DIGIT_BEFORE
            + r"(?:\d{6}[- ]?\d{4}[- ]?\d{4}[- ]?\d{3}[\dXx]|\d{15,19})"
            + _NOT_A_DIGIT_AFTER
        ),
    ),
    (
        "〔电话〕",
        re.compile(
            _NOT_A_DIGIT_BEFORE
            + r"(?:(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}|0\d{2,3}[- ]?\d{7,8})"
            + _NOT_A_DIGIT_AFTER
        ),
    ),
    (
        "〔车牌〕",
        re.compile(
            r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
            r"[A-Za-z][·•. -]?(?=[A-Za-z]*\d)[A-Za-z0-9]{4,5}[A-Za-z0-9挂学警港澳]"
        ),
    ),
)


def normalised(raw: str, most: int = READ_CHARACTERS) -> str:
    """NFKC, one space for any run of white space, no control or format characters.

    most: characters that are read; the rest is left out, before any work is spent on it.
    """
    text = unicodedata.normalize("NFKC", raw[:most])
    kept = "".join(
        " " if letter.isspace() else letter
        for letter in text
        if letter.isspace() or unicodedata.category(letter)[0] != "C"
    )
    return _SPACES.sub(" ", kept).strip()[:most]


def without_personal_data(text: str) -> str:
    """Telephone, ID and card numbers, e-mail addresses and plates become words in brackets.

    Expects `normalised` text. Names of people are not recognised: whoever shows words of a letter
    shows only those that a catalogue names.
    """
    for word, shape in _PERSONAL:
        text = shape.sub(word, text)
    return text
