"""What /metrics says. Each name has a line in docs/operations.md; alerts rest on them."""

import asyncio
import re
import shutil
from collections.abc import Mapping
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from console.refused_pushes import RefusedPushes
from hub.assembly import Hub
from schemas.errors import HubError
from schemas.working_calendar import HUB_ZONE
from streams.progress import Progress
from ticket_store.ages import oldest_owed, oldest_waiting
from ticket_store.writer import Writer

STORE_PATIENCE_SECONDS = 5.0
# first word of what readiness misses; all else is a part that stands still
CAUSES = ("store", "broker", "disk")
STANDSTILL = "standstill"
log = structlog.get_logger(__name__)


class _Once(Collector):
    """Families that were read before the scrape is written."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


async def exposition(
    hub: Hub,
    *,
    missing: list[str],
    progress: Progress | None = None,
    leads: bool | None = None,
    refused: RefusedPushes | None = None,
) -> bytes:
    """Prometheus text of this process and of the store that all share.

    missing:   what readiness misses, as Health.missing says it.
    progress, leads:  of a worker; refused: of a web process.
    """
    families = [*_readiness(missing), *_process(hub), *_writer(hub.store.writer)]
    try:
        async with asyncio.timeout(STORE_PATIENCE_SECONDS):
            families += await _store(hub)
    except (HubError, TimeoutError) as away:
        # sutong_ready says so; what this process knows is worth reading all the more
        log.debug("metrics without the store", reason=type(away).__name__)
    if progress is not None:
        families += _parts(progress)
    if leads is not None:
        families.append(_gauge("sutong_leads", "1: this worker leads", leads))
    if refused is not None:
        families.append(_refused(refused))
    registry = CollectorRegistry()
    registry.register(_Once(families))
    return generate_latest(registry)


def cause_of(problem: str) -> str:
    """store, broker, disk or standstill."""
    word = re.split(r"[ :]", problem, maxsplit=1)[0]
    return word if word in CAUSES else STANDSTILL


def _readiness(missing: list[str]) -> list[Metric]:
    causes = {cause_of(problem) for problem in missing}
    by_cause = GaugeMetricFamily("sutong_missing", "1: readiness misses it", labels=["what"])
    for cause in (*CAUSES, STANDSTILL):
        by_cause.add_metric([cause], cause in causes)
    return [_gauge("sutong_ready", "1: /health/ready answers 200", not missing), by_cause]


def _process(hub: Hub) -> list[Metric]:
    now = hub.now()
    notice = GaugeMetricFamily(
        "sutong_calendar_notice", "1: the year's holiday notice is known", labels=["year"]
    )
    calendar, this = hub.store.calendars.calendar(), now.astimezone(HUB_ZONE).year
    for which, year in (("this", this), ("next", this + 1)):
        notice.add_metric([which], not calendar.year(year).provisional)
    free = shutil.disk_usage(hub.settings.home).free
    return [
        _gauge("sutong_clock_seconds", "This machine's clock, seconds since 1970", _unix(now)),
        _gauge("sutong_free_bytes", "Free where SUTONG_HOME lies", free),
        notice,
    ]


def _writer(writer: Writer) -> list[Metric]:
    counted = writer.counters
    return [
        _gauge(
            "sutong_writer_queue", "Pieces of work that wait to be written", writer.queue_length
        ),
        _gauge("sutong_writer_last_group", "Pieces in the last transaction", counted.last_group),
        _counter("sutong_writer_groups", "Transactions of the writer", counted.groups),
        _counter("sutong_writer_jobs", "Pieces of work that were written", counted.jobs),
        _counter("sutong_writer_replays", "Groups done again one by one", counted.replays),
        _counter("sutong_writer_refused", "Writes the store refused", counted.refused_busy),
    ]


async def _store(hub: Hub) -> list[Metric]:
    store, now = hub.store, hub.now()
    deliveries = GaugeMetricFamily(
        "sutong_deliveries", "Deliveries by peer and state", labels=["peer", "state"]
    )
    for peer, states in (await store.deliveries.owed_counts()).items():
        for state, count in states.items():
            deliveries.add_metric([peer, state.value], count)
    inbound = GaugeMetricFamily("sutong_inbound", "Messages by outcome", labels=["outcome"])
    for outcome, count in (await store.inbound.tally()).items():
        inbound.add_metric([outcome], count)
    waiting = _age(await oldest_waiting(store.database), now)
    return [
        deliveries,
        inbound,
        _gauge("sutong_oldest_waiting_seconds", "Age of the oldest without outcome", waiting),
        _ages(hub, await oldest_owed(store.database), now),
    ]


def _ages(hub: Hub, since: Mapping[str, datetime], now: datetime) -> Metric:
    """Of every peer, also of one that is owed nothing: an alert must see it come back."""
    family = GaugeMetricFamily(
        "sutong_oldest_owed_seconds", "Age of the oldest event not told yet", labels=["peer"]
    )
    for peer in sorted({*hub.connectors, *since}):
        family.add_metric([peer], _age(since.get(peer), now))
    return family


def _parts(progress: Progress) -> list[Metric]:
    backlog = GaugeMetricFamily("sutong_backlog", "Records that wait", labels=["part"])
    stalled = GaugeMetricFamily("sutong_stalled_seconds", "Standing still", labels=["part"])
    for name, part in progress.parts.items():
        backlog.add_metric([name], part.backlog)
        stalled.add_metric([name], part.stalled_seconds())
    return [backlog, stalled]


def _refused(pushes: RefusedPushes) -> Metric:
    """Of this process since its start, as counters are."""
    family = CounterMetricFamily(
        "sutong_pushes_refused", "Pushes that were refused", labels=["peer", "reason"]
    )
    for (peer, reason), count in pushes.counts.items():
        family.add_metric([peer, reason], count)
    return family


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _counter(name: str, what: str, value: float) -> Metric:
    return CounterMetricFamily(name, what, value=value)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _unix(instant: datetime) -> float:
    return instant.timestamp()
