"""How much one address may upload within an hour without naming a matter: files and bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from console.rate_limit import address_of, name_of

HOUR = 3600.0


@dataclass
class _Used:
    files: int = 0
    size: int = 0


@dataclass
class UploadQuota:
    """Counts by address, in hours that begin with an upload; then all is forgotten at once.

    Counted before a body is read: many uploads at once do not pass together. What was refused has
    been read all the same, and stays counted.

    monotonic: seconds on a clock that never goes back.
    loopback:  whether this machine's own addresses are limited, too.
    """

    most_files: int
    most_bytes: int
    monotonic: Callable[[], float]
    loopback: bool = False
    _began: float = float("-inf")
    _used: dict[str, _Used] = field(default_factory=dict)

    def wait_seconds(self, request: web.Request, largest: int) -> int:
        """0 when the upload may be read, and is counted; else after how many seconds to try again.

        largest: bytes that are read at most; counted when the request does not say its length.
        """
        address = address_of(request)
        if address is None or (address.is_loopback and not self.loopback):
            return 0
        now = self.monotonic()
        if now - self._began >= HOUR:
            self._began = now
            self._used.clear()
        used = self._used.setdefault(name_of(address), _Used())
        length = request.content_length
        size = largest if length is None else min(length, largest)
        if used.files >= self.most_files or used.size + size > self.most_bytes:
            return max(1, round(self._began + HOUR - now))
        used.files += 1
        used.size += size
        return 0
