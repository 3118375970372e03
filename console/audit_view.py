"""审计 of the audit administrator: every act, newest first, and whether the chain is whole."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from console import say_audit
from console.deps import DEPS
from console.forms import number_in
from console.names import names_in, names_of
from console.rendering import page
from console.session import signed_in
from schemas.ids import ticket_id_of
from ticket_store.audit import AuditRow
from ticket_store.audit_check import AuditReport

PAGE = 50
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Said:
    """A row in words."""

    row: AuditRow
    who: str
    act: str
    subject: str
    facts: str


async def show(request: web.Request) -> web.Response:
    """?actor= is a user name or the name of a part of the hub, ?ticket= a whole ticket number."""
    return await _list(request, None)


async def _list(request: web.Request, report: AuditReport | None) -> web.Response:
    deps, given = request.app[DEPS], request.query
    actor, number = given.get("actor", "").strip(), given.get("ticket", "").strip()
    wrong = ""
    rows: list[AuditRow] = []
    try:
        ticket_id = ticket_id_of(number) if number else None
    except ValueError:
        wrong = "单号不完整或有误，请核对后重新查询。"
    else:
        rows = await deps.store.audit.rows(
            number_in(given.get("before", "")), PAGE + 1,
            actor_id=actor[:_LONGEST_NAME] or None, ticket_id=ticket_id,
        )  # fmt: skip
    shown, more = rows[:PAGE], None
    if len(rows) > PAGE:
        more = str(request.rel_url.update_query(before=str(shown[-1].row_no)))
    return page(
        request, "audit/audit.html", report=report, fault=say_audit.fault(report),
        rows=await _said(request, shown), more=more,
        given={"actor": actor, "ticket": number}, wrong=wrong,
    )  # fmt: skip


async def _said(request: web.Request, rows: list[AuditRow]) -> list[Said]:
    deps = request.app[DEPS]
    wanted = {row.actor_id for row in rows} | {row.subject for row in rows}
    names = await names_of(deps, wanted)
    return [
        Said(
            row=row,
            who=say_audit.who(row.actor_id, names),
            act=say_audit.act(row),
            subject=say_audit.subject(row, names),
            facts=say_audit.facts(row, names_in(deps)),
        )
        for row in rows
    ]


async def verify(request: web.Request) -> web.Response:
    """Reads the whole chain; that somebody looked is itself audited, after the look."""
    audit = request.app[DEPS].store.audit
    report = await audit.verify()
    facts: dict[str, Any] = {"ok": str(report.ok).lower(), "rows": str(report.rows)}
    await audit.append(signed_in(request).actor.actor_id, "verify_audit", "audit", facts)
    return await _list(request, report)


def routes() -> list[web.RouteDef]:
    return [web.get("/audit", show), web.post("/audit", verify)]
