"""Keyed digests of phone, name and identity number, so that they are found without being stored.

The key comes from the hub's settings; with another key nothing that was written before is found.
"""

import hashlib
import hmac
import re
from collections.abc import Callable

from schemas.parties import Citizen
from ticket_store.bigrams import folded

_DIGEST_BYTES = 16
_MOBILE = re.compile(r"(?:0086|86)?(1\d{10})")
_PHONE = re.compile(r"\+?[\d\- ()]{5,24}")
_FEWEST_DIGITS = 5  # short service numbers
_NAME = re.compile(r"[^\W\d_]{1,12}(?:[·• ][^\W\d_]{1,20}){0,3}")
_ID_NO = re.compile(r"[0-9a-z]{8,24}")


def plain_phone(text: str) -> str:
    """Digits only; a mainland mobile without its country code."""
    digits = re.sub(r"\D", "", text)
    mobile = _MOBILE.fullmatch(digits)
    return mobile[1] if mobile else digits


class PersonalKeys:
    def __init__(self, key: bytes) -> None:
        """Raises ValueError for a key shorter than 16 bytes: phone numbers are soon tried out."""
        if len(key) < _DIGEST_BYTES:
            raise ValueError("the key for personal data must have 16 bytes or more")
        self._key = key

    def phone(self, phone: str) -> bytes:
        return self._digest("phone", plain_phone(phone))

    def of_citizen(self, citizen: Citizen) -> frozenset[bytes]:
        keys = {self._digest("name", _plain(citizen.name))}
        if citizen.phone:
            keys.add(self.phone(citizen.phone))
        if citizen.id_no:
            keys.add(self._digest("id_no", _plain(citizen.id_no)))
        return frozenset(keys)

    def of_query(self, text: str) -> frozenset[bytes]:
        """The digests that somebody who types `text` may mean."""
        plain = folded(text)
        keys: set[bytes] = set()
        if _PHONE.fullmatch(plain) and len(plain_phone(plain)) >= _FEWEST_DIGITS:
            keys.add(self.phone(plain))
        kinds: list[tuple[str, Callable[[str], object]]] = [
            ("name", _NAME.fullmatch),
            ("id_no", _ID_NO.fullmatch),
        ]
        keys.update(self._digest(kind, _plain(plain)) for kind, fits in kinds if fits(plain))
        return frozenset(keys)

    def _digest(self, kind: str, plain: str) -> bytes:
        message = f"{kind}\x1f{plain}".encode()
        return hmac.new(self._key, message, hashlib.sha256).digest()[:_DIGEST_BYTES]


def _plain(text: str) -> str:
    return re.sub(r"[\s·•]", "", folded(text))
