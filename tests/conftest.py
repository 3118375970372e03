"""Tests that need a server: skipped where there is none, failed where there must be one.

SUTONG_REQUIRE_SERVICES=1 requires what `.ci/run` installs, the browser (tests/browser); a server
is required by its name: SUTONG_REQUIRE_SERVICES=1,postgresql,kafka.
"""

import os

import pytest

# marker -> the variable that names the server
SERVERS = {"postgresql": "SUTONG_TEST_DATABASE_URL", "kafka": "SUTONG_TEST_BROKER_URL"}


def pytest_runtest_setup(item: pytest.Item) -> None:
    required = os.environ.get("SUTONG_REQUIRE_SERVICES", "").split(",")
    for marker, variable in SERVERS.items():
        if item.get_closest_marker(marker) is None or os.environ.get(variable):
            continue
        if marker in required:
            pytest.fail(f"{marker} is required, and {variable} is not set", pytrace=False)
        pytest.skip(f"{marker}: {variable} is not set")
