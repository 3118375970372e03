"""The citizens' portal as a peer: it calls the portal API, and is told the state by callback."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import Field, HttpUrl, SecretStr

from connectors.http_client import HttpAddress, HttpClient
from connectors.signing import Keys, Profile
from connectors.web_portal import codes
from connectors.web_portal.client import Client
from connectors.web_portal.translate import callback_from, intakes_from_body
from schemas.areas import NO_AREAS, AreaTable
from schemas.errors import RequestRefused
from schemas.intake import Intake
from schemas.matter import Frozen
from schemas.outbound import Outbound, Receipt
from schemas.ticket import Source


class Settings(Frozen):
    """[peers.<name>] with dialect = "web_portal"."""

    callback_url: HttpUrl | None = Field(
        None, description="where the portal is told; none: it asks"
    )
    app_key: str = Field("hub", min_length=1, description="our application key in callbacks")
    app_secret: SecretStr = Field(SecretStr(""), description="its secret")
    profile: Profile = Field(Profile.HMAC_SHA256, description="how callbacks are signed")
    timeout_seconds: float = Field(10.0, gt=0, description="of one callback")


@dataclass(frozen=True)
class WebPortalConnector:
    """client: None when the portal has no callback; then it is owed nothing."""

    name: str
    client: Client | None
    areas: AreaTable = NO_AREAS

    @property
    def source(self) -> Source:
        return Source.WEB_PORTAL

    async def check(self) -> None:
        if self.client is not None:
            await self.client.reachable()

    def translate(self, body: bytes) -> Sequence[Intake]:
        return intakes_from_body(body, self.name, self.areas)

    async def deliver(self, outbound: Outbound) -> Receipt:
        return await self._callback().notify(outbound.key, callback_from(outbound))

    async def ask(self, outbound: Outbound) -> Receipt | None:
        return await self._callback().noticed(outbound.key)

    async def close(self) -> None:
        if self.client is not None:
            await self.client.http.close()

    def _callback(self) -> Client:
        if self.client is None:
            raise RequestRefused(self.name, "this portal has no callback_url in the settings")
        return self.client


def pushed(settings: Settings) -> frozenset[str]:
    """The event kinds that this portal is told: none without a callback."""
    return codes.PUSHED if settings.callback_url is not None else frozenset()


def build(
    name: str,
    settings: Settings,
    *,
    areas: AreaTable = NO_AREAS,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> WebPortalConnector:
    """Build the peer of one settings entry; nothing is opened yet."""
    if settings.callback_url is None:
        return WebPortalConnector(name, None, areas)
    address = HttpAddress(str(settings.callback_url), timeout_seconds=settings.timeout_seconds)
    keys = Keys(settings.app_key, settings.app_secret.get_secret_value(), settings.profile)
    client = Client(name, HttpClient(name, address, keys, now=now))
    return WebPortalConnector(name, client, areas)
