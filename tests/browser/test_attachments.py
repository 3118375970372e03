"""The files of a matter: all told apart on the page, whatever they are called; one is opened."""

import asyncio
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import People
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LONG = "关于储值卡余额退还问题的书面说明及历次沟通记录（含微信截图整理版第三稿）最终" * 3
UNBROKEN = "IMG_20261124_" + "0123456789" * 9


def png(side: int) -> bytes:
    """A grey square that an image viewer can show."""

    def part(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


def document() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("word/document.xml", "<w:document/>")
    return packed.getvalue()


FILES = (
    ("收据.png", "image/png", png(200), "图片"),
    (f"{LONG}.pdf", "application/pdf", b"%PDF-1.4\n" + b"%" * 1_234_567, "PDF"),
    (f"{UNBROKEN}.png", "image/png", png(3), "图片"),
    ("合同.docx", "", document(), "文档"),
    ("聊天记录.txt", "text/plain", "您好，请退款。".encode(), "文本"),
    *((f"照片 {n}.png", "image/png", png(4 + n), "图片") for n in range(1, 10)),
)


async def test_files_are_told_apart_and_one_is_opened(stage: Stage, people: People) -> None:
    operator = await people("zuoxi")
    ticket_id = await stage.register("健身房闭店，附证据材料", phone="138" + "00001357")
    for name, content_type, content, _ in FILES:
        await stage.hub.store.attachments.keep(ticket_id, name, content_type, content, "zuoxi")
    page = await operator.ticket(ticket_id)
    await expect(page.get_by_role("heading", name=f"附件 {len(FILES)} 个")).to_be_visible()
    rows = page.get_by_test_id("attachments").get_by_role("listitem")
    await expect(rows).to_have_count(len(FILES))
    for row, (_, _, _, kind) in zip(await rows.all(), FILES, strict=True):
        await expect(row.locator(".st-tag")).to_have_text(kind)
        await expect(row).to_contain_text("座席")
    await expect(rows.nth(1)).to_contain_text("1.2 MB")
    await operator.look("attachments")

    link = page.get_by_role("link", name="收据.png")
    async with page.expect_download() as started:
        await link.click()
    download = await started.value
    assert download.suggested_filename == "收据.png"
    saved = Path(await download.path())
    assert await asyncio.to_thread(saved.read_bytes) == png(200)
    # it is no page of ours: the browser stays where it was
    assert page.url.endswith(f"/tickets/{ticket_id}")
