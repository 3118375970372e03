"""The 12345 platform as a peer: polled, pushing, and told what becomes of its orders."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from pydantic import Field, HttpUrl, SecretStr

from connectors.base import Answer, Body, Page, Push
from connectors.hotline12345.client import Client, body_of, code_in
from connectors.hotline12345.translate import Dialect, intakes_from_body, update_from
from connectors.http_client import HttpAddress, HttpClient
from connectors.signing import Keys, NonceMemory, Profile, RecentNonces, Signed, verify
from schemas.areas import NO_AREAS, AreaTable
from schemas.errors import (
    CredentialRefused,
    PayloadNotUnderstood,
    RequestRefused,
)
from schemas.intake import Intake
from schemas.matter import Frozen
from schemas.outbound import Outbound, Receipt
from schemas.ticket import Source

_PUSHED_TO = "orders"  # below the peer's prefix


class Settings(Frozen):
    """[peers.<name>] with dialect = "hotline12345"."""

    url: HttpUrl = Field(description="base address of the platform")
    app_key: str = Field(min_length=1, description="our application key there")
    app_secret: SecretStr = Field(description="its secret")
    peer_app_key: str = Field(
        "", description="the platform's key when it pushes; empty: it may not"
    )
    peer_app_secret: SecretStr = Field(SecretStr(""), description="its secret")
    profile: Profile = Field(Profile.HMAC_SHA256, description="how calls are signed, both ways")
    poll_seconds: float = Field(10.0, gt=0, description="pause between two polls")
    page_size: int = Field(100, ge=1, le=1000, description="orders asked for at once")
    timeout_seconds: float = Field(15.0, gt=0, description="of one call")
    categories: Mapping[str, str] = Field({}, description="their category -> our category code")


@dataclass(frozen=True)
class Hotline12345Connector:
    client: Client
    dialect: Dialect
    their_keys: Keys | None  # None: it may not push
    poll_seconds: float = 10.0
    nonces: NonceMemory = field(default_factory=RecentNonces)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def name(self) -> str:
        return self.dialect.peer

    @property
    def source(self) -> Source:
        return Source.HOTLINE12345

    async def check(self) -> None:
        await self.client.version()

    async def poll(self, cursor: str) -> AsyncIterator[Page]:
        """Yield pages, oldest first; save the cursor of a page once its bodies are safe."""
        more = True
        while more:
            page, more = await self.client.page(cursor)
            if page.cursor == cursor and page.bodies:
                raise PayloadNotUnderstood(self.name, "a page of orders leads back to itself")
            if page.bodies:
                yield page
            more = more and page.cursor != cursor
            cursor = page.cursor

    def translate(self, body: bytes) -> Sequence[Intake]:
        return intakes_from_body(body, self.dialect)

    def receive(self, push: Push) -> Sequence[Body]:
        """Check a pushed order; what could not be translated is refused to the platform's face."""
        if self.their_keys is None:
            raise CredentialRefused(self.name, "this peer may not push", peer_code="app_key")
        path = f"/peers/{self.name}/{push.path}"
        signed = Signed(push.method, path, push.content, push.query)
        verify(self.name, self.their_keys, signed, push.headers, self.now(), self.nonces)
        if (push.method, push.path) != ("POST", _PUSHED_TO):
            raise RequestRefused(self.name, f"no operation {push.method} {push.path}")
        self.translate(push.content)
        return [body_of(push.content)]

    def answer(self, outcome: Exception | None) -> Answer:
        return answer_to(outcome)

    async def deliver(self, outbound: Outbound) -> Receipt:
        body = update_from(outbound)
        return await self.client.update(outbound.source_ticket_no or "", outbound.key, body)

    async def ask(self, outbound: Outbound) -> Receipt | None:
        return await self.client.applied(outbound.source_ticket_no or "", outbound.key)

    async def close(self) -> None:
        await self.client.http.close()


# what a pushed call was -> HTTP status, code and words of the answer
_ANSWERS: Mapping[type[Exception], tuple[int, str, str]] = MappingProxyType(
    {
        CredentialRefused: (401, "1002", "signature refused"),
        PayloadNotUnderstood: (422, "2001", "off the interface contract"),
        RequestRefused: (404, "2002", "no such operation"),
    }
)


def answer_to(outcome: Exception | None) -> Answer:
    """The answer in the platform's form; anything unforeseen is "not now" (503)."""
    if outcome is None:
        return _answer(200, "0", "ok")
    for kind, (status, code, words) in _ANSWERS.items():
        if isinstance(outcome, kind):
            detail = f": {outcome.detail}" if isinstance(outcome, PayloadNotUnderstood) else ""
            return _answer(status, code, words + detail)
    return _answer(503, "9001", "not now", {"Retry-After": "5"})


def _answer(
    status: int, code: str, message: str, headers: Mapping[str, str] = MappingProxyType({})
) -> Answer:
    return Answer(status, json.dumps({"code": code, "message": message}).encode(), headers=headers)


def build(
    name: str,
    settings: Settings,
    *,
    areas: AreaTable = NO_AREAS,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    nonces: NonceMemory | None = None,
) -> Hotline12345Connector:
    """Build the peer of one settings entry; nothing is opened yet."""
    address = HttpAddress(str(settings.url), timeout_seconds=settings.timeout_seconds)
    ours = Keys(settings.app_key, settings.app_secret.get_secret_value(), settings.profile)
    theirs = Keys(
        settings.peer_app_key, settings.peer_app_secret.get_secret_value(), settings.profile
    )
    http = HttpClient(name, address, ours, now=now, peer_code=code_in)
    return Hotline12345Connector(
        client=Client(name, http, settings.page_size),
        dialect=Dialect(name, settings.app_key, areas, settings.categories),
        their_keys=theirs if settings.peer_app_key and theirs.secret else None,
        poll_seconds=settings.poll_seconds,
        nonces=nonces or RecentNonces(),
        now=now,
    )
