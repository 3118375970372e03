"""Ids for commands that a benchmark asks for itself; pages and programs bring their own."""

import secrets
import time
from uuid import UUID

from schemas.ids import new_command_id


def fresh_command_id() -> UUID:
    """An id as a page would make it now."""
    return new_command_id(time.time_ns() // 1_000_000, secrets.randbits(128))
