"""A console on a real SQLite store with people and tickets, and a browser-like client for it."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from console.deps import ConsoleSettings, Deps
from console.live import LiveHub
from console.rendering import fresh_command_id
from routing.catalogue import load_catalogue
from schemas.commands import COMMANDS, SaveDraft
from schemas.lifecycle import Action
from schemas.matter import Matter
from schemas.parties import Actor, Citizen, Role
from schemas.ticket import Registration, Source, Ticket
from ticket_store.store import Store

PASSWORD = "Kiefer-Quelle-77"
PHONE = "138" + "00001234"
START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # a Tuesday, 10:00 at the hub
# user name -> role, department
CAST: dict[str, tuple[Role, str | None]] = {
    "operator": (Role.OPERATOR, None),
    "dispatcher": (Role.DISPATCHER, None),
    "handler": (Role.HANDLER, "scjg"),
    "other": (Role.HANDLER, "cgj"),
    "reviewer": (Role.REVIEWER, None),
    "leader": (Role.LEADER, None),
    "sysadmin": (Role.SYSTEM_ADMIN, None),
    "secadmin": (Role.SECURITY_ADMIN, None),
    "auditor": (Role.AUDIT_ADMIN, None),
}


@dataclass
class Clock:
    """The time of the whole stage; it moves only when a test says so."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class Stage:
    """store and clock in hand; `browser()` gives a client with cookies of its own."""

    store: Store
    clock: Clock
    deps: Deps
    server: TestServer
    browsers: list["Browser"] = field(default_factory=list)

    async def browser(self, user: str | None = None) -> "Browser":
        # by IP address: the jar would drop the cookies of a test server otherwise
        client = TestClient(self.server, cookie_jar=CookieJar(unsafe=True))
        browser = Browser(client)
        self.browsers.append(browser)
        if user is not None:
            answer = await browser.sign_in(user)
            assert answer.status == 303, await answer.text()
        return browser

    async def do(self, user: str, action: Action, ticket_id: int, **fields: Any) -> Ticket:
        """Execute a command directly, as this user."""
        role, department = CAST[user]
        command = COMMANDS[action](
            command_id=fresh_command_id(self.clock()),  # type: ignore[arg-type]  # read as a UUID
            ticket_id=ticket_id,
            actor=Actor(actor_id=user, roles=frozenset({role}), department=department),
            at=self.clock(),
            **fields,
        )
        outcome = await self.store.desk.execute(command)
        assert outcome.ticket is not None
        return outcome.ticket

    @staticmethod
    def fields_of(action: Action, sample: dict[str, Any]) -> dict[str, Any]:
        """The part of `sample` that the command of `action` takes."""
        return {k: v for k, v in sample.items() if k in COMMANDS[action].model_fields}

    async def registered(self, title: str = "储值卡余额未退", **given: Any) -> Ticket:
        """A complaint by a citizen with a phone, registered and not accepted yet."""
        values: dict[str, Any] = {
            "matter": Matter(
                title=title, text="商家停业，卡内余额 5200 元要求退还。", area_code="320508"
            ),
            "citizen": Citizen(name="张三", phone=PHONE),
            "source": Source.WEB_PORTAL,
            "received_at": self.clock(),
        } | given
        return await self.do(
            "operator", Action.REGISTER, self.store.ids.next(),
            registration=Registration.model_validate(values),
        )  # fmt: skip

    async def draft(self) -> Ticket:
        """A call that waits for an operator, as the phone log makes it."""
        command = SaveDraft(
            command_id=fresh_command_id(self.clock()),  # type: ignore[arg-type]  # read as a UUID
            ticket_id=self.store.ids.next(),
            actor=Actor(actor_id="system:phone_log", roles=frozenset({Role.SYSTEM})),
            at=self.clock(),
            registration=Registration(
                matter=Matter(title="来电", text="来电录音待听写"),
                citizen=Citizen(name="来电人", phone=PHONE),
                source=Source.PHONE_LOG,
                received_at=self.clock(),
                call_no="C-0001",
            ),
        )
        outcome = await self.store.desk.execute(command)
        assert outcome.ticket is not None
        return outcome.ticket

    async def accepted(self, **given: Any) -> Ticket:
        ticket = await self.registered(**given)
        return await self.do("operator", Action.ACCEPT, ticket.ticket_id)

    async def dispatched(self, *departments: str, **given: Any) -> Ticket:
        """To one department (scjg), or lead first and assisting after it."""
        ticket, codes = await self.accepted(**given), departments or ("scjg",)
        return await self.do(
            "dispatcher", Action.DISPATCH, ticket.ticket_id, departments=codes,
            form="single" if len(codes) == 1 else "lead",
        )  # fmt: skip

    async def acknowledged(self, *departments: str, **given: Any) -> Ticket:
        ticket = await self.dispatched(*departments, **given)
        return await self.do("handler", Action.ACKNOWLEDGE, ticket.ticket_id)

    async def completed(self, **given: Any) -> Ticket:
        ticket = await self.acknowledged(**given)
        return await self.do("handler", Action.COMPLETE, ticket.ticket_id, result="已退款。")

    async def awaiting_reply(self, **given: Any) -> Ticket:
        ticket = await self.completed(**given)
        return await self.do("reviewer", Action.PASS_CLOSURE, ticket.ticket_id)

    async def awaiting_follow_up(self, **given: Any) -> Ticket:
        ticket = await self.awaiting_reply(**given)
        return await self.do("operator", Action.REPLY, ticket.ticket_id, text="余额已退还。")

    async def head(self, ticket_id: int) -> Ticket:
        head = await self.store.tickets.head(ticket_id)
        assert head is not None
        return head


