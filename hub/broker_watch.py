"""Whether the embedded broker's file is there and can be read: for readiness and for intake.

What was kept while the broker is away is offered once it is back; a caller is told to come back
all the same, because the hub would take in what it cannot work on.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from yarl import URL

from schemas.errors import StoreBusy
from streams.embedded import BrokerSettings, BrokerUrlRefused

LOOK_SECONDS = 1.0  # between two looks: many calls a second share one
RETRY_SECONDS = 10.0
_PATIENCE_SECONDS = 1.0


class BrokerWatch:
    def __init__(self, url: str, monotonic: Callable[[], float]) -> None:
        """monotonic: seconds on a clock that never goes back."""
        self._url, self._monotonic = url, monotonic
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
        """Raises: StoreBusy when the broker is away."""
        if (problem := await self.problem()) is not None:
            raise StoreBusy(problem, retry_after_seconds=RETRY_SECONDS)

    def _look(self) -> str | None:
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
