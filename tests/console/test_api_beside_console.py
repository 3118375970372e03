"""One application holds the console's pages and the APIs, each with its own manners."""

from pathlib import Path

from console.app import build_console
from console.gateway import GatewayDeps, add_gateway
from console.portal_api import add_portal_api
from tests.console.api_stage import api_stage, registration
from tests.console.opening import opened
from tests.console.portal_stage import FORM, MATTERS, Wakes, nothing_in_the_way, portal_deps
from tests.console.stage import Clock, deps_for
from ticket_store.migrations import migrate


async def test_pages_and_apis_do_not_get_into_each_others_way(tmp_path: Path) -> None:
    clock, wakes = Clock(), Wakes()
    await migrate(f"sqlite+aiosqlite:///{tmp_path / 'tickets.db'}")
    async with opened(tmp_path / "tickets.db", clock) as pages:
        app = build_console(deps_for(pages, clock))
        add_portal_api(app, portal_deps(pages, clock, wakes))
        add_gateway(app, GatewayDeps(pages, {}, clock, wakes, nothing_in_the_way))
        async with api_stage(tmp_path / "tickets.db", base=app, clock=clock) as stage:
            call = stage.call
            page = await call("GET", "/tickets", allow_redirects=False)
            assert (page.status, page.headers["Location"][:8]) == (303, "/sign-in")
            refused = await call("GET", "/api/v1/tickets")
            assert (refused.status, refused.content_type) == (401, "application/problem+json")
            assert "Set-Cookie" not in refused.headers
            cross_site = {"Sec-Fetch-Site": "cross-site"}
            made = await call(
                "POST", "/api/v1/tickets", "operator", headers=cross_site,
                json={"registration": registration()},
            )  # fmt: skip
            assert made.status == 201
            taken = await call("POST", MATTERS, key="k", json=FORM, headers=cross_site)
            assert taken.status == 201
            for path in ("/peers/nobody/x", "/api", "/api/x", "/api/portal/v1/x"):
                lost = await call("GET", path)
                assert lost.status == 404
                assert "html" not in lost.content_type
            document = await (await call("GET", "/api/openapi.json")).json()
            assert {MATTERS, "/api/v1/tickets"} <= set(document["paths"])
