"""Whether the broker is there: for readiness, and for intake.

What was kept while the broker is away is offered once it is back. With the embedded broker a caller
is told to come back all the same: its file is gone with the disk that holds the store. A Kafka that
is away is another machine's trouble, and what comes in meanwhile is kept. It must answer, not only
let itself be connected to: behind a broken line a connection stands for minutes.
"""

import asyncio
import socket
import sqlite3
import ssl
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from yarl import URL

from schemas.errors import StoreBusy
from streams.embedded import BrokerSettings, BrokerUrlRefused
from streams.kafka.access import SCHEME, KafkaAccess

LOOK_SECONDS = 1.0  # between two looks: many calls a second share one
RETRY_SECONDS = 10.0
_PATIENCE_SECONDS = 1.0
# ApiVersions, version 0, correlation id 1, no client id: Kafka's protocol, answered to anybody
_HEAD, _CORRELATION = 8, b"\0\0\0\1"  # of an answer: its length, then whose it is
_QUESTION = struct.pack(">ihhih", 10, 18, 0, 1, -1)


class BrokerWatch:
    def __init__(
        self, url: str, monotonic: Callable[[], float], access: KafkaAccess | None = None
    ) -> None:
        """monotonic: seconds on a clock that never goes back. access: how a Kafka is reached."""
        self._url, self._monotonic = url, monotonic
        if access is None and url.startswith(f"{SCHEME}:"):
            access = KafkaAccess.of(url)
        self._servers = access.servers if access else ()
        self._tls = access.context() if access else None
        self._looked_at = float("-inf")
        self._problem: str | None = None
        self._seen = False

    async def problem(self) -> str | None:
        """What is wrong with the broker, in words; None when it serves, or was never made yet."""
        now = self._monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now  # before the look: those who come meanwhile take the last answer
            self._problem = await asyncio.to_thread(self._look)
        return self._problem

    async def require(self) -> None:
        """Raises: StoreBusy when the embedded broker is away."""
        if not self._servers and (problem := await self.problem()) is not None:
            raise StoreBusy(problem, retry_after_seconds=RETRY_SECONDS)

    def _look(self) -> str | None:
        return self._look_for_servers() if self._servers else self._look_for_file()

    def _look_for_servers(self) -> str | None:
        for server in self._servers:
            host, _, port = server.rpartition(":")
            if _answers(host, int(port), self._tls):
                return None
        return f"broker: nobody answers at {', '.join(self._servers)}"

    def _look_for_file(self) -> str | None:
        try:
            path = BrokerSettings.from_url(self._url).path
        except BrokerUrlRefused as refused:
            folder = Path(URL(self._url).path.removeprefix("/")).parent
            return f"broker: {refused}" if folder.is_dir() else "broker: its folder is not there"
        if not path.exists():  # a worker makes it at its first start
            return f"broker: {path.name} is gone" if self._seen else None
        try:
            address = f"{path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS)) as file:
                file.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")  # an error of the module itself has none
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):  # somebody is at it: it is there
                return None
            return f"broker: {error}"
        self._seen = True
        return None


def _answers(host: str, port: int, tls: ssl.SSLContext | None) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE_SECONDS) as plain:
            line = tls.wrap_socket(plain, server_hostname=host) if tls else plain
            with line:
                line.sendall(_QUESTION)
                answer = b""
                while len(answer) < _HEAD and (more := line.recv(_HEAD - len(answer))):
                    answer += more
                return answer[4:] == _CORRELATION
    except OSError:
        return False
