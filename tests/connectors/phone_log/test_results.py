"""What the phone switch is told, and what a phone log's settings and folders may be."""

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.phone_log.connector import PhoneLogConnector, Settings, build
from hub.demo.peers.faults import FaultPlan, Faults
from hub.demo.peers.phone_log import PhoneSwitch
from schemas.errors import CredentialRefused, PayloadNotUnderstood, PeerUnavailable
from schemas.events import EVENT
from schemas.ids import TicketIds
from schemas.outbound import Outbound
from schemas.ticket import Source

NOW = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)
TICKET_ID = TicketIds(lambda: int(NOW.timestamp() * 1000)).next()
CALLER = "13800001234"


@pytest.fixture
def switch(tmp_path: Path) -> PhoneSwitch:
    return PhoneSwitch(tmp_path / "cdr", Faults(FaultPlan(), random.Random(7)), lambda: NOW)  # noqa: S311  seeded dice of a fake


@pytest.fixture
def log(switch: PhoneSwitch) -> PhoneLogConnector:
    return connect(switch)


def connect(switch: PhoneSwitch, **changes: Any) -> PhoneLogConnector:
    return build("switch", Settings.model_validate({"folder": switch.folder, **changes}))


def outbound(kind: str = "ticket_accepted", call_no: str | None = "C000000001") -> Outbound:
    return Outbound(
        destination="switch/一号",
        ticket_id=TICKET_ID,
        sequence=2,
        at=NOW,
        event=EVENT.validate_python({"kind": kind, "state": "accepted"}),
        source=Source.PHONE_LOG,
        source_ticket_no=call_no,
        call_no=call_no,
    )


async def test_a_result_is_written_once_and_the_switch_reads_it(
    switch: PhoneSwitch, log: PhoneLogConnector
) -> None:
    call_no = switch.call(CALLER, "一句话")
    assert await log.ask(outbound()) is None
    first = await log.deliver(outbound())
    assert await log.deliver(outbound()) == first
    assert await log.ask(outbound()) is not None
    assert switch.read_results() == 1
    assert switch.read_results() == 0
    assert switch.book.state_of(call_no) == "accepted"
    assert switch.ticket_nos == {call_no: outbound().ticket_no}
    assert [path.suffix for path in switch.results.iterdir()] == [".json"]  # no draft left


async def test_a_delivery_without_a_call_is_not_understood(log: PhoneLogConnector) -> None:
    with pytest.raises(PayloadNotUnderstood):
        await log.deliver(outbound(call_no=None))


async def test_check_makes_the_folders_and_names_what_is_away(
    switch: PhoneSwitch, log: PhoneLogConnector, tmp_path: Path
) -> None:
    await log.check()
    assert {"done", "rejected", "results"} <= {path.name for path in switch.folder.iterdir()}
    away = build("switch", Settings(folder=tmp_path / "nowhere"))
    with pytest.raises(PeerUnavailable):
        await away.check()
    with pytest.raises(PeerUnavailable):
        _ = [page async for page in away.poll("")]


async def test_a_folder_without_rights_calls_for_a_person(
    switch: PhoneSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    # rights do not bind the superuser that some test machines run as
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(CredentialRefused):
        await connect(switch).check()


async def test_a_full_disk_leaves_the_delivery_in_doubt(
    switch: PhoneSwitch, tmp_path: Path
) -> None:
    blocked = tmp_path / "a file, not a folder"
    blocked.touch()
    log = connect(switch, results=blocked)
    with pytest.raises(PeerUnavailable) as trouble:
        await log.deliver(outbound())
    assert trouble.value.uncertain


@pytest.mark.parametrize(
    "change",
    [
        {"columns": {"nobody": "x"}},
        {"columns": {"caller": "通话编号"}},
        {"marker": "ok"},
        {"areas_by_called": {"0512": "x"}},
        {"page_rows": 0},
        {"folders": "x"},
    ],
    ids=str,
)
def test_settings_refuse_what_does_not_fit(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"folder": "cdr", **change})