_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class Browser:
    """Keeps cookies and the page it is on, and posts its forms with their hidden fields."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client, self.text = client, ""

    async def get(self, path: str, *, htmx: bool = False, **headers: str) -> ClientResponse:
        answer = await self.client.get(
            path, allow_redirects=False, headers=self._headers(htmx) | headers
        )
        self.text = await answer.text()
        return answer

    async def post(
        self,
        path: str,
        data: dict[str, Any] | list[tuple[str, str]] | None = None,
        *,
        htmx: bool = False,
        hidden: bool = True,
        **headers: str,
    ) -> ClientResponse:
        """Post with the hidden fields of the form on the page that leads there."""
        fields = list(data.items()) if isinstance(data, dict) else list(data or [])
        named = {name for name, _ in fields}
        if hidden:
            fields += [pair for pair in self.hidden(path) if pair[0] not in named]
        answer = await self.client.post(
            path, data=fields, allow_redirects=False, headers=self._headers(htmx) | headers
        )
        self.text = await answer.text()
        return answer

    def hidden(self, path: str) -> list[tuple[str, str]]:
        """Name and value of the hidden fields in the form that posts to `path`."""
        for start in re.finditer(r"<form\b(?![^>]*method=\"get\")[^>]*>", self.text):
            action = re.search(r'\baction="([^"]*)"', start[0])
            if action and action[1].split("?")[0] == path.split("?", maxsplit=1)[0]:
                return _HIDDEN.findall(
                    self.text[start.end() : self.text.index("</form>", start.end())]
                )
        return _HIDDEN.findall(self.text)[:1]

    async def sign_in(self, user: str, password: str = PASSWORD) -> ClientResponse:
        await self.get("/sign-in")
        return await self.post("/sign-in", {"name": user, "password": password})

    def cookie(self, name: str) -> str | None:
        morsel = self.client.session.cookie_jar.filter_cookies(URL(str(self.client.make_url("/"))))
        return morsel[name].value if name in morsel else None

    @staticmethod
    def _headers(htmx: bool) -> dict[str, str]:
        return {"HX-Request": "true"} if htmx else {}


def deps_for(store: Store, clock: Clock) -> Deps:
    return Deps(
        store=store,
        catalogue=load_catalogue(lambda: date(2026, 11, 24)),
        calendar=store.calendars.calendar,
        now=clock,
        live=LiveHub(),
        settings=ConsoleSettings(areas={"320508": "姑苏区", "320506": "吴中区"}),
    )
