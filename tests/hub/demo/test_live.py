"""A day for somebody who looks on: it goes on, every line says how it stands, the end is quick."""

import asyncio
import re
import signal
import time
from pathlib import Path

import pytest

from hub.demo import live
from hub.demo.city import City
from hub.demo.day import DemoOptions, play
from tests.hub.demo.test_traffic import day

LINE = re.compile(
    r"\d\d:\d\d:\d\d  in (?P<came>\d+): 12345 \d+, province \d+, phone \d+, portal \d+"
    r"  \|  waiting (?P<waiting>\d+): intake \d+, dispatch \d+, departments \d+, review \d+,"
    r" reply \d+  \|  done (?P<done>\d+)"
)


@pytest.mark.slow
async def test_day_goes_on_until_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "_AT_ONCE": 12, "_FIRST_SECONDS": 2.0, "_SAY_SECONDS": 2.5, "PACE_SECONDS": 0.4,
        "REST_SECONDS": 0.2,
    }.items():  # fmt: skip
        monkeypatch.setattr(live, name, value)
    lines: list[dict[str, int]] = []
    told_at = 0.0

    def say(text: str) -> None:
        nonlocal told_at
        if (found := LINE.fullmatch(text)) is None:
            return
        lines.append({name: int(number) for name, number in found.groupdict().items()})
        if len(lines) == 2:
            told_at = time.monotonic()
            signal.raise_signal(signal.SIGINT)

    summary = await play(DemoOptions(tickets=1, faults="none", say=say))
    first, second = lines
    assert first["came"] >= 12, "a day that is looked on does not count its tickets"
    assert second["came"] > first["came"]
    assert second["waiting"] > 0
    assert second["waiting"] + second["done"] <= second["came"]
    assert summary.as_json()["doubled"] == 0  # what is under way at the end is not lost
    assert time.monotonic() - told_at < 15


async def test_traffic_ends_at_once_when_told(tmp_path: Path, submitted: list[str]) -> None:
    traffic, stop = day(tmp_path, City(3)), asyncio.Event()
    traffic.pause = asyncio.sleep
    asyncio.get_running_loop().call_later(0.01, stop.set)
    await asyncio.wait_for(traffic.send(None, 1000.0, stop), 5)
    assert traffic.sent.total() == 1
    assert len(submitted) <= 1
