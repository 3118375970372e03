"""What can be wrong with a connection, in Toxiproxy's words and units."""

import random
from dataclasses import dataclass
from enum import StrEnum


class Stream(StrEnum):
    UPSTREAM = "upstream"  # from the client to the server
    DOWNSTREAM = "downstream"  # from the server to the client


@dataclass(frozen=True)
class Latency:
    """Each piece arrives later by `latency` ms, more or less by up to `jitter` ms."""

    latency: float
    jitter: float = 0.0

    def seconds(self, rng: random.Random) -> float:
        return max(0.0, self.latency + self.jitter * rng.uniform(-1, 1)) / 1000


@dataclass(frozen=True)
class Bandwidth:
    """rate: KB (1,000 bytes) a second."""

    rate: float

    def seconds(self, size: int) -> float:
        return size / (self.rate * 1000)


@dataclass(frozen=True)
class Slicer:
    """Pieces of `average_size` bytes, more or less by `size_variation`, `delay` µs between them."""

    average_size: int
    size_variation: int = 0
    delay: float = 0.0

    def slices(self, data: bytes, rng: random.Random) -> list[bytes]:
        pieces, at = [], 0
        while at < len(data):
            varied = self.average_size + rng.randint(-self.size_variation, self.size_variation)
            end = at + max(1, varied)
            pieces.append(data[at:end])
            at = end
        return pieces


@dataclass(frozen=True)
class Timeout:
    """No data gets through, and the connection is closed after `timeout` ms; 0: never.

    Unlike Toxiproxy's, what came meanwhile is kept and goes on when the toxic is removed: a broken
    line repeats its packets, and a stream with a hole in it is no fault that a network has.
    """

    timeout: float = 0.0


@dataclass(frozen=True)
class ResetPeer:
    """Both ends get a reset (RST) `timeout` ms after the connection has met the toxic."""

    timeout: float = 0.0


@dataclass(frozen=True)
class SlowClose:
    """The end of the stream is passed on `delay` ms late."""

    delay: float


@dataclass(frozen=True)
class LimitData:
    """The connection is closed after `bytes` bytes of this stream have gone through."""

    bytes: int


Toxic = Latency | Bandwidth | Slicer | Timeout | ResetPeer | SlowClose | LimitData


@dataclass(frozen=True)
class Placed:
    """A toxic as it was added. toxicity: the share (0 to 1) of connections that it strikes."""

    name: str
    toxic: Toxic
    stream: Stream
    toxicity: float
