"""Signing in and out. An unknown name and a wrong password read the same and take as long."""

from collections import deque
from datetime import datetime, timedelta

from aiohttp import web

from console.actions import local_path
from console.deps import DEPS, Deps
from console.gate import put_cookie
from console.rate_limit import address_of, name_of
from console.rendering import page
from console.session import SESSION_COOKIE, SIGNED
from ticket_store.people_values import SignInRefused

_MINUTE = timedelta(minutes=1)
_LONGEST = 256  # characters of a name or password that are looked at


class Recent:
    """Tries of the last minute by address, so that nobody guesses at full speed."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._tries: dict[str, deque[datetime]] = {}

    def allows(self, address: str, now: datetime) -> bool:
        for known in [one for one, times in self._tries.items() if times[-1] < now - _MINUTE]:
            del self._tries[known]
        times = self._tries.setdefault(address, deque(maxlen=self._per_minute))
        full = len(times) == self._per_minute and times[0] > now - _MINUTE
        if not full:
            times.append(now)
        return not full


RECENT: web.AppKey[Recent] = web.AppKey("sign_in_recent", Recent)


async def form(request: web.Request) -> web.Response:
    if request.get(SIGNED) is not None:
        return web.Response(status=303, headers={"Location": _next(request)})
    return page(request, "sign_in.html", next=_next(request), name="", refusal=None)


async def sign_in(request: web.Request) -> web.Response:
    deps, posted = request.app[DEPS], await request.post()
    name, password = str(posted.get("name", "")).strip(), str(posted.get("password", ""))
    if not _allowed(request, deps):
        raise web.HTTPTooManyRequests
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


def _allowed(request: web.Request, deps: Deps) -> bool:
    address = address_of(request)  # behind a proxy on this machine that of the browser
    if address is None or (address.is_loopback and not deps.settings.limit_loopback):
        return True
    return request.app[RECENT].allows(name_of(address), deps.now())


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
