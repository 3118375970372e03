"""A ticket's attachments: who may see the ticket may take them, and each taking is audited."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

import structlog
from aiohttp import web

from console import say_audit
from console.deps import Deps
from console.names import names_of
from schemas.parties import Actor
from ticket_store.attachments import Attachment, AttachmentDamaged
from ticket_store.store import Store

log = structlog.get_logger(__name__)

_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "image": "图片",
        "audio": "录音",
        "video": "视频",
        "text": "文本",
        "application/pdf": "PDF",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "文档",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "表格",
    }
)
_UNITS = (("MB", 1_000_000), ("kB", 1000))
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


async def find(store: Store, ticket_id: int, attachment_id: str) -> Attachment | None:
    """The attachment, if it is one of the ticket's."""
    attachment = await store.attachments.find(attachment_id)
    return attachment if attachment is not None and attachment.ticket_id == ticket_id else None


async def take(store: Store, actor: Actor, attachment: Attachment) -> web.Response:
    """The file as a download; that it was taken is in the audit before it is answered.

    Raises: AttachmentDamaged, which is in the log.
    """
    try:
        content = await store.attachments.content(attachment)
    except AttachmentDamaged as error:
        log.error("attachment damaged", reason=str(error))  # noqa: TRY400 - the trace says no more
        raise
    await store.audit.append(
        actor.actor_id, "attachment_read", f"ticket:{attachment.ticket_id}",
        {"attachment": attachment.attachment_id},
    )  # fmt: skip
    headers = {
        "Content-Type": attachment.content_type,
        "Content-Disposition": disposition(attachment.name),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return web.Response(body=content, headers=headers)


def disposition(name: str) -> str:
    """Saved under its name, never shown in the page's place (RFC 6266): plain ASCII, then UTF-8."""
    plain = _NOT_PLAIN.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


@dataclass(frozen=True)
class Shown:
    """who: by whom it was handed in, in Chinese."""

    attachment: Attachment
    who: str

    @property
    def kind(self) -> str:
        """What it is by its own bytes, in a word."""
        kind = self.attachment.content_type
        return _KINDS.get(kind) or _KINDS.get(kind.partition("/")[0], "文件")

    @property
    def size(self) -> str:
        """In the unit in which it is a short number."""
        for unit, least in _UNITS:
            if self.attachment.size >= least:
                return f"{self.attachment.size / least:.1f} {unit}".replace(".0 ", " ")
        return f"{self.attachment.size} 字节"


async def shown(deps: Deps, ticket_id: int) -> list[Shown]:
    kept = await deps.store.attachments.of(ticket_id)
    names = await names_of(deps, {one.added_by for one in kept}) if kept else {}
    return [Shown(one, say_audit.who(one.added_by, names)) for one in kept]
