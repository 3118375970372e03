"""/api/v1/tickets/.../attachments: the files that came with a matter."""

from datetime import datetime

from aiohttp import web

from console import attachments
from console.api.bodies import answer
from console.api.calls import API, ticket_id_asked, visible_head
from console.api.operations import Operation
from console.api.problems import FAILED, NOT_FOUND, Problem
from schemas.matter import Frozen
from ticket_store.attachments import Attachment, AttachmentDamaged
from ticket_store.file_types import KNOWN


class File(Frozen):
    """size: bytes. content_type: read off the bytes. added_by: citizen, or who handed it in."""

    attachment_id: str
    name: str
    content_type: str
    size: int
    sha256: str
    added_by: str
    added_at: datetime

    @classmethod
    def of(cls, kept: Attachment) -> "File":
        return cls(**{name: getattr(kept, name) for name in cls.model_fields})


class Files(Frozen):
    """The oldest first."""

    attachments: tuple[File, ...]


async def listed(request: web.Request) -> web.Response:
    api = request.app[API]
    actor = await api.tokens.actor(request)
    head = await visible_head(api, actor, ticket_id_asked(request))
    kept = await api.deps.store.attachments.of(head.ticket_id)
    return answer(Files(attachments=tuple(map(File.of, kept))))


async def content(request: web.Request) -> web.Response:
    api = request.app[API]
    actor = await api.tokens.actor(request)
    head = await visible_head(api, actor, ticket_id_asked(request))
    store, wanted = api.deps.store, request.match_info["attachment_id"]
    attachment = await attachments.find(store, head.ticket_id, wanted)
    if attachment is None:
        raise Problem(NOT_FOUND, "unknown_attachment")
    try:
        return await attachments.take(store, actor, attachment)
    except AttachmentDamaged as error:
        raise Problem(FAILED, "attachment_damaged") from error


_ALL = "/api/v1/tickets/{ticket_id}/attachments"
OPERATIONS = (
    Operation(
        "GET", _ALL, listed, "listAttachments", "Files that came with a ticket",
        "tickets", (200, Files), problems=(401, 403, 404),
    ),
    Operation(
        "GET", f"{_ALL}/{{attachment_id}}", content, "readAttachment",
        "One file as it came; each time is audited",
        "tickets", (200, None), media=sorted(KNOWN), problems=(401, 403, 404),
    ),
)  # fmt: skip
