"""The portal's callback on the wire: one signed POST an event, and the question whether it came."""

from dataclasses import dataclass
from urllib.parse import quote

from connectors.http_client import HttpAnswer, HttpClient
from schemas.errors import RequestRefused
from schemas.outbound import Receipt

_MOST_ANSWER = 2_000  # characters of an answer that a receipt keeps


@dataclass(frozen=True)
class Client:
    """http: its base address is the callback address itself."""

    name: str
    http: HttpClient

    async def reachable(self) -> None:
        """GET on the callback address: 2xx, or 404 or 405 of a portal that has nothing there."""
        try:
            await self.http.call("GET", "", changes=False)
        except RequestRefused as refusal:
            if refusal.peer_code not in {"404", "405"}:
                raise

    async def notify(self, key: str, body: bytes) -> Receipt:
        headers = {"Idempotency-Key": key}
        return _receipt(await self.http.call("POST", "", changes=True, body=body, headers=headers))

    async def noticed(self, key: str) -> Receipt | None:
        """GET {callback}/{key}: the receipt, or None (404) when it never came."""
        try:
            return _receipt(await self.http.call("GET", f"/{quote(key, safe='')}", changes=False))
        except RequestRefused as refusal:
            if refusal.peer_code == "404":
                return None
            raise


def _receipt(answer: HttpAnswer) -> Receipt:
    text = answer.content.decode(errors="replace")[:_MOST_ANSWER]
    return Receipt(peer_code=str(answer.status), peer_answer=text)
