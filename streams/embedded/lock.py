"""One worker per log file: an advisory lock that the kernel lets go of when the process dies."""

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_NOBODY = "another process"


class LogInUse(RuntimeError):
    """A second worker was pointed at the same log file. Stop one of the two, or use Kafka."""


class WorkerLock:
    """Holds `<log file>.lock`; the file stays behind, only the kernel's lock counts."""

    def __init__(self, log_path: Path) -> None:
        self.path = log_path.with_name(log_path.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock at once or raise LogInUse, saying who holds it and what to do."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = describe_holder(os.read(descriptor, 4096))
            os.close(descriptor)
            raise LogInUse(
                f"{self.path} is held by {holder}. One worker owns an embedded log: stop that "
                "worker, give this one another broker URL, or set a kafka:// broker URL to run "
                "several workers."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _own_card(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def describe_holder(card: bytes) -> str:
    """Name the process whose card lies in the lock file; it may be cut short or empty."""
    try:
        facts: dict[str, Any] = json.loads(card)
        own = " (this very process)" if facts["pid"] == os.getpid() else ""
        return f"process {facts['pid']}{own} on {facts['host']} since {facts['since']}"
    except (ValueError, KeyError, TypeError):
        return _NOBODY


def _own_card() -> bytes:
    facts = {
        "pid": os.getpid(),
        "host": os.uname().nodename,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return json.dumps(facts).encode()
