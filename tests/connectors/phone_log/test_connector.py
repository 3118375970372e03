"""The whole connector against the simulated phone switch, in a folder of its own."""

import csv
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from connectors.base import Body, Connector, Page, Polling
from connectors.phone_log.connector import PhoneLogConnector, Settings, build
from hub.demo.peers.faults import Fault, FaultPlan, Faults
from hub.demo.peers.phone_log import PhoneSwitch

NOW = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)
CALLER = "13800001234"


@pytest.fixture
def switch(tmp_path: Path) -> PhoneSwitch:
    return PhoneSwitch(tmp_path / "cdr", Faults(FaultPlan(), random.Random(7)), lambda: NOW)  # noqa: S311  seeded dice of a fake


@pytest.fixture
def log(switch: PhoneSwitch) -> PhoneLogConnector:
    return connect(switch)


def connect(switch: PhoneSwitch, **changes: Any) -> PhoneLogConnector:
    return build("switch", Settings.model_validate({"folder": switch.folder, **changes}))


async def pages(log: PhoneLogConnector) -> list[Page]:
    return [page async for page in log.poll("")]


async def bodies(log: PhoneLogConnector, looks: int = 2) -> list[Body]:
    """What `looks` polls bring: a file is read at the second look at the earliest."""
    return [body for _ in range(looks) for page in await pages(log) for body in page.bodies]


def test_it_is_a_polling_connector(log: PhoneLogConnector) -> None:
    assert isinstance(log, Connector)
    assert isinstance(log, Polling)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
async def test_calls_become_drafts_and_the_file_moves(
    switch: PhoneSwitch, log: PhoneLogConnector, form: str, encoding: str
) -> None:
    switch.call(CALLER, "小区停水，\n请尽快恢复")
    switch.call("0512-66660000")
    path = switch.export(form, encoding)
    found = await bodies(log)
    drafts = [log.translate(body.content)[0] for body in found]
    assert [body.peer_message_no for body in found] == ["switch:C000000001", "switch:C000000002"]
    assert [draft.source_ticket_no for draft in drafts] == ["C000000001", "C000000002"]
    assert drafts[0].registration is not None
    assert "小区停水，\n请尽快恢复" in drafts[0].registration.matter.text
    assert not path.exists()
    assert (switch.folder / "done" / path.name).exists()
    assert await bodies(log) == []


async def test_a_file_half_written_is_not_read(switch: PhoneSwitch, log: PhoneLogConnector) -> None:
    for _ in range(3):
        switch.call(CALLER, "一句话")
    switch.begin_export()
    assert await bodies(log, looks=4) == []
    switch.end_export()
    assert await bodies(log, looks=1) == []  # it has changed since the last look
    assert len(await bodies(log, looks=1)) == 3


async def test_a_file_that_is_never_finished_is_reported_once(
    switch: PhoneSwitch, log: PhoneLogConnector
) -> None:
    switch.call(CALLER, "一句话")
    switch.begin_export()
    with capture_logs() as logged:
        assert await bodies(log, looks=50) == []
    assert [one["event"] for one in logged] == ["export never finished"]


async def test_unfinished_names_and_other_files_are_left_alone(
    switch: PhoneSwitch, log: PhoneLogConnector
) -> None:
    switch.call(CALLER, "一句话")
    whole = switch.export()
    for name in ("a.csv.tmp", "a.csv.part", "readme.txt", ".hidden.csv", "old.csv.errors.csv"):
        (switch.folder / name).write_bytes(whole.read_bytes())
    whole.unlink()
    assert await bodies(log, looks=3) == []
    assert len(list(switch.folder.iterdir())) == 5


async def test_with_a_marker_only_marked_files_are_read_and_at_once(tmp_path: Path) -> None:
    faults = Faults(FaultPlan(), random.Random(7))  # noqa: S311  seeded dice of a fake
    switch = PhoneSwitch(tmp_path / "cdr", faults, lambda: NOW, marker=".ok")
    log = connect(switch, marker=".ok")
    switch.call(CALLER, "一句话")
    path = switch.begin_export()
    assert await bodies(log, looks=3) == []
    switch.end_export()
    assert len(await bodies(log, looks=1)) == 1
    assert not path.with_name(path.name + ".ok").exists()


