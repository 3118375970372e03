"""What `sutong check` looks at: settings, store, broker, calendar, model, every peer."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.base import Connector
from connectors.registry import PeersWrong, build_peers
from hub.limits import LimitsWrong, limits_of
from hub.settings import Settings
from hub.stored import stored_calendar
from hub.trouble import store_remedy
from routing.catalogue_file import CatalogueWrong
from routing.proposer import build_proposer
from schemas.errors import ConnectorError, CredentialRefused, StoreBusy
from schemas.working_time import HUB_ZONE
from streams.embedded import BrokerSettings, BrokerUrlRefused, inspect
from ticket_store.migrations import StoreNotUsable, pending

PEER_PATIENCE_SECONDS = 20.0
NEXT_YEAR_MATTERS_FROM = 11  # the State Council's notice for the next year comes about November


@dataclass(frozen=True)
class Finding:
    """One look. remedy: what to do, empty when it is well."""

    part: str
    ok: bool
    detail: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"part": self.part, "ok": self.ok, "detail": self.detail, "remedy": self.remedy}


async def findings_of(settings: Settings) -> list[Finding]:
    """Look at everything; a part that fails hides none of the others."""
    findings = [Finding("settings", True, f"home {settings.home}")]
    for look in (_home, _store, _broker, _calendar, _limits, _routing):
        findings += await look(settings)
    return findings + await _peers(settings)


async def _home(settings: Settings) -> list[Finding]:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        probe = settings.home / ".check"
        probe.write_text("ok")
        probe.unlink()
    except OSError as error:
        return [
            Finding(
                "home", False, f"{settings.home}: {error.strerror}",
                "let the hub's user write there, or name another folder in SUTONG_HOME",
            )
        ]  # fmt: skip
    return []


async def _store(settings: Settings) -> list[Finding]:
    try:
        lacking = await pending(settings.database)
    except (StoreBusy, StoreNotUsable) as error:
        return [Finding("store", False, str(error), store_remedy(error))]
    if lacking:
        what = f"tables lack {', '.join(lacking)}"
        return [Finding("store", False, what, "run `sutong migrate` (`sutong run` does it itself)")]
    return [Finding("store", True, "tables up to date")]


async def _broker(settings: Settings) -> list[Finding]:
    if not settings.broker.startswith("sqlite:"):
        return [
            Finding(
                "broker",
                False,
                f"this version does not serve {settings.broker.partition(':')[0]}:",
                "use the embedded broker: leave SUTONG_BROKER_URL empty",
            )
        ]  # fmt: skip
    try:
        broker = BrokerSettings.from_url(settings.broker)
    except BrokerUrlRefused as refused:
        return [Finding("broker", False, str(refused), "mend SUTONG_BROKER_URL")]
    if not broker.path.is_file():
        return [Finding("broker", True, "embedded; made at the first start")]
    waiting = sum(lag for info in inspect(broker.path) for lag in info.lag.values())
    return [Finding("broker", True, f"embedded; {waiting} record(s) not read yet")]


async def _calendar(settings: Settings) -> list[Finding]:
    calendar = await stored_calendar(settings)
    today = datetime.now(UTC).astimezone(HUB_ZONE).date()
    years = [today.year] + ([today.year + 1] if today.month >= NEXT_YEAR_MATTERS_FROM else [])
    provisional = [year for year in years if calendar.year(year).provisional]
    if today.year in provisional:
        return [
            Finding(
                "calendar", False, f"{today.year} has no notice; its deadlines are provisional",
                "run `sutong calendar import FILE` with the published notice",
            )
        ]  # fmt: skip
    if provisional:
        detail = f"{today.year} known; {provisional[0]} provisional until its notice is imported"
        return [Finding("calendar", True, detail)]
    return [Finding("calendar", True, f"{', '.join(map(str, years))} known")]


async def _limits(settings: Settings) -> list[Finding]:
    try:
        rules = limits_of(settings.clocks.limits_file)
    except LimitsWrong as wrong:
        return [Finding("limits", False, str(wrong), "mend the file, or leave limits_file empty")]
    return [Finding("limits", True, f"{len(rules)} rules")]


async def _routing(settings: Settings) -> list[Finding]:
    try:
        catalogue, _ = build_proposer(
            lambda: datetime.now(UTC).date(),
            catalogue_file=settings.dispatch.catalogue,
            rules_file=settings.dispatch.rules,
        )
    except CatalogueWrong as wrong:
        return [
            Finding("routing", False, problem, f"mend {wrong.file}") for problem in wrong.problems
        ]
    count = len(catalogue.departments())
    return [
        Finding("routing", True, f"{count} departments"),
        Finding("model", True, "none trained: people dispatch from the candidates"),
    ]


async def _peers(settings: Settings) -> list[Finding]:
    try:
        peers = build_peers(settings.peers)
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
