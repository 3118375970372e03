"""GET /api/v1/tickets: pages, filters, and what makes no sense as either."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.console.api_stage import ApiStage, api_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(tmp_path / "tickets.db") as stage:
        yield stage


async def test_pages_follow_each_other(stage: ApiStage) -> None:
    made = [(await stage.create())["ticket_id"] for _ in range(5)]
    seen: list[int] = []
    cursor = None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = await (await stage.call("GET", "/api/v1/tickets", "leader", params=params)).json()
        seen += [row["ticket_id"] for row in page["tickets"]]
        if (cursor := page["cursor"]) is None:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=nowhere", "state"),
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("from=yesterday", "from"),
        ("from=2026-11-25T10:00:00", "from"),
        ("to=9999-12-31", "to"),
        ("cursor=abc", "cursor"),
        ("text=%00", "text"),
        ("text=" + "x" * 201, "text"),
        ("phone=" + "1" * 41, "phone"),
        ("order=oldest", "order"),
        ("mark=odd", "mark"),
        ("limit=1&limit=2", "limit"),
    ],
)
async def test_filters_that_make_no_sense_are_refused(
    stage: ApiStage, query: str, field: str
) -> None:
    answer = await stage.call("GET", f"/api/v1/tickets?{query}", "leader")
    assert answer.status == 422
    assert [one["field"] for one in (await answer.json())["errors"]] == [field]


async def test_filters_narrow_the_list(stage: ApiStage) -> None:
    ticket = (await stage.create())["ticket_id"]
    other = (
        await stage.create(
            accept=False, matter={"title": "噪声", "text": "夜间施工", "kind": "help"}
        )
    )["ticket_id"]
    for query, found in (
        ("state=accepted", [ticket]),
        ("state=accepted&state=received", [other, ticket]),
        ("kind=help", [other]),
        ("source=counter&area=320508", [ticket]),
        ("text=施工", [other]),
        ("to=2026-11-23", []),
        ("from=2026-11-24T00:00:00%2B08:00", [other, ticket]),
        ("department=scjg", []),
        ("order=due", []),
        ("mark=reminded", []),
    ):
        page = await (await stage.call("GET", f"/api/v1/tickets?{query}", "leader")).json()
        assert [row["ticket_id"] for row in page["tickets"]] == found, query
