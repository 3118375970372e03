"""A hub as a process of its own: started, asked over HTTP, ended by signals."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from tests.hub.commands import command_line, environment

PATIENCE = 60.0  # seconds; never waited in full
PAUSE = 0.05
_OPENER = build_opener(ProxyHandler({}))  # loopback is asked directly


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class HubProcess:
    process: subprocess.Popen[str]
    port: int
    errors: Path

    def get(self, path: str) -> tuple[int, str]:
        try:
            with _OPENER.open(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def post(self, path: str, body: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(
            f"http://127.0.0.1:{self.port}{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", **names},
        )
        try:
            with _OPENER.open(request, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            return error.code, json.loads(error.read())

    def wait_until_ready(self) -> float:
        """Seconds until /health/ready said yes."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            assert self.process.poll() is None, self.log()
            try:
                if self.get("/health/ready")[0] == 200:
                    return time.monotonic() - began
            except (URLError, ConnectionError):
                pass
            time.sleep(PAUSE)
        raise AssertionError(f"not ready after {PATIENCE} s: {self.log()}")

    def log(self) -> str:
        return self.errors.read_text()

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log().splitlines()]

    def end(self, number: int = signal.SIGTERM) -> float:
        """Send the signal and wait for the end; seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        return time.monotonic() - began


def wait_for(what: Callable[[], bool]) -> None:
    """Ask again and again until `what` says yes."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s"
        time.sleep(PAUSE)


@contextmanager
def started(command: str, home: Path, **variables: str) -> Iterator[HubProcess]:
    """A `sutong run`, `worker` or `web`; killed at the end of the block if it still runs."""
    port = free_port()
    errors = home.parent / f"{command}-{port}.log"
    with errors.open("w") as sink:
        process = subprocess.Popen(
            command_line(command),
            env=environment(home, SUTONG_PORT=str(port), **variables),
            cwd=home.parent,
            stdout=sink,
            stderr=sink,
            text=True,
        )
        try:
            yield HubProcess(process, port, errors)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)
