"""One provincial platform: polled for what it issues, told of acceptance, decline and handling."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from connectors.base import Body, Page
from connectors.provincial import codes
from connectors.provincial.client import Client, Credentials
from connectors.provincial.signature import Profile
from connectors.provincial.translate import Item, Result, intakes_from_body, report_of
from connectors.soap_client import SoapAddress, SoapClient
from schemas.areas import NO_AREAS, AreaTable
from schemas.errors import PayloadNotUnderstood
from schemas.intake import Intake
from schemas.matter import Frozen
from schemas.outbound import Outbound, Receipt
from schemas.ticket import Source

WSDL = Path(__file__).parent / "wsdl" / "provincial.wsdl"
_MOST_ANSWER = 2000  # characters of the peer's answer that a receipt keeps


class Settings(Frozen):
    """[peers.<name>] with dialect = "provincial"."""

    url: str = Field(
        pattern=r"^https?://",
        description="of the SOAP endpoint; the address in the WSDL is not used",
    )
    app_key: str = Field(min_length=1, max_length=200, description="our application key there")
    app_secret: SecretStr = Field(description="its secret")
    signature: Profile = Field(Profile.HMAC_SHA256, description="how our calls are signed")
    soap_version: Literal["1.1", "1.2"] = Field("1.1", description="of the envelope: 1.1 or 1.2")
    poll_seconds: float = Field(30.0, gt=0, description="pause between two polls")
    page_size: int = Field(50, ge=1, le=500, description="messages asked for at once")
    timeout_seconds: float = Field(30.0, gt=0, description="of one call")
    connect_seconds: float = Field(5.0, gt=0, description="of it, until the connection stands")


@dataclass(frozen=True)
class ProvincialConnector:
    """Polls issued tickets and reminders; reports under the delivery's key as serial number."""

    name: str
    client: Client
    poll_seconds: float
    page_size: int
    areas: AreaTable = NO_AREAS
    source: Source = Source.PROVINCIAL

    async def check(self) -> None:
        await self.client.ping()

    async def poll(self, cursor: str) -> AsyncIterator[Page]:
        """Yield pages, oldest first; save a page's cursor once its bodies are safe.

        Raises: PayloadNotUnderstood when a page with messages leaves the cursor where it was,
        because asking on from there would never end.
        """
        while (result := await self.client.issued(cursor, self.page_size)).items:
            if result.cursor in {"", cursor}:
                raise PayloadNotUnderstood(self.name, "a page of messages without a new cursor")
            yield Page([_body(item) for item in result.items], result.cursor)
            cursor = result.cursor

    def translate(self, body: bytes) -> tuple[Intake, ...]:
        return intakes_from_body(body, self.name, self.areas)

    async def deliver(self, outbound: Outbound) -> Receipt:
        return _receipt(await self.client.report(report_of(outbound)))

    async def ask(self, outbound: Outbound) -> Receipt | None:
        result = await self.client.reported(outbound.key)
        return None if result is None else _receipt(result)

    async def close(self) -> None:
        await self.client.close()


def build(
    name: str,
    settings: Settings,
    *,
    areas: AreaTable = NO_AREAS,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ProvincialConnector:
    binding = f"{{{codes.NAMESPACE}}}ComplaintExchange{settings.soap_version.replace('.', '')}"
    soap = SoapClient(
        name,
        SoapAddress(
            wsdl=WSDL,
            binding=binding,
            url=settings.url,
            timeout_seconds=settings.timeout_seconds,
            connect_seconds=settings.connect_seconds,
            credential_codes=codes.CREDENTIAL_CODES,
            busy_codes=frozenset({codes.BUSY_CODE}),
        ),
    )
    secret = settings.app_secret.get_secret_value()
    credentials = Credentials(settings.app_key, secret, settings.signature)
    client = Client(name, soap, credentials, now)
    return ProvincialConnector(name, client, settings.poll_seconds, settings.page_size, areas)


def _body(item: Item) -> Body:
    content = item.document.encode()
    # a number may come again with another text, and a text again under another number: the
    # document, which names ticket, time and words, is the message
    digest = hashlib.sha256(content).hexdigest()
    return Body(content, f"sha256:{digest}", "application/xml")


def _receipt(result: Result) -> Receipt:
    return Receipt(peer_code=result.code, peer_answer=result.message[:_MOST_ANSWER])
