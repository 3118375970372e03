"""POST /api/portal/v1/attachments: a file for a matter that exists, or for one about to come."""

from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from console.api.bodies import answer, has_unprintable, read_body
from console.api.operations import Operation, Parameter
from console.api.problems import (
    BAD_REQUEST,
    TITLES,
    TOO_LARGE,
    WRONG,
    WRONG_TYPE,
    Problem,
    fields_wrong,
)
from console.portal.answers import Uploaded
from console.portal.deps import PORTAL, Portal
from console.say_fields import Wrong
from ticket_store.attachments import AttachmentRefused

CITIZEN = "citizen"
_CHUNK = 1 << 16
_MOST_PARTS = 10
_LONGEST_NAME = 200
_STATUS = {
    "attachment_too_large": TOO_LARGE,
    "attachment_type": WRONG_TYPE,
    "attachment_type_differs": WRONG_TYPE,
}
_SAID = {
    "attachment_empty": "文件是空的。",
    "attachment_too_large": "文件太大。",
    "attachment_type": "不接收这种类型的文件。",
    "attachment_type_differs": "文件内容与声明的类型不符。",
    "attachment_too_many": "附件数量已达上限。",
}


@dataclass(frozen=True)
class _File:
    name: str
    content_type: str
    content: bytes


async def upload(request: web.Request) -> web.Response:
    portal = request.app[PORTAL]
    portal.admit(request)
    most = portal.deps.store.attachments.limits.largest_bytes
    if not request.query.get("ticket_no"):
        portal.admit_upload(request, most)
    ticket_id = await _ticket(portal, request)
    file = await _file(request, most)
    try:
        kept = await portal.deps.store.attachments.keep(
            ticket_id, file.name, file.content_type, file.content, CITIZEN
        )
    except AttachmentRefused as error:
        title = _SAID.get(error.code, TITLES["attachment_refused"])
        raise Problem(_STATUS.get(error.code, WRONG), error.code, title=title) from error
    return answer(Uploaded(attachment_id=kept.attachment_id), 201)


async def _ticket(portal: Portal, request: web.Request) -> int:
    """Whose file it is. Raises: Problem 404, 422."""
    query = request.query
    if number := query.get("ticket_no"):
        ticket_id = portal.authorised(number, query.get("query_code"))
        await portal.known(ticket_id)
        return ticket_id
    if earlier := query.get("together_with"):
        found = await portal.deps.store.attachments.find(earlier)
        if found is None:
            raise fields_wrong(Wrong("together_with", "没有这个附件"))
        portal.require_fresh(found, "together_with")
        return found.ticket_id
    return portal.deps.store.ids.next()


async def _file(request: web.Request, most: int) -> _File:
    if request.content_type.startswith("multipart/"):
        return await _from_form(request, most)
    name = request.query.get("name", "")
    return _File(
        _plain(name), request.headers.get("Content-Type", ""), await read_body(request, most)
    )


async def _from_form(request: web.Request, most: int) -> _File:
    """The first part that has a file name. Raises: Problem 400, 413, 415."""
    if request.content_type != "multipart/form-data":
        raise Problem(WRONG_TYPE, "content_type", "multipart/form-data, or the file itself")
    try:
        reader = await request.multipart()
        for _ in range(_MOST_PARTS):
            part = await reader.next()
            if part is None:
                break
            if isinstance(part, BodyPartReader) and part.filename:
                content = await _content(part, most)
                return _File(_plain(part.filename), part.headers.get("Content-Type", ""), content)
            await part.release()
    except (ValueError, AssertionError, LookupError, RuntimeError) as error:
        raise Problem(BAD_REQUEST, "bad_request", "the form cannot be read") from error
    raise Problem(BAD_REQUEST, "bad_request", "no part of the form has a file name")


async def _content(part: BodyPartReader, most: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        content += chunk
        if len(content) > most:
            raise Problem(TOO_LARGE, "body_too_large", f"at most {most} bytes")
    return bytes(content)


def _plain(name: str) -> str:
    """The name as the store takes it: what is no text in it does not matter."""
    name = name[:_LONGEST_NAME].encode(errors="replace").decode()
    return "" if has_unprintable(name) else name


_BINARY = {"type": "string", "format": "binary"}
OPERATIONS = (
    Operation(
        "POST", "/api/portal/v1/attachments", upload, "upload",
        "A file: for a matter by number and code, or for one that is handed in next", "portal",
        (201, Uploaded),
        body={
            "multipart/form-data": {
                "type": "object", "properties": {"file": _BINARY}, "required": ["file"],
            },
            "application/octet-stream": _BINARY,
        },
        parameters=(
            Parameter("ticket_no", "of the matter that it is for"),
            Parameter("query_code", "with ticket_no"),
            Parameter("together_with", "attachment_id of another file for the same coming matter"),
            Parameter("name", "name of the file, when it is the body itself"),
        ),
        problems=(404, 429), bearer=False,
    ),
)  # fmt: skip
