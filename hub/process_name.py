"""Names this process in leases, and says of another name whether its process is gone for certain.

A process of the same place (this boot of this machine, seen from the same process namespace) can be
looked for; of any other only the beat of its lease tells.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_LEFT = "left "  # before the name of one that gave its lease up
_UNKNOWN = "-"
_PARTS = 5
_LONGEST_HOST = 64


@dataclass(frozen=True)
class ProcessName:
    """host: for people. boot, space: where a process id means something; `-` where unknown.

    begun: clock ticks after the boot; tells a process from a later one of the same id.
    """

    host: str
    pid: int
    begun: str
    boot: str
    space: str

    @classmethod
    def mine(cls) -> Self:
        return cls(
            host=socket.gethostname().replace(" ", "-")[:_LONGEST_HOST],
            pid=os.getpid(),
            begun=_begun(os.getpid()),
            boot=_boot(),
            space=_space(),
        )

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The name in a lease's holder; None when it is none of ours."""
        parts = text.removeprefix(_LEFT).split(" ")
        if len(parts) != _PARTS or not parts[1].isdecimal():
            return None
        host, pid, begun, boot, space = parts
        return cls(host, int(pid), begun, boot, space)

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.begun} {self.boot} {self.space}"

    @property
    def left(self) -> str:
        """What stands in a lease that this process gave up."""
        return f"{_LEFT}{self}"

    def shares_place_with(self, other: Self) -> bool:
        return self.boot == other.boot != _UNKNOWN and self.space == other.space != _UNKNOWN


def gone(me: ProcessName, *, one_machine: bool) -> Callable[[str], bool]:
    """Whether the holder that a lease names has ended for certain, or given it up in this place.

    one_machine: the store is a file of this machine, so that an earlier boot's processes are gone.
    What a process of another machine gave up is not free at once: its clock may be ahead of ours,
    and ticket numbers carry the time.
    """

    def is_gone(holder: str) -> bool:
        other = ProcessName.read(holder)
        if other is None or other == me:
            return False
        if one_machine and _UNKNOWN not in {me.boot, other.boot} and me.boot != other.boot:
            return True
        if not me.shares_place_with(other):
            return False
        return holder.startswith(_LEFT) or not _lives(other)

    return is_gone


def _lives(other: ProcessName) -> bool:
    """In doubt it lives."""
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        pass
    return _UNKNOWN in (found := {other.begun, _begun(other.pid)}) or len(found) == 1


def _begun(pid: int) -> str:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _UNKNOWN
    return fields[19]  # proc(5): starttime is the 22nd, and two stand before


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _UNKNOWN


def _space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return _UNKNOWN
