"""Ticket numbers, event numbers, command ids and idempotency keys.

Ids count milliseconds from 2025 on. No hub ran in the first days of that year: their ids stand for
the years from 2000 to then, so that imported tickets have ids of their own time (decision 0010).
"""

import hashlib
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

EPOCH_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z; 41 bits of milliseconds last until 2094
PAST_BEGINS_MS = 946_684_800_000  # 2000-01-01T00:00:00Z: the id 0
_PAST_STRETCH = 762  # of it, each millisecond of id time lasts so many
# twelve days; from there on a millisecond of id time is one
_PAST_MS = (EPOCH_MS - PAST_BEGINS_MS) // (_PAST_STRETCH - 1)
_PAST_UNITS_S = (1, 60, 3600)  # within which the order of imported tickets is by lot
NODE_BITS, COUNT_BITS, SEQUENCE_BITS = 5, 7, 10
LAST_SEQUENCE = (1 << SEQUENCE_BITS) - 1  # events that one ticket can hold
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U to mishear on the phone
_HUB_ZONE = timezone(timedelta(hours=8))
_ZONE_MS, _DAY_MS = 8 * 3_600_000, 24 * 3_600_000
_WITHIN_DAY_LETTERS = 8  # 40 bits
_DERIVED = 8  # UUID version of command ids that the hub works out from their cause
_LENGTH = len("STyymmdd") + _WITHIN_DAY_LETTERS


class TicketIds:
    """Hands out ticket ids: 53-bit integers that rise with time, safe across processes by `node`.

    A clock that jumps back does not make ids fall: the last millisecond is kept and counted on.
    """

    def __init__(self, now_ms: Callable[[], int], node: int = 0) -> None:
        if not 0 <= node < 1 << NODE_BITS:
            raise ValueError(f"node must be 0..{(1 << NODE_BITS) - 1}, not {node}")
        self._now_ms, self._node = now_ms, node
        self._last_ms, self._count = 0, 0
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            now = max(_id_time(self._now_ms()), self._last_ms)
            self._count = self._count + 1 if now == self._last_ms else 0
            if self._count >> COUNT_BITS:
                now, self._count = now + 1, 0
            self._last_ms = now
            return (now << NODE_BITS | self._node) << COUNT_BITS | self._count

    def go_on_after(self, ticket_id: int) -> None:
        """Give out only ids above this one of the same node: the clock may have gone back since."""
        with self._lock:
            last = ticket_id >> (NODE_BITS + COUNT_BITS)
            if last >= self._last_ms:
                self._last_ms, self._count = last, (1 << COUNT_BITS) - 1


def node_of(ticket_id: int) -> int:
    """The number of the process that handed it out."""
    return ticket_id >> COUNT_BITS & (1 << NODE_BITS) - 1


def created_at(ticket_id: int) -> datetime:
    """The instant (UTC) at which a ticket id was handed out; of an imported ticket, its own.

    Before 13 January 2025 it is exact to 0.762 s.
    """
    return datetime.fromtimestamp(_created_ms(ticket_id) / 1000, UTC)


def _created_ms(ticket_id: int) -> int:
    elapsed = ticket_id >> (NODE_BITS + COUNT_BITS)
    past = elapsed < _PAST_MS
    return PAST_BEGINS_MS + elapsed * _PAST_STRETCH if past else EPOCH_MS + elapsed


