"""The portal API on a real store; what it kept is applied by the acts of the streams."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from connectors.web_portal.translate import intakes_from_body
from console.portal_api import PortalDeps, add_portal_api
from schemas.errors import CommandRefused
from schemas.ids import ticket_id_of
from schemas.intake import IntakeKind
from schemas.ticket import Source
from streams import acts
from tests.console.api_stage import ApiStage, Seconds, api_stage
from tests.console.stage import PHONE, Clock
from ticket_store.inbound import MessageOutcome
from ticket_store.store import Store

MATTERS = "/api/portal/v1/matters"
SECRET = bytes(range(32))
FORM: dict[str, Any] = {
    "title": "路灯不亮",
    "text": "小区门口的路灯三天不亮。",
    "area_code": "320508",
    "citizen": {"name": "王某", "phone": PHONE},
}


@dataclass
class Wakes:
    count: int = 0

    def __call__(self) -> None:
        self.count += 1


@dataclass
class PortalStage:
    api: ApiStage
    wakes: Wakes

    @property
    def store(self) -> Store:
        return self.api.store

    async def hand_in(self, key: str = "k1", **changes: Any) -> dict[str, str]:
        answer = await self.api.call("POST", MATTERS, key=key, json=FORM | changes)
        assert answer.status == 201, await answer.text()
        taken: dict[str, str] = await answer.json()
        return taken

    async def progress(self, taken: dict[str, str]) -> dict[str, Any]:
        answer = await self.api.call("GET", address(taken))
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found

    async def act(
        self, taken: dict[str, str], what: str, key: str | None = None, **form: Any
    ) -> tuple[int, dict[str, Any]]:
        answer = await self.api.call("POST", address(taken, f"/{what}"), key=key, json=form)
        return answer.status, await answer.json()

    async def apply(self) -> None:
        """Do what the kept messages ask, as the streams would."""
        for message in reversed(await self.store.inbound.browse(waiting=True)):
            (intake,) = intakes_from_body(message.content, message.peer)
            cause = acts.Cause(message.message_id, message.received_at, 0, Source.WEB_PORTAL)
            assert intake.ticket_id is not None
            ask = acts.register if intake.kind is IntakeKind.NEW else acts.act
            outcome = MessageOutcome.APPLIED
            try:
                await self.store.desk.execute(
                    ask(intake, cause, intake.ticket_id, self.api.clock())
                )
            except CommandRefused:
                outcome = MessageOutcome.REFUSED
            await self.store.inbound.settle(message.message_id, outcome, intake.ticket_id)

    async def registered(self, key: str = "k1") -> tuple[dict[str, str], int]:
        taken = await self.hand_in(key)
        await self.apply()
        return taken, ticket_id_of(taken["ticket_no"])

    async def brought_to_follow_up(self, ticket_id: int) -> None:
        done = self.api.done
        await done("operator", ticket_id, "accept")
        await done("dispatcher", ticket_id, "dispatch", departments=["scjg"])
        await done("handler", ticket_id, "acknowledge")
        await done("handler", ticket_id, "complete", result="内部核查：已换灯泡")
        await done("reviewer", ticket_id, "pass_closure")
        await done("operator", ticket_id, "reply", text="路灯已修复，感谢您的反映。")


def address(taken: dict[str, str], what: str = "") -> str:
    return f"{MATTERS}/{taken['ticket_no']}{what}?query_code={taken['query_code']}"


async def nothing_in_the_way() -> None:
    """An intake takes everything."""


def portal_deps(store: Store, clock: Clock, wakes: Wakes, **settings: Any) -> PortalDeps:
    usual: dict[str, Any] = {
        "per_minute": 60, "limit_loopback": False, "monotonic": Seconds(),
        "require": nothing_in_the_way, "uploads_per_hour": 120,
        "upload_bytes_per_hour": 400_000_000, "unattached": timedelta(hours=24),
    }  # fmt: skip
    return PortalDeps(
        store=store, peer="portal", secret=SECRET, now=clock, wake=wakes, **(usual | settings)
    )


@asynccontextmanager
async def portal_stage(
    path: Path, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[PortalStage]:
    wakes = Wakes()

    def add(app: web.Application, store: Store, clock: Clock) -> None:
        add_portal_api(app, portal_deps(store, clock, wakes, **settings))

    async with api_stage(path, add, clock=clock) as api:
        yield PortalStage(api, wakes)
