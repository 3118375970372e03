"""Tests that need a service: skipped where it is missing, failed where it must be there."""

import os

import pytest

# marker -> the variable that names the service
SERVICES = {"kafka": "SUTONG_TEST_BROKER_URL", "postgresql": "SUTONG_TEST_DATABASE_URL"}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, variable in SERVICES.items():
        if item.get_closest_marker(marker) is None or os.environ.get(variable):
            continue
        if os.environ.get("SUTONG_REQUIRE_SERVICES"):
            pytest.fail(f"SUTONG_REQUIRE_SERVICES is set, and {variable} is not", pytrace=False)
        pytest.skip(f"{marker}: {variable} is not set")
