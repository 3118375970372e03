"""The 12345 platform's operations on the wire; README.md has them field by field."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.base import Body, Page
from connectors.hotline12345 import codes
from connectors.hotline12345.wire import AnswerPart, PagePart
from connectors.http_client import HttpClient
from connectors.json_pages import cut
from schemas.errors import (
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)
from schemas.outbound import Receipt

_MOST_ANSWER = 2_000  # characters of an answer that a receipt keeps


class _Naming(BaseModel):
    """What names a version of an order."""

    model_config = ConfigDict(extra="ignore", strict=True)

    orderNo: Annotated[str, Field(min_length=1, max_length=40)]  # noqa: N815 - theirs
    version: int


def body_of(content: bytes) -> Body:
    """The body of one order. Polled and pushed it has the same number: orderNo and version.

    One that does not even name its order goes by its digest: kept, and refused later.
    """
    try:
        naming = _Naming.model_validate_json(content)
        number = f"{naming.orderNo}:{naming.version}"
    except ValidationError:
        number = f"sha256:{sha256(content).hexdigest()}"
    return Body(content, number)


def code_in(content: bytes) -> str:
    """`code` of a refusal's body; "" when it has none."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    code = answer.get("code") if isinstance(answer, dict) else None
    return code if isinstance(code, str) else ""


@dataclass(frozen=True)
class Client:
    """http: signs and calls; page_size: orders asked for at once."""

    name: str
    http: HttpClient
    page_size: int = 100

    async def version(self) -> str:
        """Call GET /api/version: reachable, and the signature is good."""
        answer = await self.http.call("GET", "/api/version", changes=False)
        return self._receipt(answer.content, changes=False).peer_answer

    async def page(self, cursor: str) -> tuple[Page, bool]:
        """Versions of orders behind `cursor`, oldest first, and whether there are more."""
        query = {"since": cursor, "limit": str(self.page_size)}
        answer = await self.http.call("GET", "/api/orders", changes=False, query=query)
        try:
            page = cut(answer.content, "orders")
            rest = PagePart.model_validate(page.rest)
        except ValueError as error:
            code = code_in(answer.content)
            if code and code not in codes.DONE:
                self._receipt(answer.content, changes=False)  # raises what the code means
            detail = type(error).__name__ if isinstance(error, ValidationError) else str(error)
            raise PayloadNotUnderstood(self.name, f"GET /api/orders: {detail}") from error
        return Page([body_of(item) for item in page.items], rest.next), rest.more

    async def update(self, order_no: str, key: str, body: bytes) -> Receipt:
        """Call POST /api/orders/{orderNo}/status."""
        answer = await self.http.call(
            "POST",
            f"/api/orders/{quote(order_no, safe='')}/status",
            changes=True,
            body=body,
            headers={"Idempotency-Key": key},
        )
        return self._receipt(answer.content, changes=True)

    async def applied(self, order_no: str, key: str) -> Receipt | None:
        """Call GET /api/orders/{orderNo}/status/{key}: the receipt, or None: it never arrived."""
        path = f"/api/orders/{quote(order_no, safe='')}/status/{quote(key, safe='')}"
        try:
            answer = await self.http.call("GET", path, changes=False)
            return self._receipt(answer.content, changes=False)
        except RequestRefused as refusal:
            if refusal.peer_code == codes.NOT_APPLIED:
                return None
            raise

    def _receipt(self, content: bytes, *, changes: bool) -> Receipt:
        """Read an answer: HTTP 200 alone does not say that it was done."""
        try:
            answer = AnswerPart.model_validate_json(content)
        except ValidationError as error:
            raise self.http.unreadable("an answer without a code", changes=changes) from error
        code = answer.code
        if code in codes.DONE:
            text = content.decode(errors="replace")[:_MOST_ANSWER]
            return Receipt(peer_code=code, peer_answer=text)
        if code in codes.CREDENTIAL_CODES:
            raise CredentialRefused(self.name, answer.message, peer_code=code)
        if code in codes.BUSY_CODES:
            raise PeerUnavailable(self.name, answer.message, peer_code=code)
        if code in codes.TROUBLE_CODES:
            raise PeerUnavailable(self.name, answer.message, peer_code=code, uncertain=changes)
        raise RequestRefused(self.name, answer.message, peer_code=code)
