"""Which database errors mean "try later", and which "do it again at once"."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from schemas.errors import StoreBusy

_BUSY_SQLITE = ("BUSY", "LOCKED", "FULL", "IOERR", "CANTOPEN", "READONLY", "NOMEM", "PROTOCOL")
# PostgreSQL classes: connection lost, out of resources, operator intervention
_BUSY_SQLSTATE = ("08", "53", "57")
# serialization failure, deadlock, unique violation: another process wrote between look and write
_CONFLICTS = frozenset({"40001", "40P01", "23505"})


@contextmanager
def busy_said() -> Iterator[None]:
    """Raises StoreBusy for an error that says the database is away."""
    try:
        yield
    except Exception as error:
        if (reason := busy_reason(error)) is None:
            raise
        raise StoreBusy(reason) from error


def busy_reason(error: BaseException) -> str | None:
    """Why the database cannot serve now, or None when the statement itself is at fault."""
    if isinstance(error, PoolTimeout | OSError):
        return f"no connection: {type(error).__name__}"
    if not isinstance(error, DBAPIError):
        return None
    name = getattr(error.orig, "sqlite_errorname", None)
    if isinstance(name, str):
        busy = any(name.startswith(f"SQLITE_{kind}") for kind in _BUSY_SQLITE)
        return name if busy else None
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or (isinstance(state, str) and state[:2] in _BUSY_SQLSTATE):
        return f"database away: {state}"
    return None


def is_conflict(error: BaseException) -> bool:
    """Whether another process came in between: the same work may well succeed the next time."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _CONFLICTS


def is_collision(error: BaseException) -> bool:
    """Whether two transactions met and the server ended this one: nothing of it has happened."""
    return isinstance(error, DBAPIError) and str(getattr(error.orig, "sqlstate", "")).startswith(
        "40"
    )
