"""Find personal data and secrets in files: mobile numbers, ID numbers, keys.

Run by pre-commit over the staged files, and by tests/test_house_rules.py over the whole tree.
Made-up data must show that it is made up: mobile numbers have four zeros after the third digit
(138 0000 xxxx), ID numbers begin with 00, which no area does.
"""

import re
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

_MOBILE = re.compile(r"(?<![0-9A-Za-z.])(?:\+?86[- ]?)?1[3-9]\d(?!0000)\d{8}(?![0-9A-Za-z])")
_ID_NUMBER = re.compile(r"(?<![0-9A-Za-z])[1-9]\d{16}[0-9Xx](?![0-9A-Za-z])")
_SECRETS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    "a cloud access key": re.compile(r"\b(?:AKIA|LTAI|AKID)[0-9A-Za-z]{16,}\b"),
    "a code host's token": re.compile(r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|glpat-[0-9A-Za-z_-]{20})"),
}
# GB 11643: weights of the first 17 digits, and the check character of their sum modulo 11
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"


def is_id_number(text: str) -> bool:
    """Return whether 18 characters are a resident ID: a birth date and a right check character."""
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text, strict=False))
    return _CHECK_CHARACTERS[total % 11] == text[17].upper()


def findings(text: str) -> list[tuple[int, str]]:
    """Return (line number from 1, what stands there), without repeating the thing itself."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if _MOBILE.search(line):
            found.append((number, "a mobile number (made-up ones: 138 0000 xxxx)"))
        if any(is_id_number(match[0]) for match in _ID_NUMBER.finditer(line)):
            found.append((number, "an ID number (made-up ones begin with 00)"))
        found += [(number, what) for what, shape in _SECRETS.items() if shape.search(line)]
    return found


def in_file(path: Path) -> list[str]:
    """Return the findings of one file as sentences; a file that is not UTF-8 text has none."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    return [f"{path}:{number}: {what}" for number, what in findings(text)]


def main(names: Iterable[str]) -> int:
    sentences = [sentence for name in names for sentence in in_file(Path(name))]
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
