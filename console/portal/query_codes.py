"""The code that a citizen is given beside the number of his ticket: kept nowhere, made anew."""

import hashlib
import hmac

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford, as in ticket numbers
_LETTERS, _BITS = 8, 5
_HEARD_WRONG = str.maketrans("OIL", "011")


def query_code(secret: bytes, ticket_id: int) -> str:
    """Eight letters (40 bits) of HMAC-SHA256 over the ticket id."""
    digest = hmac.new(secret, f"query-code\x1f{ticket_id}".encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest[: _LETTERS * _BITS // 8])
    shifts = range((_LETTERS - 1) * _BITS, -1, -_BITS)
    return "".join(_ALPHABET[number >> shift & 0x1F] for shift in shifts)


def fits(secret: bytes, ticket_id: int, given: str) -> bool:
    """Whether `given` is the code, however it is written; takes the same time for any of them."""
    plain = given[:40].upper().replace("-", "").replace(" ", "").translate(_HEARD_WRONG)
    right = query_code(secret, ticket_id)
    return hmac.compare_digest(plain.encode(errors="replace"), right.encode())
