"""Text that can be seen: without control and format characters, and not made of fillers alone.

Zero-width and direction marks let a title look empty, or read backwards, on every screen and peer.
"""

import re
from typing import Any

from pydantic import BeforeValidator

# Unicode 14, categories Cc and Cf; but not tab and line ends, nor the zero width joiner U+200D
INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    "\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U00013438\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f]"
)
_SIGNS = "\u2190-\u2bff\U0001f000-\U0001faff"
# the joiner belongs between two signs only, the first perhaps with its variation selector
_STRAY_JOINER = re.compile(f"(?<![\ufe0f{_SIGNS}])\u200d|\u200d(?![{_SIGNS}])")
# no category tells these: variation selectors, fillers, the empty braille cell
_NOTHING = re.compile(
    "[\\s\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u2800\u3164\ufe00-\ufe0f\uffa0]*"
)
_LINE_ENDS = re.compile(r"[\t\r\n\u2028\u2029]+")


def visible(given: Any) -> Any:
    """Text without what cannot be seen; empty when nothing is left. Others as they are."""
    if not isinstance(given, str) or (given.isprintable() and given.isascii() and given.strip()):
        return given
    text = given
    if not given.isprintable():  # what is printable holds neither joiner nor invisible
        text = _STRAY_JOINER.sub("", INVISIBLE.sub("", given))
    return "" if _NOTHING.fullmatch(text) else text


def visible_line(given: Any) -> Any:
    """The same on one line."""
    text = visible(given)
    return _LINE_ENDS.sub(" ", text) if isinstance(text, str) else text


# behind the constraints of a type, so that they see what is left
VISIBLE = BeforeValidator(visible)
VISIBLE_LINE = BeforeValidator(visible_line)
