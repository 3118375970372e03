"""A day's traffic: every source, both ways of the platform, files whole in the end, seeded."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

from hub.demo.city import City, Letter
from hub.demo.town import Town
from hub.demo.traffic import Traffic
from schemas.ticket import Source

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


def day(folder: Path, city: City) -> Traffic:
    town = Town(folder, seed=3, plan="none", now=lambda: AT)
    rng = random.Random(3)  # noqa: S311 - a seed, to be repeated
    return Traffic(town, city, rng, lambda: AT, pause=at_once)


async def test_all_sources_send_and_every_second_order_is_pushed(
    tmp_path: Path, submitted: list[str]
) -> None:
    traffic = day(tmp_path, City(3))
    await traffic.send(60)
    town = traffic.town
    assert traffic.sent.total() == 60
    assert set(traffic.sent) == set(Source) - {Source.COUNTER}
    assert len(submitted) == traffic.sent[Source.WEB_PORTAL]
    assert len(town.province.tickets) == traffic.sent[Source.PROVINCIAL]
    assert len(town.hotline.orders) == traffic.sent[Source.HOTLINE12345]
    pushed = [order for order in town.hotline.orders.values() if order.pushed]
    assert len(pushed) == traffic.sent[Source.HOTLINE12345] // 2
    assert len(town.hotline.pushes) == sum(len(order.versions) for order in pushed)
    answered = [call for call in town.switch.calls.values() if call["answered_at"]]
    assert len(answered) == traffic.sent[Source.PHONE_LOG]


async def test_no_export_stays_half_written(tmp_path: Path, submitted: list[str]) -> None:
    traffic = day(tmp_path, City(3))
    await traffic.send(40)
    files = sorted(traffic.town.switch.folder.glob("cdr_*"))
    assert len(files) > 1
    assert all(file.read_bytes().endswith(b"\n") for file in files)


async def test_letters_that_gbk_cannot_hold_are_exported_all_the_same(
    tmp_path: Path, submitted: list[str]
) -> None:
    letters = [Letter("表情", "路灯坏了😀")]
    traffic = day(tmp_path, City(3, letters))
    await traffic.send(40)
    files = traffic.town.switch.folder.glob("cdr_*")
    assert any("😀" in file.read_text(encoding="utf-8") for file in files)


async def test_the_same_seed_sends_the_same(tmp_path: Path, submitted: list[str]) -> None:
    days = [day(tmp_path / name, City(3)) for name in ("one", "two")]
    for one in days:
        await one.send(30)
    first, second = (one.town for one in days)
    assert first.hotline.feed == second.hotline.feed
    assert first.province.messages == second.province.messages


async def test_a_pause_of_ones_own_holds_the_traffic_back_also_when_it_can_be_told_to_stop(
    tmp_path: Path, submitted: list[str]
) -> None:
    traffic, stop, enough = day(tmp_path, City(3)), asyncio.Event(), asyncio.Event()

    async def until_enough(_seconds: float) -> None:
        if traffic.sent.total() == 3:
            enough.set()
            await asyncio.Event().wait()

    traffic.pause = until_enough
    async with asyncio.TaskGroup() as group:
        group.create_task(traffic.send(None, 0.0, stop))
        await enough.wait()
        stop.set()
    assert traffic.sent.total() == 3


async def test_a_steady_rate_does_not_wait_for_what_came_late(
    tmp_path: Path, submitted: list[str]
) -> None:
    traffic, waits = day(tmp_path, City(3)), []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    traffic.pause = note
    await traffic.send(200, 0.01, steady=True)
    assert waits[0] <= 0.015
    assert max(waits) > 0.5, "the waits do not add up to the time that was agreed"
