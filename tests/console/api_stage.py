"""API, portal API and gateway in one application on a real SQLite store, with a token a role."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from console.api.deps import ApiDeps
from console.api.install import add_api
from routing.catalogue import load_catalogue
from schemas.parties import Actor, Role
from tests.console.opening import opened
from tests.console.stage import PHONE, Clock
from ticket_store.migrations import migrate
from ticket_store.store import Store

# name -> roles, department
CAST: dict[str, tuple[Role, str | None]] = {
    "operator": (Role.OPERATOR, None),
    "dispatcher": (Role.DISPATCHER, None),
    "handler": (Role.HANDLER, "scjg"),
    "other": (Role.HANDLER, "cgj"),
    "reviewer": (Role.REVIEWER, None),
    "leader": (Role.LEADER, None),
    "admin": (Role.SYSTEM_ADMIN, None),
}


@dataclass
class Seconds:
    """A clock that never goes back, moved by the test."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


@dataclass
class ApiStage:
    store: Store
    clock: Clock
    app: web.Application
    client: TestClient[Any, Any]
    monotonic: Seconds
    tokens: dict[str, str] = field(default_factory=dict)

    async def call(
        self,
        method: str,
        path: str,
        who: str | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> ClientResponse:
        sent = dict(headers or {})
        if who is not None:
            sent["Authorization"] = f"Bearer {self.tokens[who]}"
        if key is not None:
            sent["Idempotency-Key"] = key
        return await self.client.request(method, path, headers=sent, **request)

    async def create(self, *, accept: bool = True, **changes: Any) -> dict[str, Any]:
        answer = await self.call(
            "POST", "/api/v1/tickets", "operator",
            json={"registration": registration(**changes), "accept": accept},
        )  # fmt: skip
        assert answer.status == 201, await answer.text()
        made: dict[str, Any] = await answer.json()
        return made

    async def act(
        self, who: str, ticket_id: int | str, action: str, key: str | None = None, **fields: Any
    ) -> tuple[int, dict[str, Any]]:
        answer = await self.call(
            "POST", f"/api/v1/tickets/{ticket_id}/actions/{action}", who, key=key, json=fields
        )
        return answer.status, await answer.json()

    async def done(self, who: str, ticket_id: int, action: str, **fields: Any) -> dict[str, Any]:
        status, said = await self.act(who, ticket_id, action, **fields)
        assert status == 200, said
        return said


def registration(**changes: Any) -> dict[str, Any]:
    matter = {"title": "储值卡余额未退", "text": "健身房停业，余额不退。", "area_code": "320508"}
    return {"matter": matter, "citizen": {"name": "张三", "phone": PHONE}} | changes


Adds = Callable[[web.Application, Store, Clock], None]


def api_deps(store: Store, clock: Clock, monotonic: Callable[[], float]) -> ApiDeps:
    async def find_token(secret: str) -> Actor | None:
        token = await store.people.tokens.find(secret)
        return token.actor if token else None

    return ApiDeps(
        store=store,
        catalogue=load_catalogue(lambda: date(2026, 11, 24)),
        now=clock,
        find_token=find_token,
        monotonic=monotonic,
    )


@asynccontextmanager
async def api_stage(
    path: Path, *adds: Adds, base: web.Application | None = None, clock: Clock | None = None
) -> AsyncIterator[ApiStage]:
    """adds: what else the application serves."""
    clock, monotonic = clock or Clock(), Seconds()
    await migrate(f"sqlite+aiosqlite:///{path}")
    async with opened(path, clock) as store:
        app = base or web.Application()
        add_api(app, api_deps(store, clock, monotonic))
        for add in adds:
            add(app, store, clock)
        async with TestClient(TestServer(app, host="127.0.0.1")) as client:
            stage = ApiStage(store, clock, app, client, monotonic)
            for name, (role, department) in CAST.items():
                secret, _ = await store.people.tokens.create(
                    "secadmin", name, frozenset({role}), department=department
                )
                stage.tokens[name] = secret
            yield stage
