"""Signing in and out. An unknown name and a wrong password read the same and take as long."""

from aiohttp import web

from console.actions import local_path
from console.deps import DEPS, Deps
from console.gate import put_cookie
from console.rate_limit import RateLimit
from console.rendering import page
from console.session import SESSION_COOKIE, SIGNED
from ticket_store.people_values import SignInRefused

_LONGEST = 256  # characters of a name or password that are looked at


RATE: web.AppKey[RateLimit] = web.AppKey("sign_in_rate", RateLimit)


async def form(request: web.Request) -> web.Response:
    if request.get(SIGNED) is not None:
        return web.Response(status=303, headers={"Location": _next(request)})
    return page(request, "sign_in.html", next=_next(request), name="", refusal=None)


async def sign_in(request: web.Request) -> web.Response:
    deps, posted = request.app[DEPS], await request.post()
    name, password = str(posted.get("name", "")).strip(), str(posted.get("password", ""))
    if wait := request.app[RATE].wait_seconds(request):
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(wait)})
    try:
        token, _ = await deps.store.people.sign_in(name[:_LONGEST], password[:_LONGEST])
    except SignInRefused:
        return page(
            request, "sign_in.html", status=403, next=_next(request), name=name,
            refusal=_said(deps),
        )  # fmt: skip
    response = web.Response(
        status=303, headers={"Location": local_path(str(posted.get("next", "")), "/")}
    )
    put_cookie(request, response, SESSION_COOKIE, token)
    return response


def _said(deps: Deps) -> tuple[str, str]:
    """One text for every reason, so that nobody learns which names exist."""
    policy = deps.store.people.policy
    minutes = int(policy.locked_for.total_seconds()) // 60
    return (
        "未能登录：用户名或密码不正确，或账号已锁定、停用。",
        f"请核对后重试。连续输错 {policy.failures_allowed} 次将锁定 {minutes} 分钟，"
        "急用请联系安全管理员解锁。",
    )


def _next(request: web.Request) -> str:
    return local_path(request.query.get("next", ""), "/")


async def sign_out(request: web.Request) -> web.Response:
    signed = request.get(SIGNED)
    if signed is not None:
        await request.app[DEPS].store.people.sign_out(signed.token)
    response = web.Response(status=303, headers={"Location": "/sign-in"})
    response.del_cookie(SESSION_COOKIE, path="/")
    return response


def routes() -> list[web.RouteDef]:
    return [
        web.get("/sign-in", form),
        web.post("/sign-in", sign_in),
        web.post("/sign-out", sign_out),
    ]
