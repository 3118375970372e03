"""用户管理 of the security administrator: accounts, roles, resets, unlocking."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import ValidationError
from yarl import URL

from console import say
from console.account import password_text
from console.deps import DEPS
from console.forms import in_chinese
from console.permissions import PEOPLE
from console.rendering import go, page
from console.session import signed_in
from schemas.parties import Role
from ticket_store.passwords import PasswordRefused
from ticket_store.people_values import NewUser, PersonRefused

PAGE = 30
_LONGEST = 80  # of what is searched for
_LABELS = {"user_name": "用户名", "display_name": "姓名", "roles": "岗位", "department": "所属部门"}
_ROLES = [role for role in Role if role in PEOPLE]
_REFUSED: Mapping[str, tuple[str, str]] = {
    "name_taken": ("user_name", "已有这个用户名"),
    "roles_unknown": ("roles", "请至少选择一个岗位"),
    "roles_conflict": ("roles", "三类管理员互相监督，只能单独担任，也不能兼任办理岗位"),
    "department_missing": ("department", "承办部门岗位须选择所属部门"),
    "department_needless": ("department", "只有承办部门岗位才选择所属部门"),
    "user_unknown": ("user_name", "没有这个用户"),
}


async def show(request: web.Request) -> web.Response:
    """By user name; ?words= narrows the list, ?start= is the name that the page begins at."""
    return await _list(request)


async def _list(
    request: web.Request,
    *,
    status: int = 200,
    errors: Mapping[str, str] | None = None,
    values: Mapping[str, Any] | None = None,
    whose: str = "",
) -> web.Response:
    """whose: the account that `errors` are about; "" for the form of a new one."""
    deps, given = request.app[DEPS], request.query
    people, words = deps.store.people, "" if whose else given.get("words", "").strip()
    start = whose or given.get("start", "")
    found = await people.users(start=start[:_LONGEST], limit=PAGE + 1, words=words[:_LONGEST])
    more = None
    if len(found) > PAGE:
        more = str(URL("/users").with_query({"words": words, "start": found[PAGE].user_name}))
    return page(
        request, "users/users.html", status=status, users=found[:PAGE], more=more,
        words=words, start=start, total=await people.count_users(words[:_LONGEST]),
        roles=[(role.value, say.text(role)) for role in _ROLES],
        departments=deps.catalogue.departments(), errors=errors or {}, values=values or {},
        whose=whose, saved=request.query.get("saved", ""), policy=deps.store.people.policy,
    )  # fmt: skip


def _wrong(error: PersonRefused) -> dict[str, str]:
    field, sentence = _REFUSED.get(error.code, ("", "没有保存，请核对后重试"))
    return {field: sentence}


async def create(request: web.Request) -> web.Response:
    people, posted = request.app[DEPS].store.people, await request.post()
    by = signed_in(request).actor.actor_id
    values = {
        "user_name": str(posted.get("user_name", "")).strip(),
        "display_name": str(posted.get("display_name", "")).strip(),
        "roles": frozenset(map(str, posted.getall("roles", []))),
        "department": str(posted.get("department", "")) or None,
    }
    errors: dict[str, str] = {}
    try:
        new = NewUser.model_validate(values)
        await people.create(by, new, str(posted.get("password", "")))
    except ValidationError as error:
        errors = in_chinese(error, _LABELS)
    except PersonRefused as error:
        errors = _wrong(error)
    except PasswordRefused as error:
        errors = {"password": password_text(error, people.policy)}
    if errors:
        return await _list(request, status=422, errors=errors, values=values)
    return go(request, f"/users?saved={values['user_name']}")


async def change(request: web.Request) -> web.Response:
    """One act on one account: roles, reset, unlock, activate, deactivate."""
    people, posted = request.app[DEPS].store.people, await request.post()
    by, name = signed_in(request).actor.actor_id, request.match_info["user_name"]
    errors: dict[str, str] = {}
    try:
        match request.match_info["act"]:
            case "roles":
                roles = frozenset(
                    Role(str(one)) for one in posted.getall("roles", []) if one in set(Role)
                )
                await people.set_roles(by, name, roles, str(posted.get("department", "")) or None)
            case "reset":
                await people.reset_password(by, name, str(posted.get("password", "")))
            case "unlock":
                await people.unlock(by, name)
            case "activate" | "deactivate" as act:
                await people.set_active(by, name, active=act == "activate")
            case _:
                raise web.HTTPNotFound
    except PersonRefused as error:
        errors = _wrong(error)
    except PasswordRefused as error:
        errors = {"password": password_text(error, people.policy)}
    if errors:
        return await _list(request, status=422, errors=errors, whose=name)
    return go(request, f"/users?saved={name}")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/users", show),
        web.post("/users", create),
        web.post(r"/users/{user_name:[a-z0-9._-]{1,40}}/{act}", change),
    ]
