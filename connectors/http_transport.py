"""httpx over aiohttp's connections: the same client and errors, a fifth of the CPU of its own.

What matters most is which error comes out: only what certainly never reached the peer is a
connect error; whatever fails after that may have been done, and the sender must ask before it
sends again. TLS is checked against the system's certificates, where a city adds its own authority.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from yarl import URL

_PIECE = 64 * 1024  # bytes read at a time; a compressed one may grow a thousandfold

# aiohttp's error -> httpx's, the first that fits
_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    # nothing was sent
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol),
    # it may have arrived
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientError, httpx.RemoteProtocolError),
    (TimeoutError, httpx.ReadTimeout),
    (OSError, httpx.ReadError),
    # a header or a host that cannot be written
    (ValueError, httpx.LocalProtocolError),
)


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Connections of one client; opened in the loop that makes the first call."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        times = request.extensions.get("timeout", {})
        # httpx has made a header of them, and aiohttp takes but one of the two
        url = request.url.copy_with(userinfo=b"") if request.url.userinfo else request.url
        # two turns of the loop: it notices which kept connections their peers have ended, and a
        # call on one of those would be taken for one that may have arrived
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with _as_httpx():
            response = await self._opened().request(
                request.method,
                URL(str(url), encoded=True),  # byte for byte: it may be signed
                headers=request.headers.multi_items(),
                data=content or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    connect=times.get("connect"),  # looking up the name is part of it
                    sock_read=times.get("read"),
                ),
            )
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response),
            extensions={"http_version": b"HTTP/1.1"},
        )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
            )
            # a call must not be repeated behind our back: its nonce is good for one try. There is
            # no public switch; aiohttp's own test client does the same
            self._session._retry_connection = False
        return self._session

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            try:
                async for piece in self._response.content.iter_chunked(_PIECE):
                    yield piece
            except RuntimeError as error:  # aiohttp's word for a session closed under the reader
                raise httpx.ReadError("closed while it was read") from error

    async def aclose(self) -> None:
        self._response.release()  # a connection with unread bytes is closed, not used again


@contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        kind = next(kind for known, kind in _ERRORS if isinstance(error, known))
        raise kind(type(error).__name__) from error
