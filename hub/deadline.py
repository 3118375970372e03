"""The end of a process that does not end by itself in time: what is kept is kept, the rest repeats.

An orderly stop waits for others: a peer's answer, the database, a Kafka that is away. None of it is
needed, because rows come before records and a try is in doubt before it is made: a process may end
anywhere. So after a while it does, instead of waiting for the supervisor to kill it.
"""

import os
import sys
import threading

import structlog

STOP_SECONDS = 25.0  # after the signal; the units of systemd kill after 35
REST_SECONDS = 2.0  # once all that is ours is closed: threads of libraries may hang for minutes
log = structlog.get_logger(__name__)


def end_within(seconds: float, code: int) -> None:
    """End this process with `code` after so many seconds, whatever it is at by then."""
    timer = threading.Timer(seconds, _end, (seconds, code))
    timer.daemon = True
    timer.start()


def _end(seconds: float, code: int) -> None:
    log.warning("stop took too long, ending now", seconds=seconds)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