async def test_the_same_call_in_a_later_file_has_the_same_number(
    switch: PhoneSwitch, log: PhoneLogConnector
) -> None:
    switch.call(CALLER, "一句话")
    switch.export()
    (first,) = await bodies(log)
    switch.faults.next_only(Fault.DUPLICATE)
    switch.call(CALLER, "第二句")
    switch.export("jsonl")
    again, fresh = await bodies(log)
    assert again.peer_message_no == first.peer_message_no != fresh.peer_message_no


async def test_a_file_put_there_twice_brings_the_same_bodies(
    switch: PhoneSwitch, log: PhoneLogConnector
) -> None:
    switch.call(CALLER, "一句话")
    path = switch.export()
    content = path.read_bytes()
    first = await bodies(log)
    path.write_bytes(content)
    assert await bodies(log) == first
    assert sorted(one.name for one in (switch.folder / "done").iterdir()) == [
        "cdr_00001.2.csv",
        "cdr_00001.csv",
    ]


async def test_a_call_twice_in_one_file_is_one_body(
    switch: PhoneSwitch, log: PhoneLogConnector
) -> None:
    switch.call(CALLER, "一句话")
    path = switch.export()
    header, row, *_ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(header + row + row)
    assert len(await bodies(log)) == 1


async def test_stopped_before_the_page_is_kept_the_file_is_read_again(
    switch: PhoneSwitch, log: PhoneLogConnector
) -> None:
    switch.call(CALLER, "一句话")
    path = switch.export()
    assert await pages(log) == []
    stopped = log.poll("")
    first = await anext(stopped)
    await stopped.aclose()  # type: ignore[attr-defined]  # an async generator behind its interface
    assert path.exists()
    after = connect(switch)  # the hub starts again
    assert await bodies(after) == list(first.bodies)
    assert not path.exists()


async def test_a_file_that_grows_while_its_pages_are_kept_is_read_again(
    switch: PhoneSwitch, log: PhoneLogConnector
) -> None:
    switch.call(CALLER, "一句话")
    path = switch.export()
    await pages(log)
    async for _ in log.poll(""):
        row = path.read_bytes().splitlines(keepends=True)[1]
        with path.open("ab") as file:
            file.write(row.replace(b"C000000001", b"C000000009"))
    assert path.exists()
    assert [body.peer_message_no[-1] for body in await bodies(log)] == ["1", "9"]


async def test_bad_rows_go_to_a_report_and_good_ones_pass(
    switch: PhoneSwitch, log: PhoneLogConnector
) -> None:
    switch.call(CALLER, "一句话")
    switch.call(CALLER, "没人接", answered=False)
    switch.faults.next_only(Fault.GARBAGE)
    path = switch.export()
    with capture_logs() as logged:
        assert len(await bodies(log)) == 1
    assert [(one["calls"], one["bad"], one["abandoned"]) for one in logged] == [(1, 1, 1)]
    report = switch.folder / "done" / f"{path.name}.errors.csv"
    rows = list(csv.reader(report.read_text(encoding="utf-8-sig").splitlines()))
    assert rows == [["line", "reason"], ["4", "1 cells under 9 columns"]]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe\xff\n", "bytes are neither UTF-8 nor GB 18030"),
        ("编号,号码\n1,2\n".encode(), "the first line lacks the columns"),
        (b"x" * 2000 + b"\n", "larger than 1000 bytes"),
    ],
    ids=["encoding", "columns", "size"],
)
async def test_a_file_that_cannot_be_read_is_put_aside_with_its_reason(
    switch: PhoneSwitch, content: bytes, why: str
) -> None:
    log = connect(switch, most_bytes=1000)
    switch.call(CALLER, "一句话")
    switch.export()
    (switch.folder / "aaa.csv").write_bytes(content)
    assert len(await bodies(log)) == 1
    assert (switch.folder / "rejected" / "aaa.csv").read_bytes() == content
    report = switch.folder / "rejected" / "aaa.csv.errors.csv"
    assert why in report.read_text(encoding="utf-8-sig")


async def test_long_files_come_in_pages(switch: PhoneSwitch) -> None:
    log = connect(switch, page_rows=2)
    for _ in range(5):
        switch.call(CALLER, "一句话")
    switch.export()
    assert await pages(log) == []
    assert [len(page.bodies) for page in await pages(log)] == [2, 2, 1]
