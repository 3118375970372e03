"""A city's day: the hub, simulated peers on loopback, and everybody who works; then the account.

A demo lives in a folder of its own that goes with it: the peers' books are in memory, and a store
from yesterday would not fit them.
"""

import random
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from hub.assembly import Hub
from hub.demo.api_client import ApiClient
from hub.demo.cast import USERS, create_cast, create_users
from hub.demo.city import City, read_letters
from hub.demo.fleet import Fleet, running_fleet
from hub.demo.life import CityLife
from hub.demo.live import REST_SECONDS, LiveDay
from hub.demo.people import People
from hub.demo.settlement import compare, read_store
from hub.demo.summary import DemoSummary, summary_of
from hub.demo.town import Town
from hub.demo.traffic import Traffic
from hub.node import in_service
from hub.serve import require_free
from hub.settings import Settings
from hub.stored import utc_now
from hub.web import running_web
from hub.worker import running_worker

# Peers on loopback come back in a moment, so waits are short; many, because of hard faults.
DELIVERIES = {
    "waits_seconds": (0.1, 0.2, 0.5, 1.0, 2.0),
    "last_wait_times": 26,
    "breaker_failures": 8,
    "breaker_seconds": 0.5,
    "breaker_longest_seconds": 2.0,
}
STREAMS = {"sweep_seconds": 1.0, "reoffer_seconds": 5.0}
CLOCKS = {"tick_seconds": 0.5}
_POLL_SECONDS = 0.3
_LEAST_LIMIT, _LIMIT_A_TICKET = 120.0, 2.0  # seconds to settle
_BUSY_PACE = 0.02  # seconds between two tickets when nobody looks on


class DemoSettings(Settings):
    """Only what the demo gives: the peers of a real sutong.toml have no part in a demo."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


@dataclass(frozen=True)
class DemoOptions:
    """leave: end when all is settled; else it goes on, and `tickets` does not count.

    workers: processes beside those of `webs`; 0: the whole hub is in this one.
    kill: a worker and a web process are killed half-way.
    say: where lines for people go.
    """

    tickets: int = 120
    leave: bool = False
    seed: int = 1
    faults: str = "some"
    letters: Path | None = None
    broker_url: str | None = None
    database_url: str | None = None
    port: int | None = None
    workers: int = 0
    webs: int = 1
    kill: bool = False
    say: Callable[[str], object] = print


async def play(options: DemoOptions) -> DemoSummary:
    """Play the day; without `leave` until SIGINT or SIGTERM.

    Raises: LettersWrong, StoreBusy, LogInUse, OSError when the port is taken.
    """
    letters = read_letters(options.letters) if options.letters else ()
    with tempfile.TemporaryDirectory(prefix="sutong-demo-") as folder:
        town = Town(
            Path(folder),
            seed=options.seed,
            plan=options.faults,
            now=utc_now,
            # a store that outlives the demo knows other towns already
            suffix=f"-{secrets.token_hex(3)}" if options.database_url else "",
        )
        shown = [user.department for user in USERS if user.department]
        city = City(options.seed, letters, busy=() if options.leave else shown)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(town)
            given = _given(options, Path(folder), town)
            hub, url, fleet = await stack.enter_async_context(_running_hub(options, given))
            cast = await create_cast(
                hub.store.people, [one.code for one in hub.catalogue.departments()]
            )
            api = ApiClient(url)
            stack.push_async_callback(api.close)
            traffic = Traffic(town, city, random.Random(f"traffic:{options.seed}"), utc_now)
            people = People(api, cast, options.seed, sensible=not options.leave)
            life = CityLife(
                town=town,
                traffic=traffic,
                people=people,
                store=hub.store,
                hub_url=url,
                now=utc_now,
                rest_seconds=0.0 if options.leave else REST_SECONDS,
            )
            await _introduce(options, hub, url)
            begun = time.monotonic()
            if options.leave:
                sending = _busy_day(options, traffic, fleet)
                limit = max(_LEAST_LIMIT, options.tickets * _LIMIT_A_TICKET)
            else:
                live = LiveDay(traffic, people, hub.store, utc_now, options.say)
                sending, limit = live.until_told(), 0.0
            unsettled = await life.play(sending, limit)
            held = await read_store(hub.store, town.names)
            settlement = compare(town.claims(), held, api.acknowledged)
            summary = await summary_of(
                hub.store, town.names, held, settlement, unsettled, time.monotonic() - begun
            )
    if not options.leave:
        options.say("the day has ended")
    for line in summary.problems() if options.leave else ():
        print(line, file=sys.stderr)  # noqa: T201 - for people who look why a demo failed
    return summary


async def _busy_day(options: DemoOptions, traffic: Traffic, fleet: Fleet | None) -> None:
    """Send the tickets; half-way a worker and a web process are killed, if that was asked for."""
    if fleet is None or not options.kill:
        return await traffic.send(options.tickets, _BUSY_PACE)
    half = options.tickets // 2
    await traffic.send(half, _BUSY_PACE)
    await fleet.kill_one_of_each(random.Random(f"kill:{options.seed}"))
    options.say(f"killed: {', '.join(fleet.killed)}")
    return await traffic.send(options.tickets - half, _BUSY_PACE)


def _given(options: DemoOptions, folder: Path, town: Town) -> dict[str, Any]:
    given: dict[str, Any] = {
        "home": folder / "home",
        "port": options.port or 0,
        "log_level": "warning",
        "clocks": CLOCKS,
        "streams": STREAMS,
        "deliveries": DELIVERIES,
        "peers": town.entries(_POLL_SECONDS),
    }
    if options.broker_url:
        given["broker_url"] = options.broker_url
    if options.database_url:
        given["database_url"] = options.database_url
    return given


@asynccontextmanager
async def _running_hub(
    options: DemoOptions, given: dict[str, Any]
) -> AsyncIterator[tuple[Hub, str, Fleet | None]]:
    """The hub's address, and its processes when it has several; else it is all in this one."""
    settings = DemoSettings(**given)
    async with AsyncExitStack() as stack:
        if options.workers:
            fleet = await stack.enter_async_context(
                running_fleet(settings, given, options.workers, options.webs)
            )
            yield fleet.hub, fleet.url, fleet
            return
        await require_free(settings.host, settings.port)
        hub, _ = await stack.enter_async_context(in_service(settings, migrating=True))
        worker = await stack.enter_async_context(running_worker(hub))
        web = await stack.enter_async_context(running_web(hub, worker))
        yield hub, web.url, None


async def _introduce(options: DemoOptions, hub: Hub, url: str) -> None:
    """Say where the console is and who can sign in."""
    await create_users(hub.store.people)
    options.say(f"console: {url}")
    for user in USERS:
        place = f" ({hub.catalogue.name(user.department)})" if user.department else ""
        options.say(f"  {user.user_name:<10} {user.password:<24} {user.display_name}{place}")
    if not options.leave:
        options.say("a city's day comes in by all four channels, some tickets a minute, and people")
        options.say("work on them; act yourself whenever you like. Ctrl-C ends it,")
        options.say("and what it holds goes with it")
