"""What a command asks for, in 16 bytes: an id that comes again is a repeat only with the same."""

from hashlib import sha256
from typing import Any

from schemas.commands import Command, RegisterTicket, SaveDraft

_LENGTH = 16  # bytes
# who asks, when and why may differ between repeats; a new ticket's id is another one each time
_NOT_ASKED: dict[str, Any] = {
    **dict.fromkeys(("command_id", "ticket_id", "actor", "at", "cause"), True),
    "registration": {"received_at"},
}


def fingerprint(command: Command) -> bytes:
    """Of the action, the ticket (unless the command may make it) and the command's own fields.

    Defaults count as not given, so that a field which a later release adds changes nothing.
    """
    about = "" if isinstance(command, SaveDraft | RegisterTicket) else command.ticket_id
    asked = command.model_dump_json(exclude=_NOT_ASKED, exclude_defaults=True)
    return sha256(f"{command.action} {about} {asked}".encode()).digest()[:_LENGTH]


def asks_for_other(first: bytes | None, command: Command) -> bool:
    """Whether `command` is not what the first with its id was; None: not known any more."""
    return first is not None and first != fingerprint(command)
