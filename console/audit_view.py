"""审计 of the audit administrator: whether the chain of the audit is whole."""

from aiohttp import web

from console.deps import DEPS
from console.rendering import page
from console.session import signed_in


async def show(request: web.Request) -> web.Response:
    return page(request, "audit/audit.html", report=None)


async def verify(request: web.Request) -> web.Response:
    """Reads the whole chain; that somebody looked is itself audited, after the look."""
    audit = request.app[DEPS].store.audit
    report = await audit.verify()
    facts = {"ok": str(report.ok).lower(), "rows": str(report.rows)}
    await audit.append(signed_in(request).actor.actor_id, "verify_audit", "audit", facts)
    return page(request, "audit/audit.html", report=report)


def routes() -> list[web.RouteDef]:
    return [web.get("/audit", show), web.post("/audit", verify)]
