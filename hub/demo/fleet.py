"""The hub as processes of its own on one store: one `run`, or workers and web processes on Kafka.

The fleet plays the supervisor too: what ends by itself is started again, and so is a killed web
process. A worker that the demo has killed is not: the others take over what it had.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.assembly import Hub, build
from hub.demo.hub_process import (
    SUTONG,
    HubNotReady,
    HubProcess,
    caller,
    free_port,
    write_settings,
)
from hub.settings import Settings

_RESTART_SECONDS = 1.0
_LOOK_SECONDS = 0.1
COMMANDS: Mapping[str, Sequence[str]] = {kind: (*SUTONG, kind) for kind in ("run", "worker", "web")}


@dataclass
class Fleet:
    """hub: reads the store beside them; url: of the first web process.

    ended: who ended by itself and was started again.
    """

    hub: Hub
    workers: list[HubProcess]
    webs: list[HubProcess]
    killed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    _down: set[str] = field(default_factory=set)  # and meant to be

    @property
    def url(self) -> str:
        return self.webs[0].url

    @property
    def processes(self) -> tuple[HubProcess, ...]:
        return (*self.workers, *self.webs)

    async def kill_one_of_each(self, rng: random.Random) -> None:
        """SIGKILL to a worker and to a web process; the latter comes back."""
        worker, web = rng.choice(self.workers), rng.choice(self.webs)
        worker.kill()
        web.kill()
        self.killed += [f"worker on {worker.port}", f"web on {web.port}"]
        await asyncio.sleep(_RESTART_SECONDS)
        await web.start()

    def kill(self, process: HubProcess) -> None:
        """SIGKILL; it stays down until `launch`."""
        self._down.add(process.name)
        process.kill()

    def launch(self, process: HubProcess) -> None:
        self._down.discard(process.name)
        process.launch()

    async def keep_up(self) -> None:
        """Start again, for ever, whoever has ended and was not killed by us."""
        while True:
            for process in self.processes:
                if process.name not in self._down and not process.running:
                    self.ended.append(process.name)
                    process.launch()
            await asyncio.sleep(_LOOK_SECONDS)

    async def until_ready(self, limit_seconds: float) -> float:
        """Seconds until all said that they are ready, one after the other.

        Raises: HubNotReady, with the last words of the one that was not.
        """
        begun = time.monotonic()
        async with caller() as client:
            for process in self.processes:
                while not await process.is_ready(client):
                    if time.monotonic() - begun > limit_seconds:
                        raise HubNotReady(
                            f"{process.name} not ready after {limit_seconds:.0f} s:\n"
                            f"{process.last_lines()}"
                        )
                    await asyncio.sleep(_LOOK_SECONDS)
        return time.monotonic() - begun

    async def stop(self) -> None:
        """SIGTERM to all."""
        self._down.update(process.name for process in self.processes)
        await asyncio.gather(*(process.stop() for process in self.processes))

    def last_lines(self) -> str:
        return "\n".join(f"-- {one.name}\n{one.last_lines()}" for one in self.processes)


@asynccontextmanager
async def running_fleet(
    settings: Settings,
    given: dict[str, Any],
    workers: int,
    webs: int,
    commands: Mapping[str, Sequence[str]] = COMMANDS,
) -> AsyncIterator[Fleet]:
    """Start them on `settings`, of which `given` is written down for them; stop them at the end.

    workers:  0: one process is the whole hub.
    commands: what runs a process, by its kind.
    Raises: HubNotReady; KafkaAway, StoreBusy.
    """
    home = settings.home
    async with AsyncExitStack() as stack:
        hub = await build(settings, migrating=True)
        stack.push_async_callback(hub.close)
        write_settings(home, given | {"home": str(home)})
        fleet = Fleet(hub, [], [])
        stack.push_async_callback(fleet.stop)
        kinds = ["worker"] * workers + ["web"] * webs if workers else ["run"]
        for number, kind in enumerate(kinds, 1):
            port = free_port()
            own = {"SUTONG_HEALTH_PORT" if kind == "worker" else "SUTONG_PORT": str(port)}
            process = HubProcess(home, port, commands[kind], _log(home, kind, number), own)
            (fleet.workers if kind == "worker" else fleet.webs).append(process)
        await asyncio.gather(*(one.start() for one in fleet.processes))
        yield fleet


def _log(home: Path, kind: str, number: int) -> Path:
    return home / f"{kind}-{number}.log"
