"""Calls to REST peers: httpx, limits on time and size, and each failure one of the four errors.

Repeated inside one call is only what was certainly not sent (no connection); every other failure
is the business of the durable retries. What may have arrived is `uncertain`:

| what happened                              | error                | uncertain            |
|---|---|---|
| no connection, even after the repeats      | PeerUnavailable      | no                   |
| time out or connection lost after sending  | PeerUnavailable      | when it changes      |
| 408, 425, 429, 503                         | PeerUnavailable      | no: "not now"        |
| other 5xx                                  | PeerUnavailable      | when it changes      |
| 3xx (a sign-in page, a moved address)      | PeerUnavailable      | no: not followed     |
| 401, 403                                   | CredentialRefused    | no                   |
| other 4xx                                  | RequestRefused       | no                   |
| 2xx, but too large or broken               | PayloadNotUnderstood | then PeerUnavailable |
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from connectors.http_transport import AiohttpTransport
from connectors.outcomes import NO_CREDENTIAL, NOT_NOW, NOT_SENT
from connectors.signing import Keys, Profile, Signed, sign
from schemas.errors import (
    ConnectorError,
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)

_WORTH_REPEATING = (httpx.ConnectError, httpx.ConnectTimeout)
_SERVER_ERROR, _CLIENT_ERROR, _REDIRECT = 500, 400, 300
_MOST_OF_A_REFUSAL = 64 * 1024


@dataclass(frozen=True)
class HttpAddress:
    """Where a peer is.

    url:              base address; paths are put behind it.
    timeout_seconds:  of one try, from its first byte sent to the last byte of the answer.
    tries:            connections that are tried inside one call.
    """

    url: str
    timeout_seconds: float = 15.0
    connect_seconds: float = 3.0
    tries: int = 3
    most_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    content: bytes


class _TooLarge(Exception):
    """The answer is larger than the address allows."""


class HttpClient:
    """One peer's calls. Safe for concurrent calls on one event loop."""

    def __init__(
        self,
        name: str,
        address: HttpAddress,
        keys: Keys,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        peer_code: Callable[[bytes], str] = lambda _content: "",
    ) -> None:
        """peer_code: reads the peer's own code out of a refusal's body; "" when there is none."""
        self._name, self._address, self._keys = name, address, keys
        self._now, self._nonce, self._sleep, self._peer_code = now, nonce, sleep, peer_code
        self._url = httpx.URL(address.url.rstrip("/"))
        self._http: httpx.AsyncClient | None = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        changes: bool,
        body: bytes = b"",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Make one signed call and return its 2xx answer.

        path:     with its leading slash; each part already percent-encoded.
        changes:  whether the peer's books may change by it.
        Raises:   the four ConnectorErrors, as in the table above.
        """
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(_WORTH_REPEATING),
                stop=stop_after_attempt(self._address.tries),
                wait=wait_random_exponential(multiplier=0.1, max=1.0),
                sleep=self._sleep,
                reraise=True,
            ):
                with attempt:
                    answer = await self._once(method, path, body, query or {}, headers or {})
        except NOT_SENT as error:
            raise PeerUnavailable(self._name, f"{method} {path}: {_kind(error)}") from error
        except _TooLarge as error:
            raise self.unreadable(f"{method} {path}: {error}", changes=changes) from error
        except (httpx.HTTPError, TimeoutError) as error:
            why = f"{method} {path}: {_kind(error)} after it was sent"
            raise PeerUnavailable(self._name, why, uncertain=changes) from error
        if answer.status >= _REDIRECT:
            raise self._refusal(f"{method} {path}", answer, changes=changes)
        return answer

    @property
    def profile(self) -> Profile:
        """How calls are signed."""
        return self._keys.profile

    def unreadable(self, detail: str, *, changes: bool) -> ConnectorError:
        """The error for a 2xx answer that nobody can read: a change may have been made."""
        if changes:
            return PeerUnavailable(self._name, detail, uncertain=True)
        return PayloadNotUnderstood(self._name, detail)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _once(
        self,
        method: str,
        path: str,
        body: bytes,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> HttpAnswer:
        url = self._url.copy_with(raw_path=(self._url.path.rstrip("/") + path).encode())
        signed = Signed(method, url.raw_path.decode(), body, query)
        sent = {
            **({"Content-Type": "application/json; charset=utf-8"} if body else {}),
            **headers,
            **sign(self._keys, signed, self._now(), self._nonce()),  # anew: a nonce is used once
        }
        async with (
            asyncio.timeout(self._address.connect_seconds + self._address.timeout_seconds),
            self._open().stream(
                method, url, content=body or None, params=query or None, headers=sent
            ) as response,
        ):
            refused = response.status_code >= _REDIRECT
            most = _MOST_OF_A_REFUSAL if refused else self._address.most_bytes
            content = bytearray()
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > most:
                    if refused:
                        break
                    raise _TooLarge(f"answer larger than {most} bytes")
            return HttpAnswer(response.status_code, bytes(content))

    def _open(self) -> httpx.AsyncClient:
        if self._http is None:  # at the first call: a client belongs to the loop that uses it
            self._http = httpx.AsyncClient(
                transport=AiohttpTransport(),
                timeout=httpx.Timeout(
                    self._address.timeout_seconds, connect=self._address.connect_seconds
                ),
                follow_redirects=False,
                trust_env=False,
            )
        return self._http

    def _refusal(self, call: str, answer: HttpAnswer, *, changes: bool) -> ConnectorError:
        status = answer.status
        code = self._peer_code(answer.content) or str(status)
        words = f"{call}: HTTP {status}"
        if status in NO_CREDENTIAL:
            return CredentialRefused(self._name, words, peer_code=code)
        if status in NOT_NOW or status < _CLIENT_ERROR:
            return PeerUnavailable(self._name, words, peer_code=code)
        if status >= _SERVER_ERROR:
            return PeerUnavailable(self._name, words, peer_code=code, uncertain=changes)
        return RequestRefused(self._name, words, peer_code=code)


def _kind(error: Exception) -> str:
    """The class alone: httpx puts addresses and parameters into its texts."""
    return type(error).__name__
