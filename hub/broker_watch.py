"""Whether the broker is there: for readiness, and for intake.

What was kept while the broker is away is offered once it is back. With the embedded broker a caller
is told to come back all the same: its file is gone with the disk that holds the store. A Kafka that
is away is another machine's trouble, and what comes in meanwhile is kept.
"""

import asyncio
import socket
import sqlite3
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


class BrokerWatch:
    def __init__(self, url: str, monotonic: Callable[[], float]) -> None:
        """monotonic: seconds on a clock that never goes back."""
        self._url, self._monotonic = url, monotonic
        self._servers = KafkaAccess.of(url).servers if url.startswith(f"{SCHEME}:") else ()
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
            try:
                socket.create_connection((host, int(port)), timeout=_PATIENCE_SECONDS).close()
            except OSError:
                continue
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
