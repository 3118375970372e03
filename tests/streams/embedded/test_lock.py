"""One worker a file: refused with a reason, and free again when the holder dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.embedded.lock import LogInUse, WorkerLock, describe_holder

_HOLD = """
import sys
from pathlib import Path
from streams.embedded.lock import WorkerLock
WorkerLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_worker_is_told_who_and_what_to_do(tmp_path: Path) -> None:
    first, second = WorkerLock(tmp_path / "log.db"), WorkerLock(tmp_path / "log.db")
    first.acquire()
    with pytest.raises(LogInUse, match=rf"process {os.getpid()} \(this very process\).*kafka://"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        lock = WorkerLock(path)
        with pytest.raises(LogInUse, match=f"process {child.pid} on "):
            lock.acquire()
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=10)
    lock.acquire()
    lock.release()


@pytest.mark.parametrize("card", [b"", b'{"pid": 1', b"[]", b"{}"])
def test_an_unreadable_card_still_makes_a_sentence(card: bytes) -> None:
    assert describe_holder(card) == "another process"
