"""What does a hub cost that has nothing to do? `python -m benchmarks.rest --preload 100000 --json`

`sutong run` on a store with history: how long until it is ready, what it uses while nobody asks
anything, how long until it has stopped.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import machine
from benchmarks.history import write_history
from hub.demo.hub_process import SUTONG, HubProcess, free_port, write_settings
from hub.logs import set_up
from hub.settings import Settings


@dataclass(frozen=True)
class RestOptions:
    """starts: how often it is started; the figures are of each."""

    preload: int = 1000
    seconds: float = 60.0
    starts: int = 3
    seed: int = 1


async def rest(options: RestOptions) -> dict[str, Any]:
    """Run it. Raises: HubNotReady."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sutong-rest-")))
        given: dict[str, Any] = {
            "home": folder / "home", "port": free_port(), "log_level": "warning",
        }  # fmt: skip
        write_settings(given["home"], given | {"home": str(given["home"])})
        await write_history(Settings(**given), options.preload, options.seed)
        process = HubProcess(given["home"], given["port"], (*SUTONG, "run"), folder / "hub.log")
        stack.callback(process.kill)
        ready, start_cpu, stop = [], [], []
        for number in range(options.starts):
            ready.append(round(await process.start(), 2))
            start_cpu.append(round(process.cpu_seconds(), 2))
            if number == options.starts - 1:
                used = process.cpu_seconds()
                await asyncio.sleep(options.seconds)
                used = process.cpu_seconds() - used
                memory = process.peak_rss_mb()
            begun = time.monotonic()
            await process.stop()
            stop.append(round(time.monotonic() - begun, 2))
    return {
        "ready_s": ready,
        "start_cpu_s": start_cpu,
        "stop_s": stop,
        "idle_cpu_percent": round(100 * used / options.seconds, 2),
        "peak_rss_mb": round(memory, 1),
        "preload": options.preload,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preload", type=int, default=1000, help="closed tickets to begin with")
    parser.add_argument("--seconds", type=float, default=60.0, help="of rest that are measured")
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="accepted: the result is always JSON")
    given = parser.parse_args()
    set_up("warning", "text")
    print(f"rest, {given.preload} tickets: {machine()}", file=sys.stderr)
    options = RestOptions(given.preload, given.seconds, given.starts, given.seed)
    print(json.dumps(asyncio.run(rest(options))))


if __name__ == "__main__":
    main()
