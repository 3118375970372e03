"""Pushes that were refused: each one counted, and a line in the log only once in a while."""

from collections.abc import Callable, Mapping

import structlog

from schemas.errors import ConnectorError, CredentialRefused, PayloadNotUnderstood

QUIET_SECONDS = 3600.0  # between two lines about one peer and reason: a flood must not fill the log
log = structlog.get_logger(__name__)


class RefusedPushes:
    """Counts of this process, by peer and reason."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """monotonic: seconds on a clock that never goes back."""
        self._monotonic = monotonic
        self._counts: dict[tuple[str, str], int] = {}
        self._told: dict[tuple[str, str], tuple[float, int]] = {}  # when, and the count then

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """(peer, reason) -> how many since the start."""
        return self._counts

    def note(self, peer: str, refusal: ConnectorError) -> None:
        key = peer, reason_of(refusal)
        count = self._counts[key] = self._counts.get(key, 0) + 1
        now = self._monotonic()
        at, before = self._told.get(key, (float("-inf"), 0))
        if now - at >= QUIET_SECONDS:
            self._told[key] = now, count
            log.warning("pushes refused", peer=peer, reason=key[1], count=count - before)


def reason_of(refusal: ConnectorError) -> str:
    """One of few words: what the caller wrote is no part of it."""
    match refusal:
        case CredentialRefused():
            return refusal.peer_code if refusal.peer_code != "-" else "credential"
        case PayloadNotUnderstood():
            return "payload"
    return "operation"
