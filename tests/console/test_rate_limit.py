"""Who counts as one caller, and when he may call again."""

import pytest
from aiohttp.test_utils import make_mocked_request

from console.rate_limit import RateLimit
from tests.console.api_stage import Seconds


class _Transport:
    """A connection from `address`."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._address, 50000) if name == "peername" else default


def waits(limit: RateLimit, address: str, forwarded: str | None = None) -> int:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    transport = _Transport(address)
    return limit.wait_seconds(make_mocked_request("GET", "/", headers, transport=transport))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.1", "203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:203.0.113.1", "203.0.113.1", True),
    ],
)
def test_who_is_one_caller(one: str, other: str, same: bool) -> None:
    limit = RateLimit(1, Seconds())
    assert waits(limit, one) == 0
    assert (waits(limit, other) > 0) is same


def test_a_minute_later_the_count_begins_anew() -> None:
    seconds = Seconds()
    limit = RateLimit(2, seconds)
    assert [waits(limit, "203.0.113.1") for _ in range(3)] == [0, 0, 60]
    seconds.at = 45.0
    assert waits(limit, "203.0.113.1") == 15
    seconds.at = 60.0
    assert waits(limit, "203.0.113.1") == 0


def test_only_a_proxy_on_this_machine_is_believed() -> None:
    limit = RateLimit(1, Seconds())
    assert waits(limit, "203.0.113.1", "198.51.100.7") == 0
    assert waits(limit, "203.0.113.1", "198.51.100.8") == 60
    assert waits(limit, "127.0.0.1", "198.51.100.7, 198.51.100.9") == 0
    assert waits(limit, "127.0.0.1", "198.51.100.9") == 60
    assert waits(limit, "127.0.0.1", "nonsense") == 0


def test_loopback_is_free_unless_asked_for() -> None:
    free, bound = RateLimit(1, Seconds()), RateLimit(1, Seconds(), loopback=True)
    for address in ("127.0.0.1", "::1"):
        assert [waits(free, address) for _ in range(3)] == [0, 0, 0]
        assert waits(bound, address) == 0
        assert waits(bound, address) == 60
