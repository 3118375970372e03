"""Who is killed in the kill loop, and how long it takes from there until everybody is ready again.

One hub: itself. A fleet on Kafka and PostgreSQL: in turn a worker, a web process, a sender (the
worker that holds deliveries at that moment), the broker (hard, and then a worker) and the database,
with all its children. Broker and database are killed only where they run here and can be started
again just as they were (`servers.py`).
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks.servers import LocalServer, ServerLeftAlone
from benchmarks.stage import Servers, Stage
from hub.demo.hub_process import HubProcess
from hub.process_name import ProcessName
from schemas.errors import StoreBusy

_READY_SECONDS = 120.0


@dataclass
class Victims:
    """restarts: seconds from the kill until all were ready again, by who was killed, in order."""

    stage: Stage
    dice: random.Random
    say: Callable[[str], object]
    servers: dict[str, LocalServer] = field(default_factory=dict)
    restarts: list[tuple[str, float]] = field(default_factory=list)
    _turns: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._turns = self._in_turn()

    @classmethod
    def of(
        cls, stage: Stage, urls: Servers, dice: random.Random, say: Callable[[str], object]
    ) -> "Victims":
        """Says which servers are left alone, and why."""
        victims = cls(stage, dice, say)
        if not urls.several:
            return victims
        for kind, url in (("broker", urls.broker_url), ("database", urls.database_url)):
            try:
                victims.servers[kind] = LocalServer.behind(kind, url)
            except ServerLeftAlone as error:
                say(f"left alone: {error}")
        return victims

    def _in_turn(self) -> Iterator[str]:
        """Each once a round, in another order each round."""
        kinds = ["worker", "web", "sender", *self.servers] if self.stage.fleet.workers else ["hub"]
        while True:
            round_ = list(kinds)
            self.dice.shuffle(round_)
            yield from round_

    async def kill_next(self) -> str:
        """Kill one, start it again, wait until all are ready; says who it was and how long it took.

        Raises: HubNotReady, with the last words of the process that was not.
        """
        kind, begun = next(self._turns), time.monotonic()
        if kind in self.servers:
            server = self.servers[kind]
            await server.kill()
            down = [self._any_worker()] if kind == "broker" else []
            for process in down:
                self.stage.fleet.kill(process)
            await server.start()
        else:
            down = [await self._chosen(kind)]
            self.stage.fleet.kill(down[0])
        for process in down:
            self.stage.fleet.launch(process)
        await self.stage.fleet.until_ready(_READY_SECONDS)
        seconds = time.monotonic() - begun
        self.restarts.append((kind, seconds))
        return f"{kind} killed: all ready after {seconds:.1f} s"

    async def _chosen(self, kind: str) -> HubProcess:
        fleet = self.stage.fleet
        if kind == "worker":
            return self._any_worker()
        if kind == "sender":
            return await self._sender() or self._any_worker()
        return self.dice.choice(fleet.webs)

    def _any_worker(self) -> HubProcess:
        return self.dice.choice(self.stage.fleet.workers)

    async def _sender(self) -> HubProcess | None:
        """A worker that is sending now; None when nobody is, or the store cannot tell."""
        fleet = self.stage.fleet
        try:
            holders = await fleet.hub.store.deliveries.holders()
        except StoreBusy:
            return None
        names = [name for one in sorted(holders) if (name := ProcessName.read(one)) is not None]
        pids = {name.pid for name in names}
        known = [process for process in fleet.workers if process.running and process.pid in pids]
        return self.dice.choice(known) if known else None

    @property
    def longest(self) -> dict[str, float]:
        """Seconds, by who was killed."""
        found: dict[str, float] = {}
        for kind, seconds in self.restarts:
            found[kind] = round(max(found.get(kind, 0.0), seconds), 2)
        return found
