"""What `sutong check` looks at: settings, store, broker, calendar, model, every peer."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connectors.base import Connector
from connectors.registry import PeersWrong, build_peers
from hub.broker import kafka_named, missing_topics
from hub.limits import LimitsWrong, limits_of
from hub.months import problem_of, stand_of
from hub.settings import Settings, config_file_path
from hub.stored import NoStore, require_store, stored_calendar, utc_now
from hub.trouble import KAFKA_REMEDY, NO_STORE_REMEDY, store_remedy
from routing.catalogue_file import CatalogueWrong
from routing.proposer import build_proposer
from schemas.areas import NO_AREAS, AreaTable
from schemas.errors import ConnectorError, CredentialRefused, HubError, StoreBusy
from schemas.working_calendar import HUB_ZONE
from streams.embedded import BrokerSettings, BrokerUrlRefused, inspect
from streams.embedded.schema import LogNotUnderstood
from streams.kafka.access import KafkaSettingsWrong
from streams.kafka.topics import KafkaAway
from ticket_store.migrations import StoreNotUsable, pending

PEER_PATIENCE_SECONDS = 20.0
NEXT_YEAR_MATTERS_FROM = 11  # the State Council's notice for the next year comes about November
Now = Callable[[], datetime]


@dataclass(frozen=True)
class Finding:
    """One look. remedy: what to do, empty when it is well."""

    part: str
    ok: bool
    detail: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"part": self.part, "ok": self.ok, "detail": self.detail, "remedy": self.remedy}


async def findings_of(settings: Settings, now: Now = utc_now) -> list[Finding]:
    """Look at everything; a part that fails hides none of the others."""
    today = now().astimezone(HUB_ZONE).date()
    where = config_file_path()
    read = f"{where} read" if where.is_file() else f"no {where}; environment and defaults"
    findings = [Finding("settings", True, read), _home(settings)]
    broker = await _kafka(settings) if kafka_named(settings) else _broker(settings)
    findings += [await _store(settings), *await _months(settings, now()), broker]
    findings.append(await _calendar(settings, today))
    routing, areas = _routing(settings, today)
    findings += [_limits(settings), *routing]
    return findings + await _peers(settings, areas)


def _home(settings: Settings) -> Finding:
    if not settings.home.exists():
        return Finding("home", True, f"{settings.home.absolute()} is not there yet; see store")
    try:
        probe = settings.home / ".check"
        probe.write_text("ok")
        probe.unlink()
    except OSError as error:
        return Finding(
            "home",
            False,
            f"{settings.home}: {error.strerror}",
            "let the hub's user write there, or name another folder in SUTONG_HOME",
        )
    return Finding("home", True, f"{settings.home.absolute()} can be written")


async def _store(settings: Settings) -> Finding:
    try:
        await require_store(settings)
        lacking = await pending(settings.database)
    except NoStore as error:
        return Finding("store", False, str(error), NO_STORE_REMEDY)
    except (StoreBusy, StoreNotUsable) as error:
        return Finding("store", False, str(error), store_remedy(error))
    if lacking:
        what = f"tables lack {', '.join(lacking)}"
        return Finding("store", False, what, "run `sutong migrate` (`sutong run` does it itself)")
    return Finding("store", True, "tables up to date")


async def _months(settings: Settings, now: datetime) -> list[Finding]:
    """Nothing on SQLite, or where the store itself is what is wrong."""
    if settings.database.startswith("sqlite"):  # to look would make a file that is not there
        return []
    try:
        if await pending(settings.database) or (stand := await stand_of(settings.database)) is None:
            return []
    except (StoreBusy, StoreNotUsable):
        return []
    if problem := problem_of(stand, now):
        return [Finding("months", False, problem, "run `sutong migrate`; hubs may go on meanwhile")]
    return [Finding("months", True, f"partitions up to {stand.ahead}")]


def _broker(settings: Settings) -> Finding:
    try:
        broker = BrokerSettings.from_url(settings.broker)
        if not broker.path.is_file():
            return Finding("broker", True, "embedded; made at the first start")
        waiting = sum(lag for info in inspect(broker.path) for lag in info.lag.values())
    except BrokerUrlRefused as refused:
        if not settings.broker_url:
            return Finding("broker", True, "embedded; made with the home, at the first start")
        return Finding("broker", False, str(refused), "mend SUTONG_BROKER_URL")
    except (LogNotUnderstood, sqlite3.Error) as error:
        remedy = "stop the worker, move the file away and start: sweeps offer what was in it again"
        return Finding("broker", False, f"{settings.broker}: {error}", remedy)
    return Finding("broker", True, f"embedded; {waiting} record(s) not read yet")


async def _kafka(settings: Settings) -> Finding:
    try:
        lacking = await missing_topics(settings)
    except KafkaSettingsWrong as wrong:
        return Finding("broker", False, str(wrong), "mend broker_url and the section [kafka]")
    except KafkaAway as away:
        return Finding("broker", False, str(away), KAFKA_REMEDY)
    if lacking:
        what = f"topics lack: {', '.join(lacking)}"
        return Finding("broker", False, what, "run `sutong migrate`")
    return Finding("broker", True, "Kafka answers; all topics are there")


async def _calendar(settings: Settings, today: date) -> Finding:
    try:
        calendar = await stored_calendar(settings)
    except (HubError, OSError) as error:
        return Finding("calendar", False, f"not read: {error}", "see home and store")
    years = [today.year] + ([today.year + 1] if today.month >= NEXT_YEAR_MATTERS_FROM else [])
    provisional = [year for year in years if calendar.year(year).provisional]
    if today.year in provisional:
        return Finding(
            "calendar",
            False,
            f"{today.year} has no notice; its deadlines are provisional",
            "run `sutong calendar import FILE` with the published notice",
        )
    if provisional:
        detail = f"{today.year} known; {provisional[0]} provisional until its notice is imported"
        return Finding("calendar", True, detail)
    return Finding("calendar", True, f"{', '.join(map(str, years))} known")


def _limits(settings: Settings) -> Finding:
    try:
        rules = limits_of(settings.clocks.limits_file)
    except LimitsWrong as wrong:
        return Finding("limits", False, str(wrong), "mend the file, or leave limits_file empty")
    return Finding("limits", True, f"{len(rules)} rules")


def _routing(settings: Settings, today: date) -> tuple[list[Finding], AreaTable]:
    """Also the areas that the peers are built with; none when a file is wrong."""
    try:
        catalogue, _ = build_proposer(
            lambda: today,
            catalogue_file=settings.dispatch.catalogue,
            areas_file=settings.dispatch.areas,
            rules_file=settings.dispatch.rules,
        )
    except CatalogueWrong as wrong:
        remedy = f"mend {wrong.file}"
        return [Finding("routing", False, problem, remedy) for problem in wrong.problems], NO_AREAS
    count = len(catalogue.departments())
    return [
        Finding("routing", True, f"{count} departments"),
        Finding("model", True, "none trained: people dispatch from the candidates"),
    ], catalogue.areas


async def _peers(settings: Settings, areas: AreaTable) -> list[Finding]:
    try:
        peers = build_peers(settings.peers, areas)
    except PeersWrong as wrong:
        remedy = "see connectors/<dialect>/README.md"
        return [Finding("peers", False, problem, remedy) for problem in wrong.problems]
    if not peers:
        return [Finding("peers", True, "none configured")]
    looks: list[Awaitable[Finding]] = [_peer(peer.connector) for peer in peers.values()]
    found = await asyncio.gather(*looks)
    for peer in peers.values():
        await peer.connector.close()
    return list(found)


async def _peer(connector: Connector) -> Finding:
    part = f"peer {connector.name}"
    try:
        async with asyncio.timeout(PEER_PATIENCE_SECONDS):
            await connector.check()
    except CredentialRefused as error:
        return Finding(part, False, str(error), "ask the peer for key and secret, mend its section")
    except ConnectorError as error:
        return Finding(
            part, False, str(error), "is its address right, is it up, is a firewall between?"
        )
    except TimeoutError:
        return Finding(part, False, "no answer in time", "is it up, is a firewall between?")
    return Finding(part, True, f"{connector.source.value} answers")
