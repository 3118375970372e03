"""My account: changing the password."""

from aiohttp import web

from console.deps import DEPS
from console.gate import put_cookie
from console.rendering import page
from console.session import SESSION_COOKIE, signed_in
from ticket_store.passwords import PasswordRefused, SignInPolicy
from ticket_store.people_values import SignInRefused

_PASSWORD_TEXTS = {
    "password_length": "密码至少 {min_length} 位",
    "password_kinds": "密码须含大写、小写、数字、符号中的 {kinds} 种",
    "password_has_name": "密码不能含有用户名",
    "password_same": "新密码不能与原密码相同",
}


def password_text(error: PasswordRefused, policy: SignInPolicy) -> str:
    text = _PASSWORD_TEXTS.get(error.code, "密码不符合要求，请换一个")
    return text.format(min_length=policy.min_length, kinds=policy.kinds)


async def form(request: web.Request) -> web.Response:
    return page(
        request, "account.html", errors={}, saved="saved" in request.query, policy=_policy(request)
    )


async def change(request: web.Request) -> web.Response:
    """Needs the old password; every other session of the user ends."""
    signed, posted = signed_in(request), await request.post()
    fresh = str(posted.get("new", ""))
    if fresh != str(posted.get("again", "")):
        return _wrong(request, "again", "两次输入的新密码不一致")
    people = request.app[DEPS].store.people
    try:
        await people.change_password(signed.actor.actor_id, str(posted.get("old", "")), fresh)
        token, _ = await people.sign_in(signed.actor.actor_id, fresh)
    except SignInRefused:
        return _wrong(request, "old", "原密码不正确")
    except PasswordRefused as error:
        return _wrong(request, "new", password_text(error, people.policy))
    response = web.Response(status=303, headers={"Location": "/account?saved=1"})
    put_cookie(request, response, SESSION_COOKIE, token)
    return response


def _wrong(request: web.Request, field: str, sentence: str) -> web.Response:
    return page(
        request,
        "account.html",
        status=422,
        errors={field: sentence},
        saved=False,
        policy=_policy(request),
    )


def _policy(request: web.Request) -> SignInPolicy:
    return request.app[DEPS].store.people.policy


def routes() -> list[web.RouteDef]:
    return [web.get("/account", form), web.post("/account", change)]
