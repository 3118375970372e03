"""Builds the console's web.Application from what it is given; nothing is global."""

from collections.abc import Sequence

from aiohttp import web

from console import (
    account,
    actions,
    audit_view,
    dispatch,
    gate,
    handling,
    intake,
    live_page,
    messages,
    registration,
    replies,
    reviews,
    security,
    sign_in,
    supervise,
    tickets,
    users,
    workbench,
)
from console.deps import DEPS, Deps
from console.rate_limit import RateLimit
from console.rendering import ENVIRONMENT, HERE, environment
from ticket_store.desk import Outcome

LARGEST_FORM = 1 << 20  # bytes
PAGES = (
    sign_in, account, workbench, intake, registration, dispatch, handling, reviews, replies,
    tickets, actions, supervise, messages, users, audit_view, live_page,
)  # fmt: skip


def build_console(deps: Deps) -> web.Application:
    """The console; other parts of the web process add their own routes beside its pages."""
    app = web.Application(
        client_max_size=LARGEST_FORM,
        middlewares=[
            security.explain_errors,  # a store that is busy while the session is looked up
            gate.find_session,
            security.explain_errors,  # everything else, answered with the session known
            security.refuse_cross_site,
            gate.require_role,
        ],
    )
    app[DEPS] = deps
    app[ENVIRONMENT] = environment()
    app[sign_in.RATE] = RateLimit(
        deps.settings.sign_in_per_minute, deps.monotonic, loopback=deps.settings.limit_loopback
    )
    app.on_response_prepare.append(security.put_headers)
    app.on_shutdown.append(_end_streams)
    for family in PAGES:
        app.add_routes(family.routes())
    app.router.add_static("/static", HERE / "static", append_version=False)
    deps.store.desk.on_commit(lambda outcomes: _publish(deps, outcomes))
    return app


def _publish(deps: Deps, outcomes: Sequence[Outcome]) -> None:
    deps.live.publish(outcome.ticket_id for outcome in outcomes)


async def _end_streams(app: web.Application) -> None:
    app[DEPS].live.close()
