"""What the end of a try means: which error leads to which state of the delivery. Pure."""

from dataclasses import dataclass

from schemas.errors import (
    ConnectorError,
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)
from schemas.outbound import DeliveryState

_CERTAIN = {
    PeerUnavailable: DeliveryState.PENDING,
    RequestRefused: DeliveryState.REFUSED,
    PayloadNotUnderstood: DeliveryState.DEAD,
}


@dataclass(frozen=True)
class Ending:
    """state: PENDING and UNCERTAIN are tried again while the schedule has waits left.

    silent: the peer gave no answer (for the circuit breaker); None when that cannot be told.
    """

    state: DeliveryState
    in_doubt: bool
    silent: bool | None
    peer_code: str
    detail: str


def ending_of(error: Exception, *, asking: bool) -> Ending:
    """asking: the peer was being asked about an earlier try, about which nothing is known yet.

    An error that no connector should raise is a fault of ours; what the peer has, nobody knows.
    """
    if not isinstance(error, ConnectorError):
        late = isinstance(error, TimeoutError)
        detail = "no answer in time" if late else f"fault: {type(error).__name__}"
        return Ending(DeliveryState.UNCERTAIN, True, True if late else None, "-", detail)
    in_doubt = asking or error.uncertain
    silent = isinstance(error, PeerUnavailable)
    if isinstance(error, CredentialRefused):
        state = DeliveryState.HELD
    elif in_doubt:
        state = DeliveryState.UNCERTAIN
    else:
        state = _CERTAIN.get(type(error), DeliveryState.UNCERTAIN)
        in_doubt = state is DeliveryState.UNCERTAIN
    return Ending(state, in_doubt, silent, error.peer_code, error.detail)
