"""The kill loop in short: the hub as it is comes through, and each wrong variant is caught."""

import pytest

from benchmarks.crash import CrashOptions, CrashReport, crash
from benchmarks.wrong_variants import VARIANTS


async def loop(kills: int, variant: str | None = None) -> CrashReport:
    return await crash(CrashOptions(kills=kills, seed=11, variant=variant, say=lambda _: None))


@pytest.mark.slow
async def test_a_hub_that_is_killed_loses_and_doubles_nothing() -> None:
    report = await loop(2)
    assert report.ok, report.findings
    assert report.as_json() == {
        "kills": 2, "tickets": report.tickets, "lost": 0, "doubled": 0, "audit_ok": True,
        "max_restart_s": round(report.max_restart_s, 2),
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("variant", sorted(VARIANTS))
async def test_a_hub_that_is_wrong_is_caught(variant: str) -> None:
    report = await loop(3, variant)
    assert report.lost + report.doubled > 0
