"""Who may not see a ticket cannot tell it from one that is not there: same answer, same work."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from schemas.ids import ticket_no
from tests.console.portal_stage import PortalStage, address, portal_stage

HIDDEN_WORD, NOBODYS_WORD = "路灯", "飞船"


@dataclass
class Work:
    """What the store was asked to read since the last look."""

    reads: int = 0

    def taken(self) -> int:
        reads, self.reads = self.reads, 0
        return reads


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[PortalStage]:
    async with portal_stage(tmp_path / "tickets.db") as stage:
        yield stage


@pytest.fixture
def work(stage: PortalStage, monkeypatch: pytest.MonkeyPatch) -> Work:
    done = Work()
    read = type(stage.store.database).read

    async def counted(self: Any, work: Callable[[Connection], Any]) -> Any:
        done.reads += 1
        return await read(self, work)

    monkeypatch.setattr(type(stage.store.database), "read", counted)
    return done


async def asked(stage: PortalStage, path: str, who: str | None) -> tuple[int, bytes]:
    answer = await stage.api.call("GET", path, who)
    return answer.status, await answer.read()


async def test_a_wrong_code_is_an_unknown_number_and_neither_is_looked_up(
    stage: PortalStage, work: Work
) -> None:
    taken, ticket_id = await stage.registered()
    work.taken()
    wrong = await asked(stage, address(taken | {"query_code": "00000000"}), None)
    unknown = {"ticket_no": ticket_no(ticket_id + 1), "query_code": "00000000"}
    assert wrong == await asked(stage, address(unknown), None)
    assert wrong[0] == 404
    assert work.taken() == 0


@pytest.mark.parametrize("path", ["", "/events", "/attachments"])
async def test_anothers_ticket_is_an_unknown_ticket(
    stage: PortalStage, work: Work, path: str
) -> None:
    _, ticket_id = await stage.registered()
    await asked(stage, "/api/v1/tickets", "other")  # the token is known from here on
    work.taken()
    hidden = await asked(stage, f"/api/v1/tickets/{ticket_id}{path}", "other")
    of_hidden = work.taken()
    unknown = await asked(stage, f"/api/v1/tickets/{ticket_id + 1}{path}", "other")
    assert hidden == unknown
    assert (hidden[0], of_hidden) == (404, work.taken())


async def test_a_search_says_nothing_of_what_others_have(stage: PortalStage, work: Work) -> None:
    taken, _ = await stage.registered()
    path = "/api/v1/tickets?text={}"
    seen = await asked(stage, path.format(HIDDEN_WORD), "leader")
    assert taken["ticket_no"].encode() in seen[1]
    await asked(stage, "/api/v1/tickets", "other")
    work.taken()
    hidden = await asked(stage, path.format(HIDDEN_WORD), "other")
    of_hidden = work.taken()
    assert hidden == await asked(stage, path.format(NOBODYS_WORD), "other")
    assert (hidden[0], of_hidden) == (200, work.taken())
    number = await asked(stage, path.format(taken["ticket_no"]), "other")
    assert number == hidden
