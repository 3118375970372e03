"""What exchange, soak and kill loop stand on: simulated peers, a store, and the hub beside them.

On a Kafka and a PostgreSQL the hub is a fleet: two workers and some web processes. Else it is one
process, `sutong run`.
"""

import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.demo.day import CLOCKS, DELIVERIES, STREAMS, DemoSettings
from hub.demo.fleet import COMMANDS, Fleet, running_fleet
from hub.demo.hub_process import free_port
from hub.demo.town import Town
from hub.stored import utc_now

WORKERS, WEBS = 2, 2


@dataclass(frozen=True)
class Servers:
    """URLs; None: the embedded one."""

    database_url: str | None = None
    broker_url: str | None = None

    @property
    def several(self) -> bool:
        """Whether several workers can share them."""
        return is_server(self.database_url) and is_server(self.broker_url)


@dataclass(frozen=True)
class Stage:
    folder: Path
    town: Town
    fleet: Fleet


def is_server(url: str | None) -> bool:
    return url is not None and not url.startswith("sqlite")


@asynccontextmanager
async def staged(
    servers: Servers,
    *,
    seed: int,
    faults: str,
    webs: int = WEBS,
    page_size: int = 100,
    poll_seconds: float = 0.3,
    per_peer: int = 4,
    commands: Mapping[str, Sequence[str]] = COMMANDS,
) -> AsyncIterator[Stage]:
    """Everything started; stopped and removed at the end, but for what is in an outside store.

    per_peer: deliveries under way at once. Raises: HubNotReady; KafkaAway, StoreBusy.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sutong-bench-")))
        # a store that outlives the run knows other towns already
        suffix = f"-{secrets.token_hex(3)}" if servers.database_url else ""
        town = await stack.enter_async_context(
            Town(folder, seed=seed, plan=faults, now=utc_now, suffix=suffix, page_size=page_size)
        )
        given: dict[str, Any] = {
            "home": folder / "home",
            "port": free_port(),
            "log_level": "warning",
            "clocks": CLOCKS,
            "streams": STREAMS,
            "deliveries": DELIVERIES | {"per_peer": per_peer},
            "peers": town.entries(poll_seconds),
        }
        if servers.database_url:
            given["database_url"] = servers.database_url
        if servers.broker_url:
            given["broker_url"] = servers.broker_url
        fleet = await stack.enter_async_context(
            running_fleet(
                DemoSettings(**given),
                given,
                WORKERS if servers.several else 0,
                webs if servers.several else 1,
                commands,
            )
        )
        yield Stage(folder, town, fleet)
