"""The benchmarks run and give the figures of the contract; how large they are is not tested."""

import pytest

from benchmarks.exchange import ExchangeOptions, exchange
from benchmarks.figures import percentiles
from benchmarks.imports import ImportOptions, imports
from benchmarks.lifecycle import LifecycleOptions, lifecycle
from benchmarks.rest import RestOptions, rest


def test_percentiles_are_of_the_sorted_values() -> None:
    assert percentiles(list(range(100, 0, -1))) == {"p50": 51, "p95": 96, "p99": 100}
    assert percentiles([]) == {"p50": 0.0, "p95": 0.0, "p99": 0.0}


@pytest.mark.slow
async def test_a_lifecycle_over_http_has_no_errors() -> None:
    figures = await lifecycle(LifecycleOptions(preload=20, seconds=1.0, clients=2))
    assert set(figures) == {
        "lifecycles_per_s", "cpu_ms_per_lifecycle", "latency_ms", "search_ms", "search_state_ms",
        "errors",
        "preload", "preload_tickets_per_s", "bytes_per_ticket",
    }  # fmt: skip
    assert figures["errors"] == 0
    assert figures["lifecycles_per_s"] > 0
    assert figures["bytes_per_ticket"] > 0
    assert set(figures["cpu_ms_per_lifecycle"]) == {"hub", "database", "load"}


@pytest.mark.slow
async def test_an_import_takes_every_row() -> None:
    figures = await imports(ImportOptions(tickets=50, workers=1))
    assert set(figures) == {
        "imported", "repeated", "refused", "seconds", "tickets_per_s", "cpu_ms_per_ticket",
        "bytes_per_ticket", "workers",
    }  # fmt: skip
    assert (figures["imported"], figures["refused"]) == (50, 0)
    assert figures["bytes_per_ticket"] > 0
    assert set(figures["cpu_ms_per_ticket"]) == {"writing", "preparing", "database"}


@pytest.mark.slow
async def test_an_exchange_loses_and_doubles_nothing() -> None:
    figures = await exchange(ExchangeOptions(messages=16))
    assert set(figures) == {
        "intakes_per_s", "events_per_s", "end_to_end_ms", "cpu_ms_per_ticket", "lost", "doubled",
        "peak_rss_mb", "database_cpu_ms_per_ticket", "broker_cpu_ms_per_ticket",
    }  # fmt: skip
    assert figures["lost"] == figures["doubled"] == 0
    assert figures["intakes_per_s"] > 0
    assert figures["end_to_end_ms"]["p50"] > 0


@pytest.mark.slow
async def test_a_hub_at_rest_is_ready_and_stops() -> None:
    figures = await rest(RestOptions(preload=20, seconds=0.2, starts=2))
    assert set(figures) == {
        "ready_s", "start_cpu_s", "stop_s", "idle_cpu_percent", "peak_rss_mb", "preload",
    }  # fmt: skip
    assert len(figures["ready_s"]) == len(figures["stop_s"]) == 2
    assert min(figures["ready_s"]) > 0
