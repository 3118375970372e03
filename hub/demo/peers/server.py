"""Base of the simulated peers that are called over HTTP: a server on loopback with faults."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from aiohttp import web

from hub.demo.peers.faults import Fault, Faults

_CHANGING = frozenset({"POST", "PUT", "DELETE"})
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpPeer:
    """Listens on 127.0.0.1 at a free port between `start` and `stop`.

    Every call may be struck by 503, slowness or a lost answer; what the faults look like to the
    caller is the same for each peer, except `unavailable`, which a SOAP peer words as a fault.
    """

    def __init__(
        self, faults: Faults, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.faults = faults
        self._pause = pause
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Base address, without a slash at its end."""
        return f"http://127.0.0.1:{self._port}"

    def routes(self) -> list[web.AbstractRouteDef]:
        """The peer's operations."""
        raise NotImplementedError

    def unavailable(self) -> web.Response:
        """The answer that says: not now, nothing was done."""
        return web.Response(status=503, headers={"Retry-After": "1"})

    async def start(self, port: int = 0) -> None:
        app = web.Application(middlewares=[self._strike])
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port or self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening; a later `start` takes the same port again."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    @web.middleware
    async def _strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.faults.strikes(Fault.UNAVAILABLE):
            return self.unavailable()
        if self.faults.strikes(Fault.SLOW):
            await self._pause(self.faults.plan.slow_seconds)
        try:
            answer = await handler(request)
        except ConnectionResetError:  # the caller died in the middle of its call
            return self.unavailable()
        lost = request.method in _CHANGING and self.faults.strikes(Fault.ANSWER_LOST)
        if lost and request.transport is not None:
            request.transport.abort()  # what is written below finds no connection any more
        return answer
