"""Which offsets of a partition were handed out and which are done: the position safe to commit."""

from collections import deque


class Ledger:
    """Tracks one partition from a position on.

    The position moves over a record only when it and all before it are done, whatever the order
    in which they finish, and over gaps that compaction left, because it follows what was handed
    out and not the numbers.
    """

    def __init__(self, position: int) -> None:
        self._position = position
        self._handed_out: deque[int] = deque()
        self._done: set[int] = set()

    @property
    def in_flight(self) -> int:
        return len(self._handed_out) - len(self._done)

    @property
    def dirty(self) -> bool:
        """True if something was done since the position was last asked for."""
        return bool(self._done)

    def hand_out(self, offset: int) -> None:
        """Note that the record was given to the processors; offsets arrive in rising order."""
        self._handed_out.append(offset)

    def done(self, offset: int) -> bool:
        """Note that the record is done; False if it was not in flight, as after a seek."""
        if (
            offset in self._done
            or not self._handed_out
            or not self._handed_out[0] <= offset <= self._handed_out[-1]
        ):
            return False
        self._done.add(offset)
        return True

    def position(self) -> int:
        """Return the next offset to read for somebody who starts anew."""
        while self._handed_out and self._handed_out[0] in self._done:
            offset = self._handed_out.popleft()
            self._done.discard(offset)
            self._position = offset + 1
        return self._position
