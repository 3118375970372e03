"""A hub as a process of its own: started from settings, watched, stopped or killed by its pid."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

_READY_SECONDS = 60.0
_STOP_SECONDS = 35.0
_LOOK_SECONDS = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")
SUTONG = (sys.executable, "-c", "from hub.cli import main; main()")


class HubNotReady(Exception):
    """It ended, or was not ready in time; the log says why."""


class HubProcess:
    """One hub, or one process of it, on loopback.

    port:     where it says whether it is ready.
    command:  what is run, e.g. (*SUTONG, "run").
    log:      where it writes.
    own:      SUTONG_* variables of this process alone.
    """

    def __init__(
        self,
        home: Path,
        port: int,
        command: Sequence[str],
        log: Path,
        own: Mapping[str, str] | None = None,
    ) -> None:
        self.home, self.port, self.log, self._own = home, port, log, dict(own or {})
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise HubNotReady("it was never started")
        return self._process.pid

    @property
    def name(self) -> str:
        """What its log is called."""
        return self.log.stem

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start it, and do not wait."""
        inherited = {name: value for name, value in os.environ.items() if "SUTONG" not in name}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**inherited, "SUTONG_HOME": str(self.home), **self._own},
            )

    async def start(self) -> float:
        """Start; seconds until /health/ready said so. Raises: HubNotReady."""
        begun = time.monotonic()
        self.launch()
        async with caller() as client:
            while time.monotonic() - begun < _READY_SECONDS and self.running:
                if await self.is_ready(client):
                    return time.monotonic() - begun
                await asyncio.sleep(_LOOK_SECONDS)
        self.kill()
        raise HubNotReady(f"not ready after {time.monotonic() - begun:.0f} s:\n{self.last_lines()}")

    async def is_ready(self, client: httpx.AsyncClient) -> bool:
        """Whether /health/ready says so now. client: see `caller`."""
        try:
            return (await client.get(f"{self.url}/health/ready")).is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """SIGKILL, by the id of the process that we started."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()

    async def stop(self) -> int:
        """SIGTERM, and SIGKILL when it does not end; its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return await asyncio.to_thread(self._process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def cpu_seconds(self) -> float:
        """Processor time, user and system, that it has used so far."""
        return cpu_seconds(self.pid)

    def peak_rss_mb(self) -> float:
        return _status_mb(self.pid, "VmHWM:")

    def rss_mb(self) -> float:
        return rss_mb(self.pid)

    def last_lines(self, count: int = 15) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])


def caller() -> httpx.AsyncClient:
    """For `HubProcess.is_ready`; one for many calls, since each costs an SSL context."""
    return httpx.AsyncClient(trust_env=False, timeout=5)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int) -> float:
    """Resident memory now."""
    return _status_mb(pid, "VmRSS:")


def _status_mb(pid: int, row: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(row):
            return int(line.split()[1]) / 1024
    return 0.0


def database_cpu_seconds(url: str | None) -> float:
    """Of the PostgreSQL server on this machine; 0 for SQLite, which works inside the hub."""
    if not url or not url.startswith("postgresql"):
        return 0.0
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == "postgres":
                total += cpu_seconds(int(folder.name))
        except OSError:
            continue
    return total


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_settings(home: Path, settings: Mapping[str, Any]) -> None:
    """sutong.toml in the hub's home."""
    home.mkdir(parents=True, exist_ok=True)
    plain = {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    lines = [f"{name} = {_toml(value)}" for name, value in plain.items()]
    for name, section in settings.items():
        if name in plain:
            continue
        if name == "peers":
            for peer, entry in section.items():
                lines += ["", f'[peers."{peer}"]', *_rows(entry)]
        else:
            lines += ["", f"[{name}]", *_rows(section)]
    (home / "sutong.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rows(section: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in section.items()]


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{k}" = {_toml(v)}' for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
