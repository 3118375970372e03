"""Errors of the APIs as application/problem+json (RFC 9457): a stable code, a Chinese title."""

import http
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import structlog
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import ValidationError
from pydantic_core import to_json

from console.say_fields import Wrong, wrong_fields
from console.say_refusals import BUSY, refusal
from schemas.errors import (
    CommandRefused,
    NotEntitled,
    StoreBusy,
    TransitionRefused,
    UnknownTicket,
)
from schemas.lifecycle import TICKET

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT = 400, 401, 403, 404, 409
TOO_LARGE, WRONG_TYPE, WRONG, TOO_MANY, FAILED, AWAY = 413, 415, 422, 429, 500, 503
# no answer of an API is a page, whatever somebody wrote into a ticket
HEADERS = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
    }
)

# code -> title, of the errors that arise before a command is asked for
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "bad_request": "请求有误。",
        "unauthorized": "没有有效的访问令牌。",
        "not_entitled": "该令牌无权这样做。",
        "not_found": "没有这个地址。",
        "unknown_ticket": "没有这件工单，或不在您的查看范围内。",
        "unknown_action": "没有这个办理动作。",
        "unknown_matter": "单号或查询码不对。",
        "method_not_allowed": "这个地址不支持这样的请求方法。",
        "body_too_large": "提交的内容太大。",
        "content_type": "内容类型不对，请按接口文档提交。",
        "not_json": "提交的内容不是有效的 JSON 对象。",
        "fields_wrong": "有字段填写不对。",
        "idempotency_key": "缺少 Idempotency-Key，或它不合格式。",
        "idempotency_key_reused": "这个 Idempotency-Key 已经用于另一次提交。",
        "state_refused": "以诉求现在的状态，不能这样办理。",
        "attachment_refused": "附件未被接收。",
        "unknown_attachment": "这件工单没有这个附件。",
        "attachment_damaged": "附件文件已损坏或丢失，无法打开。",
        "too_many_requests": "操作过于频繁，请稍后再试。",
        "too_many_uploads": "上传的文件过多，请稍后再试。",
        "internal": "系统内部出错，已记录。",
        "store_busy": BUSY[0],
    }
)
_CODES = {
    BAD_REQUEST: "bad_request", UNAUTHORIZED: "unauthorized", FORBIDDEN: "not_entitled",
    NOT_FOUND: "not_found", 405: "method_not_allowed", TOO_LARGE: "body_too_large",
    WRONG_TYPE: "content_type", AWAY: "store_busy",
}  # fmt: skip
_PATHS = ("/api/", "/peers/")


class Problem(Exception):
    """An answer other than what was asked for. code: a key of TITLES unless `title` is given."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        title: str | None = None,
        errors: Iterable[Wrong] = (),
        facts: Mapping[str, str] = MappingProxyType({}),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail
        self.title = TITLES[code] if title is None else title
        self.errors, self.facts, self.headers = tuple(errors), dict(facts), headers


def fields_wrong(*errors: Wrong) -> Problem:
    return Problem(WRONG, "fields_wrong", errors=errors)


def response_of(problem: Problem) -> web.Response:
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.facts:
        said["facts"] = problem.facts
    if problem.errors:
        said["errors"] = [
            {"field": wrong.field, "message": wrong.message} for wrong in problem.errors
        ]
    headers = {**HEADERS, **problem.headers, "Content-Type": PROBLEM_JSON}
    return web.Response(status=problem.status, body=to_json(said), headers=headers)


def of_refusal(error: CommandRefused) -> Problem:
    """The same words as in the console: what happened is the title, what to do the detail."""
    status = CONFLICT
    if isinstance(error, UnknownTicket):
        status = NOT_FOUND
    elif isinstance(error, NotEntitled):
        status = FORBIDDEN
    happened, remedy = refusal(error)
    return Problem(
        status, error.code, remedy, title=happened, facts={**error.facts, **_leads(error)}
    )


def _leads(error: CommandRefused) -> dict[str, str]:
    """Of an action that is not possible from a state: where it would lead, from where it can."""
    if not isinstance(error, TransitionRefused) or "state" not in error.facts:
        return {}
    rows = [row for row in TICKET.values() if row.action == error.facts.get("action")]
    return {"to": " ".join(sorted({state for row in rows for state in row.targets}))}


def of_busy(error: StoreBusy) -> Problem:
    after = {"Retry-After": str(max(1, round(error.retry_after_seconds)))}
    return Problem(AWAY, "store_busy", BUSY[1], headers=after)


def of_http(error: web.HTTPException) -> Problem:
    code = _CODES.get(error.status)
    allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    if code is None:
        return Problem(error.status, "bad_request", http.HTTPStatus(error.status).phrase)
    return Problem(error.status, code, headers=allowed)


# framing or coding of the body does not hold: nothing more can be read from this connection
BROKEN = (web.RequestPayloadError, ClientPayloadError, HttpProcessingError)
# the first that fits
_KINDS: tuple[tuple[tuple[type[Exception], ...], Callable[[Any], Problem]], ...] = (
    ((Problem,), lambda problem: problem),
    ((CommandRefused,), of_refusal),
    ((StoreBusy,), of_busy),
    ((ValidationError,), lambda error: fields_wrong(*wrong_fields(error))),
    ((web.HTTPException,), of_http),
    (
        BROKEN,
        lambda _error: Problem(
            BAD_REQUEST, "bad_request", "the body is broken", headers={"Connection": "close"}
        ),
    ),
)


def has_left(request: web.Request, error: Exception) -> bool:
    """Whether `error` is only the client who went away in the middle: nobody's mistake here."""
    gone = request.transport is None or request.transport.is_closing()
    return gone and isinstance(error, (ConnectionError, *BROKEN))


@web.middleware
async def explain_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error below /api and /peers; what no page of the console has to do with."""
    if not request.path.startswith(_PATHS):
        return await handler(request)
    try:
        return await handler(request)
    except Exception as error:
        if isinstance(error, BROKEN):
            request.content.feed_eof()  # or the server reads on, fails, and logs it as its own
        if has_left(request, error):
            log.debug("client left", path=request.path, method=request.method)
            return response_of(Problem(BAD_REQUEST, "bad_request"))  # nobody reads it
        of_kind = next((of for kinds, of in _KINDS if isinstance(error, kinds)), None)
        if of_kind is not None:
            return response_of(of_kind(error))
        log.exception("request failed", path=request.path, method=request.method)
        return response_of(Problem(FAILED, "internal"))


_EXPLAINED: web.AppKey[bool] = web.AppKey("problems_are_explained", bool)


def explain_in(app: web.Application) -> None:
    """Let this app answer errors below /api and /peers in this form; once is enough."""
    if not app.get(_EXPLAINED, False):
        app[_EXPLAINED] = True
        app.middlewares.insert(0, explain_problems)