def _id_time(now_ms: int) -> int:
    """Milliseconds of id time, the first that is not before `now_ms`; 0 before 2000."""
    if now_ms >= EPOCH_MS + _PAST_MS:
        return now_ms - EPOCH_MS
    return max(0, -((PAST_BEGINS_MS - now_ms) // _PAST_STRETCH))


def first_id_at(instant: datetime) -> int:
    """The smallest id that can be handed out at or after `instant`; bounds a time range."""
    return _id_time(int(instant.timestamp() * 1000)) << (NODE_BITS + COUNT_BITS)


def past_id(instant: datetime, key: str, attempt: int = 0) -> int:
    """An id for a ticket of the past, worked out from its time and whatever names it.

    It is by lot within its second (before 2025: minute); every attempt draws anew, the later ones
    within the minute and the hour. Whoever asks sees whether it is taken.
    """
    unit = min(attempt + (instant.timestamp() * 1000 < EPOCH_MS + _PAST_MS), len(_PAST_UNITS_S) - 1)
    seconds = _PAST_UNITS_S[unit]
    begin = max(int(instant.timestamp()), PAST_BEGINS_MS // 1000) // seconds * seconds
    low = first_id_at(datetime.fromtimestamp(begin, UTC))
    high = first_id_at(datetime.fromtimestamp(begin + seconds, UTC))
    lot = hashlib.sha256(f"{attempt}\x1f{key}".encode()).digest()
    return low + int.from_bytes(lot[:8]) % (high - low)


def ticket_no(ticket_id: int) -> str:
    """The number people read to each other, e.g. `ST261125-7K3M9Q2X`: day, then within the day."""
    prefix, first_id = _day((_created_ms(ticket_id) + _ZONE_MS) // _DAY_MS)
    rest, letters = ticket_id - first_id, []
    for _ in range(_WITHIN_DAY_LETTERS):
        rest, digit = divmod(rest, 32)
        letters.append(_ALPHABET[digit])
    return prefix + "".join(reversed(letters))


@lru_cache(maxsize=512)  # a page of a list has few days
def _day(number: int) -> tuple[str, int]:
    """How numbers of a day begin, and its first id. number: days since 1970 in the hub's zone."""
    day = datetime.fromtimestamp((number * _DAY_MS - _ZONE_MS) // 1000, _HUB_ZONE)
    return f"ST{day:%y%m%d}-", first_id_at(day)


def ticket_id_of(number: str) -> int:
    """Read a ticket number as people write it (lower case, no dash, O for 0, I or L for 1).

    Raises: ValueError when it is not one of our numbers.
    """
    text = number.strip().upper().replace("-", "").replace(" ", "")
    if len(text) != _LENGTH or not text.startswith("ST"):
        raise ValueError(f"not a ticket number: {number!r}")
    day = datetime.strptime(text[2:8], "%y%m%d").replace(tzinfo=_HUB_ZONE)
    rest = 0
    for letter in text[8:].replace("O", "0").replace("I", "1").replace("L", "1"):
        if (digit := _ALPHABET.find(letter)) < 0:
            raise ValueError(f"not a ticket number: {number!r}")
        rest = rest << 5 | digit
    return first_id_at(day) + rest


def event_id(ticket_id: int, sequence: int) -> int:
    """One 63-bit number for an event, so that no second index is needed.

    Raises: ValueError when the ticket is full (1,023 events).
    """
    if not 0 < sequence <= LAST_SEQUENCE:
        raise ValueError(f"event sequence {sequence} is outside 1..{LAST_SEQUENCE}")
    return ticket_id << SEQUENCE_BITS | sequence


def split_event_id(number: int) -> tuple[int, int]:
    return number >> SEQUENCE_BITS, number & LAST_SEQUENCE


def new_command_id(now_ms: int, random_bits: int) -> uuid.UUID:
    """A UUIDv7 (RFC 9562): time-ordered, which keeps the inbox index small and warm."""
    return _time_ordered(now_ms, random_bits, version=7)


def derived_command_id(at: datetime, *parts: str | int) -> uuid.UUID:
    """The same parts give the same id, so a repeated message is one command.

    at: when the cause arose (stored with the cause, never "now"); it makes the id time-ordered.
    It is a UUIDv8: anybody can work it out beforehand, so nobody from outside may bring one.
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return _time_ordered(int(at.timestamp() * 1000), int.from_bytes(digest[:16]), _DERIVED)


def is_derived(command_id: uuid.UUID) -> bool:
    """Whether it is of the kind that only the hub gives to its own commands."""
    return command_id.int >> 76 & 0xF == _DERIVED


def _time_ordered(milliseconds: int, random_bits: int, version: int) -> uuid.UUID:
    value = (milliseconds & (1 << 48) - 1) << 80 | version << 76 | (random_bits >> 62 & 0xFFF) << 64
    return uuid.UUID(int=value | 0b10 << 62 | random_bits & (1 << 62) - 1)


def delivery_key(event: int, destination: str) -> str:
    """The idempotency key of one delivery; the same over all its tries."""
    return f"{event}.{destination}"
