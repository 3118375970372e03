"""A hub as a process of its own: started, asked over HTTP, ended by signals."""

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from tests.hub.commands import command_line, environment

PATIENCE = 60.0  # seconds; never waited in full
_OPENER = build_opener(ProxyHandler({}))  # loopback is asked directly


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Output:
    """What a process writes, read as it comes."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: list[str] = []
        self._ended = False
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(stream,))
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._note(line)
        self._note(None)

    def _note(self, line: str | None) -> None:
        with self._grown:
            if line is None:
                self._ended = True
            else:
                self._lines.append(line)
            self._grown.notify_all()

    def wait_for(self, words: str) -> None:
        """Until a line says so; fails when the process ends before, or says nothing of it."""
        with self._grown:
            self._grown.wait_for(lambda: self._ended or self._says(words), PATIENCE)
            assert self._says(words), f"never said {words!r}: {self.text()}"

    def wait_for_end(self) -> None:
        self._reader.join(PATIENCE)
        assert not self._reader.is_alive()

    def text(self) -> str:
        return "".join(self._lines)

    def _says(self, words: str) -> bool:
        return any(words in line for line in self._lines)


@dataclass
class HubProcess:
    process: subprocess.Popen[str]
    port: int
    output: Output

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

    def call(
        self, path: str, body: dict[str, Any], key: str
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        """POST under an idempotency key: status, headers, answer."""
        return self._send(path, json.dumps(body).encode(), "application/json", key)

    def upload(
        self, path: str, content: bytes, key: str
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        return self._send(path, content, "image/png", key)

    def _send(
        self, path: str, content: bytes, kind: str, key: str
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        headers = {"Content-Type": kind, "Idempotency-Key": key}
        request = Request(f"http://127.0.0.1:{self.port}{path}", content, headers)
        try:
            with _OPENER.open(request, timeout=PATIENCE) as answer:
                return answer.status, answer.headers, json.loads(answer.read())
        except HTTPError as error:
            return error.code, error.headers, json.loads(error.read())

    def wait_until_ready(self) -> None:
        """Until it says that it serves; from then on it is ready."""
        self.output.wait_for('"web started"')
        assert self.get("/health/ready")[0] == 200, self.get("/health/ready")[1]

    def log(self) -> str:
        return self.output.text()

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log().splitlines()]

    def end(self, number: int = signal.SIGTERM) -> float:
        """Send the signal and wait for the end; seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        took = time.monotonic() - began
        self.output.wait_for_end()
        return took


def wait_for(what: Callable[[], bool]) -> None:
    """Ask again and again until `what` says yes. Each time is a call to the hub, so this waits for
    its answers and not for a clock."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s"


@contextmanager
def started(command: str, home: Path, **variables: str) -> Iterator[HubProcess]:
    """A `sutong run`, `worker` or `web`; killed at the end of the block if it still runs."""
    port = free_port()
    process = subprocess.Popen(
        command_line(command),
        env=environment(home, SUTONG_PORT=str(port), **variables),
        cwd=home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output = Output(process.stdout)
    try:
        yield HubProcess(process, port, output)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
        output.wait_for_end()
