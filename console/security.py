"""Security headers, cross-site refusals and error pages that say what to do, as middlewares."""

import hmac
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from console import permissions
from console.api.problems import has_left, of_busy
from console.rendering import page
from console.say_refusals import BUSY
from console.session import csrf_of
from schemas.errors import StoreBusy

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger(__name__)

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_KEPT = frozenset({"Allow", "Retry-After"})  # headers of an error that its page carries, too
_SAME_SITE = frozenset({"same-origin", "none"})  # none: typed or bookmarked

# status -> (what happened, what to do now)
PAGES = {
    400: ("请求有误。", "请返回上一页，刷新后重试。"),
    403: (
        "您的岗位不能打开这一页或办理这件事。",
        "请从左侧菜单进入本岗位的页面，或交由有权限的岗位办理。",
    ),
    404: ("没有找到这一页，或不在您的查看范围内。", "请核对单号或从菜单重新进入。"),
    405: ("不支持这样提交。", "请返回上一页，使用页面上的按钮。"),
    409: ("这一步没有办成：情况已经变化，可能已有人办理。", "请刷新页面查看最新情况。"),
    413: ("提交的内容太大。", "请减少文字或附件后重试。"),
    429: ("操作过于频繁。", "请稍等一分钟再试。"),
    500: ("系统内部出错，已记录。", "请稍后重试；仍不成功请联系系统管理员，并告知出错时间。"),
    503: BUSY,
}
_CROSS_SITE = (
    "本次提交没有通过安全校验。",
    "页面可能打开太久，或提交来自其他网站。请刷新页面后重新提交。",
)


def is_page(request: web.Request) -> bool:
    """Whether the request is for the console; the APIs prove their callers by other means."""
    return permissions.first_part(request.path) not in permissions.NOT_PAGES


async def put_headers(request: web.Request, response: web.StreamResponse) -> None:
    """on_response_prepare: also for streams and for errors."""
    if not is_page(request):
        return
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if permissions.first_part(request.path) != "static":
        response.headers.setdefault("Cache-Control", "no-store")


def said(request: web.Request, status: int, said_so: tuple[str, str] | None = None) -> web.Response:
    """An error in the words of this file: a fragment beside the button, else a page."""
    happened, remedy = said_so or PAGES.get(status) or PAGES[500 if status >= 500 else 400]  # noqa: PLR2004 - HTTP
    template = "_said.html" if "HX-Request" in request.headers else "error.html"
    return page(request, template, status=status, happened=happened, remedy=remedy)


@web.middleware
async def explain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_page(request):
        return await handler(request)
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - a redirect is no error
            raise
        response = said(request, error.status)
        for name in _KEPT & error.headers.keys():
            response.headers[name] = error.headers[name]
        return response
    except StoreBusy as error:
        response = said(request, 503)
        response.headers.update(of_busy(error).headers)
        return response
    except Exception as error:  # a page must never show a stack trace
        if has_left(request, error):
            log.debug("client left", path=request.path, method=request.method)
            return said(request, 400)  # nobody reads it
        log.exception("page failed", path=request.path, method=request.method)
        return said(request, 500)


@web.middleware
async def refuse_cross_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_page(request) or request.method in SAFE_METHODS:
        return await handler(request)
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in _SAME_SITE:
        return said(request, 403, _CROSS_SITE)
    given = request.headers.get("X-CSRF-Token") or str((await request.post()).get("csrf", ""))
    if not hmac.compare_digest(given.encode(), csrf_of(request).encode()):
        return said(request, 403, _CROSS_SITE)
    return await handler(request)
