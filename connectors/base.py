"""What every connector is: Page, Push, and the Connector protocol."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from schemas.intake import Intake
from schemas.outbound import Outbound, Receipt
from schemas.ticket import Source


@dataclass(frozen=True)
class Body:
    """One untouched message of a peer.

    peer_message_no: the peer's own id of the message or of its version; the same message seen
    twice has the same one. It makes the row in the store unique per peer.
    """

    content: bytes
    peer_message_no: str
    content_type: str = "application/json"


@dataclass(frozen=True)
class Page:
    """What one poll brought, oldest first. `cursor` is saved once all bodies are rows."""

    bodies: Sequence[Body]
    cursor: str


@dataclass(frozen=True)
class Push:
    """A call that a peer made to the hub's gateway; header names in lower case."""

    method: str
    path: str  # below the peer's own prefix, e.g. "orders"
    headers: Mapping[str, str]
    query: Mapping[str, str]
    content: bytes


@dataclass(frozen=True)
class Answer:
    """What the gateway answers a peer, in the peer's own form."""

    status: int
    content: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Connector(Protocol):
    """A peer: one settings entry of one dialect. Any method may raise the four ConnectorErrors."""

    @property
    def name(self) -> str: ...  # of the settings entry

    @property
    def source(self) -> Source: ...

    async def check(self) -> None:
        """Return when the peer is reachable and the credentials are good."""

    def translate(self, body: bytes) -> Sequence[Intake]:
        """Pure. Raises PayloadNotUnderstood."""

    async def deliver(self, outbound: Outbound) -> Receipt:
        """Send once. Raises PeerUnavailable(uncertain=True) when it may have arrived."""

    async def ask(self, outbound: Outbound) -> Receipt | None:
        """Whether an earlier try of this delivery arrived: its receipt, or None if it did not."""

    async def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class Polling(Connector, Protocol):
    """A peer that is asked. `poll` yields pages until nothing newer is there."""

    @property
    def poll_seconds(self) -> float: ...

    def poll(self, cursor: str) -> AsyncIterator[Page]: ...


@runtime_checkable
class Receiving(Connector, Protocol):
    """A peer that calls us at /peers/<name>/<path>."""

    def receive(self, push: Push) -> Sequence[Body]:
        """Check signature and form. Raises CredentialRefused, PayloadNotUnderstood."""

    def answer(self, outcome: Exception | None) -> Answer:
        """The answer once every body is a row (None), or the refusal in the peer's words."""
