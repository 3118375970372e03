"""How often one address may call within a minute; loopback is not limited unless asked for."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import web

MINUTE = 60.0
_NEIGHBOURS = 64  # bits: whoever has one IPv6 address has the whole network of them
Address = IPv4Address | IPv6Address


class RateLimit:
    """Counts by address, in minutes that begin with a call; then all is forgotten at once."""

    def __init__(
        self, per_minute: int, monotonic: Callable[[], float], *, loopback: bool = False
    ) -> None:
        """monotonic: seconds on a clock that never goes back."""
        self._most, self._monotonic, self._loopback = per_minute, monotonic, loopback
        self._began = float("-inf")
        self._calls: dict[str, int] = {}

    def wait_seconds(self, request: web.Request) -> int:
        """0 when the call may go on, else after how many seconds another try makes sense."""
        address = address_of(request)
        if address is None or (address.is_loopback and not self._loopback):
            return 0
        now = self._monotonic()
        if now - self._began >= MINUTE:
            self._began = now
            self._calls.clear()
        name = name_of(address)
        calls = self._calls.get(name, 0) + 1
        if calls > self._most:
            return max(1, round(self._began + MINUTE - now))
        self._calls[name] = calls
        return 0


def address_of(request: web.Request) -> Address | None:
    """Who calls. A proxy on this machine is believed about its own caller; nobody else is."""
    address = _parsed(request.remote or "")
    if address is not None and address.is_loopback:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        return _parsed(forwarded) or address
    return address


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def name_of(address: Address) -> str:
    """Under what an address is counted."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _NEIGHBOURS), strict=False))
    return str(address)
