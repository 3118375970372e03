"""A disk that is full for real: a small file system of the test's own, filled to its last byte."""

import errno
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.hub.commands import sutong_process
from tests.hub.running import HubProcess, started, wait_for

MEGABYTE = 1 << 20
SIZE = 160 * MEGABYTE  # readiness is red below 64 MB that are free
PORTAL = json.dumps({"portal": {"dialect": "web_portal"}})
MATTER = {
    "title": "路灯不亮",
    "text": "小区门口的路灯三天不亮。" * 100,
    "citizen": {"name": "王某某", "phone": "13800001234"},
}
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(50_000)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which only root may make."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    made = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)]
    if subprocess.run(made, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - the system's


class Ballast:
    """What somebody else wrote on the disk."""

    def __init__(self, disk: Path) -> None:
        self._file = disk / "ballast"

    def fill(self) -> None:
        with self._file.open("ab", buffering=0) as file:
            size = MEGABYTE
            while size:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def throw_away(self) -> None:
        self._file.unlink()


def hand_in(hub: HubProcess, key: str) -> int:
    return hub.post("/api/portal/v1/matters", MATTER, Idempotency_Key=key)[0]


def waits(hub: HubProcess) -> bool:
    return 'sutong_inbound{outcome="waiting"} 0.0' not in hub.get("/metrics")[1]


def test_a_full_disk_refuses_and_goes_on_without_a_restart(disk: Path) -> None:
    home, ballast = disk / "home", Ballast(disk)
    with started("run", home, SUTONG_PEERS=PORTAL) as hub:
        hub.wait_until_ready()
        assert hand_in(hub, "first") == 201
        taken = ["first"]
        ballast.fill()
        for number in range(500):  # the logs have pages of their own to fill first
            ballast.fill()
            status, headers, _ = hub.call("/api/portal/v1/matters", MATTER, f"full {number}")
            if status == 503:
                break
            assert status == 201
            taken.append(f"full {number}")
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        status, headers, _ = hub.upload("/api/portal/v1/attachments", PICTURE, "picture")
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        status, told = hub.get("/health/ready")
        assert status == 503
        assert "disk: 0 MB free" in told
        assert "writes were refused" in told
        assert hub.get("/health/live")[0] == 200
        ballast.throw_away()
        wait_for(lambda: hand_in(hub, "after") == 201)
        taken.append("after")
        assert hub.upload("/api/portal/v1/attachments", PICTURE, "picture")[0] == 201
        wait_for(lambda: not waits(hub))
        assert [hand_in(hub, key) for key in taken] == [201] * len(taken)  # repeats, no doubles
        assert hub.end() < 30
        assert hub.process.returncode == 0
    registered = _outcomes(home)
    assert registered == {"registered": len(taken)}
    audit = sutong_process("audit", "verify", "--json", home=home)
    assert audit.json["ok"]


def _outcomes(home: Path) -> dict[str, int]:
    with closing(sqlite3.connect(home / "tickets.db")) as store:
        return dict(store.execute("SELECT outcome, count(*) FROM inbound GROUP BY outcome"))
