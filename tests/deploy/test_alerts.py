"""Alerts and dashboard ask only for what /metrics serves, and lead to pages of the runbook."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it brings no types
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, insert

from connectors.base import Body
from console.refused_pushes import RefusedPushes
from hub.assembly import Hub, build
from hub.metrics import cause_of, exposition
from hub.settings import load
from schemas.errors import CredentialRefused
from schemas.ticket import Source
from streams.progress import Progress
from ticket_store.models import deliveries, events

ROOT = Path(__file__).resolve().parents[2]
(GROUP,) = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text("utf-8"))["groups"]
ALERTS: list[dict[str, Any]] = GROUP["rules"]
BOARD = json.loads((ROOT / "deploy/grafana/sutong.json").read_text("utf-8"))
ASKED = [alert["expr"] for alert in ALERTS]
ASKED += [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
RUNBOOK = ROOT / "docs/runbook"
PAGES = sorted(RUNBOOK.glob("[a-z]*.md"))
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
# pages that no number leads to -> what does
NOT_ALERTED = {
    "audit-broken": "found by `sutong audit verify`, which reads the whole store",
    "certificate-ends": "the dates are watched from outside",
    "log-in-use": "the process is down: its alert leads to the log",
    "memory-growing": "systemd's limit ends the process: its alert leads to the journal",
    "model-missing": "people dispatch: no failure of intake",
    "no-store": "the process is down: its alert leads to the log",
    "node-taken": "the process is down: its alert leads to the log",
    "port-taken": "the process is down: its alert leads to the log",
    "power-loss": "everything is down, Prometheus too",
    "restore-from-backup": "other pages lead there",
    "secret-key-lost": "the process is down, or citizens say so",
    "settings-wrong": "the process is down: its alert leads to the log",
    "slow-searches": "people say so",
    "store-busy": "the alert of the database leads there, too",
    "upgrade": "is no failure",
    "uploads-not-swept": "nothing is lost; a line in the log",
    "uploads-refused": "the citizen is told, and the limit is meant",
    "user-locked-out": "the user says so, and it ends by itself",
}


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.chdir(tmp_path)
    built = await build(load(home=tmp_path / "home"), migrating=True)
    yield built
    await built.close()


async def served(hub: Hub, missing: list[str]) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of their names) -> value, with all that can be served."""
    progress, refused = Progress(lambda: 0.0), RefusedPushes(lambda: 0.0)
    progress.part("register")
    refused.note("city", CredentialRefused("city", "bad", peer_code="signature"))
    text = (
        await exposition(hub, missing=missing, progress=progress, leads=True, refused=refused)
    ).decode()
    told: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        told[family.name,] = 0.0  # a family may have no sample yet
        for one in family.samples:
            told[one.name, *(value for _, value in sorted(one.labels.items()))] = one.value
    return told


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\bsutong_\w+", expression))


async def test_alerts_and_dashboard_name_only_what_is_served(hub: Hub) -> None:
    names = {key[0] for key in await served(hub, [])}
    asked = set().union(*map(names_in, ASKED))
    assert len(asked) > 10
    assert asked - names == set()


async def test_every_metric_is_documented(hub: Hub) -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    names = {key[0].removesuffix("_created") for key in await served(hub, [])}
    assert [name for name in sorted(names) if f"`{name}" not in page] == []


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_leads_to_a_page_of_the_runbook_that_names_it(alert: dict[str, Any]) -> None:
    page = ROOT / alert["annotations"]["runbook"]
    assert page in PAGES
    assert f"`{alert['alert']}`" in page.read_text("utf-8")
    assert alert["labels"]["severity"] in {"page", "ticket"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_one_failure_with_an_alert_or_a_reason(page: Path) -> None:
    text = page.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    assert headings[1:] == ["What you see", "What it means", "What to do"]
    leading = {one["alert"] for one in ALERTS if ROOT / one["annotations"]["runbook"] == page}
    assert set(re.findall(r"`(Sutong\w+)`", text)) == leading
    assert bool(leading) != (page.stem in NOT_ALERTED)
    index = (RUNBOOK / "README.md").read_text("utf-8")
    assert index.count(f"[{headings[0]}]({page.name})") == 1


def test_every_reason_is_of_a_page() -> None:
    assert NOT_ALERTED.keys() <= {page.stem for page in PAGES}


@pytest.mark.parametrize(
    ("problem", "cause"),
    [
        ("store lacks 0002: run sutong migrate", "store"),
        ("store: StoreBusy x", "store"),
        ("broker: nobody answers", "broker"),
        ("disk: 12 MB free", "disk"),
        ("relay-bodies stands still", "standstill"),
    ],
)
async def test_what_readiness_misses_is_a_number(hub: Hub, problem: str, cause: str) -> None:
    assert cause_of(problem) == cause
    told = await served(hub, [problem])
    assert told["sutong_ready",] == 0
    causes = {
        key[1]: value for key, value in told.items() if key[0] == "sutong_missing" and key[1:]
    }
    assert causes == {one: float(one == cause) for one in ("store", "broker", "disk", "standstill")}


async def test_the_age_of_the_oldest_waiting_message_is_told(hub: Hub) -> None:
    assert (await served(hub, []))["sutong_oldest_waiting_seconds",] == 0
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    await hub.store.inbound.keep("city", Source.HOTLINE12345, [Body(b"{}", "1", "")], long_ago)
    told = await served(hub, [])
    assert told["sutong_oldest_waiting_seconds",] == pytest.approx(7200, abs=60)


async def test_a_process_without_its_store_still_says_what_it_knows(hub: Hub) -> None:
    await hub.store.database.close()
    told = await served(hub, ["store: StoreBusy"])
    assert told["sutong_missing", "store"] == 1
    assert ("sutong_writer_queue",) in told
    assert ("sutong_inbound",) not in told


async def test_the_age_of_the_oldest_untold_event_is_told_by_peer(hub: Hub) -> None:
    """city: told of its oldest event, waits with the next; town: its only one is dead."""
    now = datetime.now(UTC)

    def work(connection: Connection) -> None:
        for key, hours, peer, state in (
            (1, 9, "city", "delivered"),
            (2, 3, "city", "pending"),
            (3, 1, "city", "held"),
            (4, 9, "town", "dead"),
        ):
            at = now - timedelta(hours=hours)
            connection.execute(
                insert(events).values(
                    event_id=key, at=at, command_id=bytes(16), actor="{}", kind="x", body="{}"
                )
            )
            connection.execute(
                insert(deliveries).values(
                    event_id=key, destination=peer, state=state, in_doubt=False, attempts=0,
                    replays=0,
                )
            )  # fmt: skip

    await hub.store.database.write(work)
    told = await served(hub, [])
    assert told["sutong_oldest_owed_seconds", "city"] == pytest.approx(3 * 3600, abs=60)
    assert ("sutong_oldest_owed_seconds", "town") not in told
