"""Tests that need a server: skipped where there is none, failed where there must be one.

SUTONG_REQUIRE_SERVICES=1 requires what `.ci/run` installs, the browser (tests/browser); a server
is required by its name: SUTONG_REQUIRE_SERVICES=1,postgresql,kafka. Programs that tests call
(nginx, systemd-analyze) are required by `programs`.

Tests on Kafka run one at a time, whatever process they are in: the topics have fixed names.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(autouse=True)
def _kafka_alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Taken before the test's own fixtures; the kernel gives it back when a process dies."""
    broker = os.environ.get(SERVERS["kafka"], "")
    if request.node.get_closest_marker("kafka") is None or not broker:
        yield
        return
    named = hashlib.sha256(broker.encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"sutong-kafka-{named}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def require_programs(*names: str) -> None:
    """Skip the test where one of these programs is missing; fail it where they must be there."""
    missing = [name for name in names if shutil.which(name) is None]
    if not missing:
        return
    if "programs" in os.environ.get("SUTONG_REQUIRE_SERVICES", "").split(","):
        pytest.fail(f"{', '.join(missing)} is required and not installed", pytrace=False)
    pytest.skip(f"{', '.join(missing)} is not installed")
