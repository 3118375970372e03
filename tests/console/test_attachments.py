"""Files that came with a matter: listed on its page and in the API, taken by who may see it."""

from pathlib import Path
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from console import say_audit
from console.attachments import disposition
from tests.console.api_stage import ApiStage, api_stage
from tests.console.stage import Stage
from ticket_store.attachments import Attachment
from ticket_store.store import Store

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
NAME = "收据 1.png"


async def keep(store: Store, ticket_id: int, by: str = "citizen") -> Attachment:
    return await store.attachments.keep(ticket_id, NAME, "image/png", PNG, by)


def damage(folder: Path, kept: Attachment) -> None:
    [file] = folder.rglob(kept.sha256)
    file.write_bytes(b"rotten")


async def audited(store: Store) -> list[tuple[str, str, dict[str, object]]]:
    rows = await store.audit.rows(None, 100)
    return [
        (row.actor_id, row.subject, dict(row.facts))
        for row in rows
        if row.action == "attachment_read"
    ]


async def test_the_page_lists_them_and_the_link_downloads(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    kept = await keep(stage.store, ticket.ticket_id)
    await keep(stage.store, ticket.ticket_id, "operator")
    browser = await stage.browser("handler")
    path = f"/tickets/{ticket.ticket_id}/attachments/{kept.attachment_id}"
    await browser.get(f"/tickets/{ticket.ticket_id}")
    assert f'href="{path}" download' in browser.text
    for said in (NAME, "48 字节 · 11月24日 10:00 · 诉求人"):
        assert said in browser.text
    answer = await browser.client.get(path)
    assert (answer.status, await answer.read()) == (200, PNG)
    assert answer.content_type == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="_1.png"; ')
    subject = f"ticket:{ticket.ticket_id}"
    assert await audited(stage.store) == [("handler", subject, {"attachment": kept.attachment_id})]


async def test_a_page_without_files_says_nothing_of_them(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    browser = await stage.browser("handler")
    await browser.get(f"/tickets/{ticket.ticket_id}")
    assert "附件" not in browser.text


async def test_who_may_not_see_the_ticket_gets_no_file(stage: Stage) -> None:
    ticket, other = await stage.acknowledged(), await stage.acknowledged()
    kept = await keep(stage.store, ticket.ticket_id)
    path = f"/tickets/{ticket.ticket_id}/attachments/{kept.attachment_id}"
    elsewhere = f"/tickets/{other.ticket_id}/attachments/{kept.attachment_id}"
    assert (await (await stage.browser("other")).get(path)).status == 404
    assert (await (await stage.browser("handler")).get(elsewhere)).status == 404
    assert (await (await stage.browser("sysadmin")).get(path)).status == 403
    assert (await (await stage.browser()).get(path)).status == 303
    assert await audited(stage.store) == []


async def test_a_damaged_file_is_said_to_be_damaged(stage: Stage, tmp_path: Path) -> None:
    ticket = await stage.acknowledged()
    kept = await keep(stage.store, ticket.ticket_id)
    damage(tmp_path, kept)
    browser = await stage.browser("handler")
    with capture_logs() as logs:
        answer = await browser.get(f"/tickets/{ticket.ticket_id}/attachments/{kept.attachment_id}")
    assert answer.status == 500
    assert "附件文件已损坏或丢失" in browser.text
    assert "请联系系统管理员从备份恢复" in browser.text
    assert [one["log_level"] for one in logs if one["event"] == "attachment damaged"] == ["error"]
    assert await audited(stage.store) == []


async def test_programs_list_and_take_them(tmp_path: Path) -> None:
    async with api_stage(tmp_path / "tickets.db") as api:
        ticket_id = (await api.create())["ticket_id"]
        kept = await keep(api.store, ticket_id)
        path = f"/api/v1/tickets/{ticket_id}/attachments"
        answer = await api.call("GET", path, "operator")
        assert answer.status == 200
        [listed] = (await answer.json())["attachments"]
        assert (listed["attachment_id"], listed["name"]) == (kept.attachment_id, NAME)
        assert (listed["size"], listed["sha256"]) == (len(PNG), kept.sha256)
        answer = await api.call("GET", f"{path}/{kept.attachment_id}", "operator")
        assert (answer.status, await answer.read()) == (200, PNG)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
        assert len(await audited(api.store)) == 1
        await _problems(api, path, kept, tmp_path)


async def _problems(api: ApiStage, path: str, kept: Attachment, folder: Path) -> None:
    async def problem(address: str, who: str | None) -> tuple[int, str]:
        answer = await api.call("GET", address, who)
        return answer.status, (await answer.json())["code"]

    one = f"{path}/{kept.attachment_id}"
    other = (await api.create())["ticket_id"]
    for address in (path, one):
        assert await problem(address, None) == (401, "unauthorized")
        assert await problem(address, "handler") == (404, "unknown_ticket")
    elsewhere = f"/api/v1/tickets/{other}/attachments/{kept.attachment_id}"
    for address in (f"{path}/nothing", elsewhere):
        assert await problem(address, "operator") == (404, "unknown_attachment")
    damage(folder, kept)
    assert await problem(one, "operator") == (500, "attachment_damaged")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.png", "a.png"),
        ("收据.png", "_.png"),
        ('a"; filename="b.exe', "a_filename_b.exe"),
        ("a\r\nSet-Cookie: x", "a_Set-Cookie_x"),
    ],
)
def test_a_name_cannot_leave_its_header(name: str, plain: str) -> None:
    encoded = quote(name, safe="")
    assert disposition(name) == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def test_the_audit_says_it_in_words() -> None:
    assert say_audit.ACTS["attachment_read"] == "打开附件"
