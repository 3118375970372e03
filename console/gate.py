"""The gate: finds the session of a request, and lets only the right roles through."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from aiohttp import web

from console import permissions
from console.deps import DEPS
from console.security import SAFE_METHODS, is_page
from console.session import FORM_COOKIE, FORM_SECRET, SESSION_COOKIE, SIGNED, Signed, new_secret

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# a live page that re-reads itself must not keep its owner signed in
LIVE_HEADER = "X-Live"
CHANGE_PAGE = "/account?must=1"


@web.middleware
async def find_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Puts `SIGNED` into the request, or the secret that forms of strangers are signed with."""
    if not is_page(request) or permissions.first_part(request.path) == "static":
        return await handler(request)
    signed = await _signed(request)
    if signed is not None:
        request[SIGNED] = signed
        return await handler(request)
    kept = request.cookies.get(FORM_COOKIE)
    request[FORM_SECRET] = kept or new_secret()
    response = await handler(request)
    if not kept and not response.prepared:
        put_cookie(request, response, FORM_COOKIE, request[FORM_SECRET])
    return response


async def _signed(request: web.Request) -> Signed | None:
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        return None
    deps = request.app[DEPS]
    touch = LIVE_HEADER not in request.headers and request.path != "/live"
    found = await deps.store.people.session(token, touch=touch)
    if found is None:
        return None
    return Signed(found.actor, found.display_name, token, found.must_change_password)


@web.middleware
async def require_role(request: web.Request, handler: Handler) -> web.StreamResponse:
    first = permissions.first_part(request.path)
    if not is_page(request) or first in permissions.PUBLIC:
        return await handler(request)
    signed = request.get(SIGNED)
    if signed is None:
        return to_sign_in(request)
    if first not in permissions.BY_PATH:
        raise web.HTTPNotFound
    if not permissions.may_open(request.path, signed.actor.roles):
        raise web.HTTPForbidden
    if signed.must_change_password and first not in ("account", "sign-out"):
        return _to_password(request)
    return await handler(request)


def _to_password(request: web.Request) -> web.Response:
    """No page but the one on which the password is changed; a redirect would be followed inside
    the fragment that asked, and the page would hold itself, again and again."""
    if LIVE_HEADER in request.headers:
        return web.Response(status=204)
    if request.path == "/live":
        return web.Response(status=401)
    if "HX-Request" in request.headers:
        return web.Response(status=401, headers={"HX-Redirect": CHANGE_PAGE})
    return web.Response(status=303, headers={"Location": CHANGE_PAGE})


def to_sign_in(request: web.Request) -> web.Response:
    """401 with HX-Redirect for fragments, or the sign-in page would land inside one."""
    if request.path == "/live":
        return web.Response(status=401)
    if "HX-Request" in request.headers:
        page = request.headers.get("HX-Current-URL", "")
        back = "/" + page.split("/", 3)[3] if page.count("/") >= 3 else "/"  # noqa: PLR2004 - scheme://host/
        target = "/sign-in?" + urlencode({"next": back})
        return web.Response(status=401, headers={"HX-Redirect": target})
    back = str(request.rel_url) if request.method in SAFE_METHODS else "/"
    query = "" if back == "/" else "?" + urlencode({"next": back})
    return web.Response(status=303, headers={"Location": f"/sign-in{query}"})


def put_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, httponly=True, samesite="Lax", path="/",
        secure=request.app[DEPS].settings.secure_cookies or request.secure,
    )  # fmt: skip
