"""What figures are given with: percentiles, and the machine they were measured on."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 of milliseconds; zeros without values."""
    ordered = sorted(values)

    def at(share: float) -> float:
        if not ordered:
            return 0.0
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

    return {"p50": at(0.50), "p95": at(0.95), "p99": at(0.99)}


def machine() -> str:
    """For people, on stderr: where and when a figure was measured, and how busy it was there."""
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {load:.1f}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
