"""Files for a matter: before it is handed in, or with a later supplement; within limits."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData

from schemas.ids import ticket_id_of
from tests.console.api_stage import Seconds
from tests.console.portal_stage import FORM, MATTERS, PortalStage, portal_stage

UPLOAD = "/api/portal/v1/attachments"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[PortalStage]:
    async with portal_stage(tmp_path / "tickets.db") as stage:
        yield stage


def form(content: bytes = PNG, name: str = "照片.png", kind: str = "image/png") -> FormData:
    made = FormData(quote_fields=False)  # as browsers do
    made.add_field("note", "不是文件")
    made.add_field("file", content, filename=name, content_type=kind)
    return made


async def upload(stage: PortalStage, query: str = "", data: Any = None) -> str:
    answer = await stage.api.call("POST", f"{UPLOAD}{query}", data=data or form())
    assert answer.status == 201, await answer.text()
    made: dict[str, str] = await answer.json()
    return made["attachment_id"]


async def test_files_come_first_and_their_matter_after(stage: PortalStage) -> None:
    one = await upload(stage)
    two = await upload(stage, f"?together_with={one}", PNG + b"2")
    taken = await stage.hand_in(attachments=[one, two])
    ticket_id = ticket_id_of(taken["ticket_no"])
    kept = await stage.store.attachments.of(ticket_id)
    assert {each.attachment_id for each in kept} == {one, two}
    assert "照片.png" in {each.name for each in kept}
    assert await stage.hand_in(attachments=[one, two]) == taken  # the same key
    answer = await stage.api.call("POST", MATTERS, key="k2", json=FORM | {"attachments": [one]})
    assert answer.status == 422  # they are another matter's now
    await stage.apply()
    assert (await stage.progress(taken))["state"] == "已收到，等待受理"


async def test_files_that_were_not_uploaded_together_make_no_matter(stage: PortalStage) -> None:
    one, two = await upload(stage), await upload(stage)
    answer = await stage.api.call("POST", MATTERS, key="k", json=FORM | {"attachments": [one, two]})
    assert answer.status == 422


async def test_a_file_for_a_supplement(stage: PortalStage) -> None:
    taken, ticket_id = await stage.registered()
    query = f"?ticket_no={taken['ticket_no']}&query_code={taken['query_code']}"
    file = await upload(stage, query)
    assert (await stage.act(taken, "supplements", text="见附件", attachments=[file]))[0] == 202
    await stage.apply()
    (supplement,) = await stage.store.tickets.supplements(ticket_id)
    assert supplement.attachments == (file,)
    stranger = await upload(stage)
    assert (await stage.act(taken, "supplements", text="x", attachments=[stranger]))[0] == 422


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"MZ\x90\x00", "image/png", 415, "attachment_type"),
        (b"<script>alert(1)</script>", "text/plain", 415, "attachment_type"),
        (PNG, "image/jpeg", 415, "attachment_type_differs"),
        (b"", "image/png", 422, "attachment_empty"),
    ],
)
async def test_what_is_not_taken(
    stage: PortalStage, content: bytes, kind: str, status: int, code: str
) -> None:
    for data, headers in ((form(content, kind=kind), {}), (content, {"Content-Type": kind})):
        answer = await stage.api.call("POST", UPLOAD, data=data, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (status, code)


async def test_a_file_has_a_largest_size(stage: PortalStage) -> None:
    largest = stage.store.attachments.limits.largest_bytes
    too_much = PNG + bytes(largest)
    in_form = FormData()
    in_form.add_field("file", BytesIO(too_much), filename="x.png", content_type="image/png")
    for data in (BytesIO(too_much), in_form):
        assert (await stage.api.call("POST", UPLOAD, data=data)).status == 413


async def test_whose_file_it_is_must_be_known(stage: PortalStage) -> None:
    taken = await stage.hand_in()
    for query, status in (
        (f"?ticket_no={taken['ticket_no']}&query_code=0", 404),
        ("?together_with=nothing", 422),
    ):
        answer = await stage.api.call("POST", UPLOAD + query, data=form())
        assert answer.status == status


async def test_of_matters_handed_in_at_once_with_one_file_all_but_one_were_lost(
    stage: PortalStage,
) -> None:
    """Each was told the same number, and the words of all but one were taken for a repeat."""
    file = await upload(stage)
    answers = await asyncio.gather(
        *(
            stage.api.call(
                "POST",
                MATTERS,
                key=f"k{n}",
                json=FORM | {"title": f"第{n}件", "attachments": [file]},
            )
            for n in range(5)
        )
    )
    assert sorted(answer.status for answer in answers) == [201, 422, 422, 422, 422]
    assert len(await stage.store.inbound.browse()) == 1


@pytest.fixture
async def few(tmp_path: Path) -> AsyncIterator[PortalStage]:
    """Three files and a thousand bytes an hour."""
    clock = Seconds()
    async with portal_stage(
        tmp_path / "tickets.db", limit_loopback=True, per_minute=1000, monotonic=clock,
        uploads_per_hour=3, upload_bytes_per_hour=1000,
    ) as stage:  # fmt: skip
        stage.api.monotonic = clock
        yield stage


async def send(stage: PortalStage, content: bytes, query: str = "", **request: Any) -> Any:
    return await stage.api.call("POST", UPLOAD + query, data=content, **request)


async def test_one_address_uploads_so_many_files_an_hour(few: PortalStage) -> None:
    assert [(await send(few, PNG)).status for _ in range(3)] == [201, 201, 201]
    few.api.monotonic.at = 600.0
    refused = await send(few, PNG)
    said = await refused.json()
    assert (refused.status, said["code"]) == (429, "too_many_uploads")
    assert refused.headers["Retry-After"] == "3000"
    elsewhere = await send(few, PNG, headers={"X-Forwarded-For": "198.51.100.7"})
    assert elsewhere.status == 201
    few.api.monotonic.at = 3600.0
    assert (await send(few, PNG)).status == 201


async def test_one_address_uploads_so_many_bytes_an_hour(few: PortalStage) -> None:
    assert (await send(few, PNG + bytes(600))).status == 201
    assert (await send(few, PNG + bytes(600))).status == 429
    assert (await send(few, PNG)).status == 201  # what still fits


async def test_an_upload_that_does_not_say_its_length_counts_as_the_largest(
    few: PortalStage,
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield PNG

    assert (await few.api.call("POST", UPLOAD, data=parts())).status == 429


async def test_refused_uploads_are_counted_too(few: PortalStage) -> None:
    assert [(await send(few, b"MZ\x90\x00")).status for _ in range(3)] == [415, 415, 415]
    assert (await send(few, PNG)).status == 429


async def test_uploads_at_once_do_not_pass_the_quota_together(few: PortalStage) -> None:
    answers = await asyncio.gather(*(send(few, PNG) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [429] * 7


async def test_a_file_for_a_matter_that_is_known_is_outside_the_quota(few: PortalStage) -> None:
    taken = await few.hand_in()
    query = f"?ticket_no={taken['ticket_no']}&query_code={taken['query_code']}"
    for number in range(5):
        assert (await send(few, PNG + bytes([number]), query)).status == 201


async def test_an_upload_waits_a_day_for_its_matter(stage: PortalStage) -> None:
    one, two = await upload(stage), await upload(stage)
    stage.api.clock.pass_(hours=24)
    taken = await stage.hand_in("in time", attachments=[one])
    stage.api.clock.pass_(seconds=1)
    answer = await stage.api.call("POST", MATTERS, key="late", json=FORM | {"attachments": [two]})
    assert (answer.status, "重新上传" in await answer.text()) == (422, True)
    answer = await send(stage, PNG, f"?together_with={two}")
    assert (answer.status, "重新上传" in await answer.text()) == (422, True)  # it is still there
    assert await stage.hand_in("in time", attachments=[one]) == taken  # a repeat, however late
    assert await stage.store.attachments.sweep.run(stage.api.clock()) == 1
    assert await stage.store.attachments.find(two) is None
    assert await stage.store.attachments.find(one) is not None
