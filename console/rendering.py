"""Templates: the environment, the filters for times and clocks, and `page()`."""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from console import permissions, say
from console.deps import DEPS, Deps
from console.names import peer_name
from console.session import SIGNED, csrf_of
from schemas.ids import new_command_id, ticket_no
from schemas.lifecycle import Action
from schemas.parties import mask_name, mask_phone
from schemas.working_calendar import HUB_ZONE

HERE = Path(__file__).parent
ENVIRONMENT: web.AppKey[Environment] = web.AppKey("templates", Environment)
_DAYS = "一二三四五六日"
_RANDOM_BITS = 74


def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "word": say.text,
        "no": ticket_no,
        "moment": moment,
        "local_day": day,
        "local_second": second,
        "mask_phone": mask_phone,
        "mask_name": mask_name,
    }
    made.globals |= {"say": say}
    return made


def moment(at: datetime | None) -> str:
    """11月24日 09:12 in the hub's zone; the machine-readable form belongs into <time>."""
    if at is None:
        return ""
    local = at.astimezone(HUB_ZONE)
    return f"{local.month}月{local.day}日 {local:%H:%M}"


def day(at: datetime) -> str:
    local = at.astimezone(HUB_ZONE)
    return f"{local.year}年{local.month}月{local.day}日 星期{_DAYS[local.weekday()]} {local:%H:%M}"


def second(at: datetime) -> str:
    """2026-11-24 09:12:05, for records that are read years later."""
    return f"{at.astimezone(HUB_ZONE):%Y-%m-%d %H:%M:%S}"


def fresh_command_id(now: datetime) -> str:
    """Made when a form is rendered, so that a double click or a resend is one command."""
    number = new_command_id(int(now.timestamp() * 1000), secrets.randbits(_RANDOM_BITS))
    return str(number)


def working_day_text(deps: Deps) -> str:
    """What the top bar says about the working day: 工作日 · 距下班 2 时 14 分."""
    now, calendar = deps.now(), deps.calendar()
    local = now.astimezone(HUB_ZONE)
    today = local.date()
    if not calendar.is_working_day(today):
        return "非工作日"
    if local.time() < calendar.opens:
        return f"工作日 · {calendar.opens:%H:%M} 上班"
    if local.time() >= calendar.closes:
        return "工作日 · 已下班"
    closes = datetime.combine(today, calendar.closes, tzinfo=HUB_ZONE)
    minutes = int((closes - local).total_seconds()) // 60
    return f"工作日 · 距下班 {minutes // 60} 时 {minutes % 60} 分"


def page(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    """Render `template` with what every page needs beside `context`."""
    deps = request.app[DEPS]
    signed = request.get(SIGNED)
    done = request.query.get("done", "")
    common: dict[str, Any] = {
        "deps": deps,
        "org_name": deps.settings.org_name,
        "me": signed,
        "csrf": csrf_of(request),
        "now": deps.now(),
        "address": str(request.rel_url),
        "family": permissions.first_part(request.path),
        "menu": permissions.menu_of(signed.actor.roles) if signed else (),
        "working_day": working_day_text(deps),
        "done": say.ACTIONS[Action(done)] if done in set(Action) else "",
        "fresh_command_id": lambda: fresh_command_id(deps.now()),
        "department": deps.department_name,
        "platform": lambda name: peer_name(deps.peers, name),
    }
    text = request.app[ENVIRONMENT].get_template(template).render(common | context)
    return web.Response(text=text, content_type="text/html", status=status)


def go(request: web.Request, path: str) -> web.Response:
    """Send the browser on to `path`: by htmx when it asked, else by 303."""
    if "HX-Request" in request.headers:
        return web.Response(status=204, headers={"HX-Redirect": path})
    return web.Response(status=303, headers={"Location": path})
