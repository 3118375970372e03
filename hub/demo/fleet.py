"""The hub as several processes on one store and one Kafka, some of them killed on the way.

A killed web process is started again on its port, as a supervisor does; a killed worker is not: the
others take over what it had.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.assembly import Hub, build
from hub.demo.hub_process import SUTONG, HubProcess, free_port, write_settings
from hub.settings import Settings

_RESTART_SECONDS = 1.0


@dataclass
class Fleet:
    """hub: reads the store beside them; url: of the first web process."""

    hub: Hub
    workers: list[HubProcess]
    webs: list[HubProcess]
    killed: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.webs[0].url

    async def kill_one_of_each(self, rng: random.Random) -> None:
        """SIGKILL to a worker and to a web process; the latter comes back."""
        worker, web = rng.choice(self.workers), rng.choice(self.webs)
        worker.kill()
        web.kill()
        self.killed += [f"worker on {worker.port}", f"web on {web.port}"]
        await asyncio.sleep(_RESTART_SECONDS)
        await web.start()


@asynccontextmanager
async def running_fleet(
    settings: Settings, given: dict[str, Any], workers: int, webs: int
) -> AsyncIterator[Fleet]:
    """Start them on `settings`, of which `given` is written down for them; stop them at the end.

    Raises: HubNotReady; KafkaAway, StoreBusy.
    """
    home = settings.home
    async with AsyncExitStack() as stack:
        hub = await build(settings, migrating=True)
        stack.push_async_callback(hub.close)
        write_settings(home, given | {"home": str(home)})
        fleet = Fleet(hub, [], [])
        for kind, count, into in (("worker", workers, fleet.workers), ("web", webs, fleet.webs)):
            for number in range(count):
                port = free_port()
                name = "SUTONG_HEALTH_PORT" if kind == "worker" else "SUTONG_PORT"
                log = _log(home, kind, number)
                process = HubProcess(home, port, (*SUTONG, kind), log, {name: str(port)})
                stack.push_async_callback(process.stop)
                into.append(process)
        await asyncio.gather(*(one.start() for one in (*fleet.workers, *fleet.webs)))
        yield fleet


def _log(home: Path, kind: str, number: int) -> Path:
    return home / f"{kind}-{number}.log"
